// Prints what each subscriber was told and why, as the receiver got it, then checks the counts.
// Usage: report.mjs RECEIVED.jsonl COMMENTS.jsonl COUNTS.json
import { readFileSync } from 'node:fs';

const lines = (path) =>
  readFileSync(path, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
const [receivedPath, commentsPath, countsPath] = process.argv.slice(2);
const received = lines(receivedPath);
const comments = lines(commentsPath);
const counts = JSON.parse(readFileSync(countsPath, 'utf8'));

// Snapshots are numbered as they were taken: two a year, girls first.
const yearOf = (snapshot) => 1880 + Math.floor((snapshot - 1) / 2);
const rows = received
  .map(({ path, body }) => ({
    snapshot: body.snapshot_b,
    dashboard: body.dashboard_id,
    who: path.replace(/^\//, ''),
    why: body.summary,
  }))
  .sort((a, b) => a.snapshot - b.snapshot || (a.who < b.who ? -1 : 1));

const width = Math.max(...rows.map((row) => row.who.length));
const shorten = (text) => (text.length <= 110 ? text : `${text.slice(0, 109)}…`);
console.log(`year  dash.  ${'who'.padEnd(width)}  why`);
for (const row of rows) {
  const cells = [yearOf(row.snapshot), ` ${row.dashboard.padEnd(5)}`, row.who.padEnd(width)];
  console.log(`${cells.join(' ')}  ${shorten(row.why)}`);
}
console.log(`\nand in the dashboards' threads (${comments.length}), for example:`);
for (const comment of comments.slice(0, 3)) console.log(`  ${shorten(comment.why)}`);

const verified = received.filter((r) => r.verified && r.hub_verified && r.problems.length === 0);
const ids = new Set(received.map((r) => r.id));
console.log(
  `\nsnapshots ${counts.snapshots}, alerts ${counts.alerts}, ` +
    `delivered ${counts.delivered}, verified ${verified.length}`,
);

const claims = [
  ['every request was verified', verified.length === received.length],
  ['every delivery arrived, once', ids.size === counts.delivered && received.length === ids.size],
  ['nothing is left undelivered', counts.delivered === counts.deliveries],
  ['every alert is a delivery or a comment', counts.alerts === counts.deliveries + counts.comments],
  ['there is something to show', counts.snapshots === 290 && verified.length > 0],
];
for (const [claim, holds] of claims) {
  console.log(`${holds ? 'ok' : 'NOT OK'}  ${claim}`);
  if (!holds) process.exitCode = 1;
}
