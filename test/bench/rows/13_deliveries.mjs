// Signed deliveries a second: 20,000 that are due, 1,000 webhooks of each of 20 dashboards, posted to
// nginx on this machine. Ours is all that a user waits for: from the start of a listener with --once
// to its exit, the log written to a file, every outcome in the database. The peer is a bare loop over
// libcurl's multi interface (bare_post.cpp) that posts the very same requests, recorded from a first
// pass of the listener and read into memory before its clock starts. Both keep as many requests in
// flight and reuse their connections. Every repetition has a new copy of the database.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { psql } from '../psql.mjs';
import {
  barePost,
  directory,
  run,
  startListener,
  startNginx,
  startRecorder,
  vacuum,
} from '../services.mjs';

const concurrency = '32';
const due = 20_000;

psql(`INSERT INTO measure (name, what, against, figure, bound, must, sample_unit)
      VALUES ('deliveries', 'signed webhooks delivered, 20,000 due, to nginx on this machine',
              'a bare loop over libcurl''s multi interface posting the same requests',
              'ours / theirs', 'at least', 0.7, 'a second')`);

// Twenty dashboards of a thousand rows, twenty distinct rules each, a path of its own a webhook.
psql(`INSERT INTO dashboards (id) SELECT 'ranking ' || i FROM generate_series(1, 20) i;
      INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
      SELECT id, bench_before(1000) FROM dashboards;
      INSERT INTO dashboard_subscriptions (dashboard_artifact_id, subscriber_kind, subscriber_id,
                                           threshold_json)
      SELECT d.id, 'webhook', 'http://127.0.0.1/hook/' || row_number() OVER (),
             format('{"OR": [{"value_delta_pct": 0.0%s, "on_field": "score", "min_rows": 3},
                             {"top_n_reordering": 2}]}', 10 + i % 20)::jsonb
        FROM dashboards d, generate_series(1, 1000) i`);
psql(`SET dashboard_diff.dispatch_budget = -1;
      INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
      SELECT id, bench_after(1000) FROM dashboards`);
vacuum();

const database = process.env.PGDATABASE;
const inDatabase = (name, work) => {
  process.env.PGDATABASE = name;
  try {
    return work();
  } finally {
    process.env.PGDATABASE = database;
  }
};

// Runs a listener over a copy of the database whose webhooks are at the port; seconds.
const deliver = async (port) => {
  const copy = `${database}_copy`;
  inDatabase('postgres', () => psql(`CREATE DATABASE "${copy}" TEMPLATE "${database}"`));
  inDatabase(copy, () => {
    psql(`UPDATE dashboard_deliveries
             SET target = replace(target, '127.0.0.1', '127.0.0.1:${port}')`);
    psql('VACUUM FULL ANALYZE dashboard_deliveries');
  });
  const started = performance.now();
  const listener = startListener(copy, '--once', '--concurrency', concurrency);
  const status = await listener.done;
  const seconds = (performance.now() - started) / 1000;
  const delivered = inDatabase(copy, () =>
    psql(`SELECT count(*) FROM dashboard_deliveries WHERE status = 'delivered' AND attempts = 1`),
  );
  if (status !== 0 || Number(delivered) !== due)
    throw new Error(`${delivered.trim()} delivered, exit status ${status}: ${listener.log()}`);
  inDatabase('postgres', () => psql(`DROP DATABASE "${copy}"`));
  return seconds;
};

const recorder = await startRecorder();
await deliver(recorder.port);
recorder.close();
const { requests } = recorder;
if (requests.length !== due) throw new Error(`${requests.length} requests recorded`);
const file = join(directory, 'requests');
writeFileSync(file, requests.map(({ head, body }) => `${head}\n\n${body}\n`).join(''));

const { port } = await startNginx();
for (let repetition = 0; repetition <= 4; repetition++) {
  const ours = due / (await deliver(port));
  psql(`SELECT add_sample('deliveries', ${repetition}, 'ours', ${ours})`);
  const theirs = await run(barePost, file, `http://127.0.0.1:${port}`, concurrency);
  psql(`SELECT add_sample('deliveries', ${repetition}, 'theirs', ${theirs})`);
}

const bytes = requests.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
psql(`INSERT INTO note (content)
      VALUES ('The bodies of the 20,000 webhooks are ${Math.round(bytes / due)} bytes long on average.')`);
process.exit();
