// Prints a notice of health as the receiver got it, and fails where it was not verified.
import { readFileSync } from 'node:fs';

const { path, body, verified, hub_verified, problems } = JSON.parse(readFileSync(0, 'utf8'));
console.log(`${path}: ${body.title}`);
for (const { headline, summary } of body.dashboards) console.log(`  ${headline}: ${summary}`);
const holds = path === '/health' && verified && hub_verified && problems.length === 0;
console.log(`${holds ? 'ok' : 'NOT OK'}  the notice was verified`);
process.exitCode = holds ? 0 : 1;
