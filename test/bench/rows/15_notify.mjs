// What telling listeners costs those who insert: commits a second of 8 concurrent sessions (pgbench)
// that insert snapshots of ten rows, each into a dashboard of its own where each meets the rule of a
// webhook, with dashboard_diff.notify on and off. A listener LISTENs in both and delivers to nginx;
// it polls once a second, so that it delivers also what it is not told of. The server takes one
// notifying commit at a time: the next one waits until the one before has been flushed.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { psql, quote } from '../psql.mjs';
import { directory, run, startListener, startNginx, vacuum, waitFor } from '../services.mjs';

const seconds = 3;

psql(`INSERT INTO measure (name, what, against, figure, bound, must, sample_unit)
      VALUES ('notify', 'snapshots a second that 8 sessions commit to 8 dashboards, each an alert',
              'the same with \`dashboard_diff.notify\` off', 'ours / theirs', 'at least', 0.8,
              'a second')`);

const { port } = await startNginx();
psql(`INSERT INTO dashboards (id) SELECT 'board ' || i FROM generate_series(0, 7) i`);
psql(`INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
      SELECT d.id, load('before', 10) FROM dashboards d`);
psql(`SELECT subscribe(d.id, 'webhook', 'http://127.0.0.1:${port}/hook', '{"top_n_reordering": 2}')
        FROM dashboards d`);
// Two commits: the document changes and changes back.
const insert = (name) =>
  `INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
   SELECT 'board ' || :client_id, content FROM document WHERE name = '${name}' AND n = 10;`;
const script = join(directory, 'insert.sql');
writeFileSync(script, `${insert('after')}\n${insert('before')}\n`);

const listener = startListener(process.env.PGDATABASE, '--poll', '1');
await waitFor('the listener', () => listener.log().includes('event=database_ready'));
const nothingPending = () =>
  psql(`SELECT count(*) FROM dashboard_deliveries WHERE status = 'pending'`).trim() === '0';

const commits = async (notify) => {
  process.env.PGOPTIONS = `-c client_min_messages=warning -c dashboard_diff.notify=${notify}`;
  const text = await run('pgbench', '-n', '-c', 8, '-j', 2, '-T', seconds, '-f', script);
  await waitFor('the deliveries', nothingPending);
  vacuum();
  return 2 * Number(text.match(/^tps = ([0-9.]+)/m)[1]);
};
const measure = async (repetition, add) => {
  const sides = [['ours', 'on'], ['theirs', 'off']];
  // The table grows: neither side is always the later one.
  for (const [side, notify] of repetition % 2 === 0 ? sides : sides.reverse())
    await add(side, await commits(notify));
};

for (let repetition = 0; repetition <= 3; repetition++)
  await measure(repetition, (side, value) =>
    psql(`SELECT add_sample('notify', ${repetition}, ${quote(side)}, ${value})`));

psql('ALTER SYSTEM SET fsync = on');
psql('SELECT pg_reload_conf()');
const durable = {};
await measure(0, (side, value) => { durable[side] = Math.round(value); });
psql('ALTER SYSTEM RESET fsync');
psql('SELECT pg_reload_conf()');
psql(`INSERT INTO note (content)
      VALUES ('With fsync on the 8 sessions commit ${durable.ours} snapshots a second with \`dashboard_diff.notify\` on, ${durable.theirs} with it off.')`);
process.exit();
