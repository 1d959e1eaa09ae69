// One statement in a session of its own; what it returns, as text.
import { execFileSync } from 'node:child_process';

export const psql = (statement) =>
  execFileSync('psql', ['-X', '-q', '-At', '-v', 'ON_ERROR_STOP=1', '-c', statement], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });

export const quote = (text) => `'${text.replaceAll("'", "''")}'`;
