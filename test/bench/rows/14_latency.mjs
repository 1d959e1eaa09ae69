// From the commit of a snapshot to the arrival of its webhook, by one clock (commit_to_arrival.cpp,
// which inserts and receives): from when the client had the answer to its commit to when the
// receiver had the whole request. In between are the NOTIFY, the listener's claim, the signing and
// the POST. Every snapshot of a hundred rows meets its dashboard's rule.
//
// One at a time: 40 a second to one dashboard, so that each has arrived before the next is inserted.
// Under load: 300 a second over ten dashboards for 30 s; the pace is kept whatever is late, so that
// a queue that builds up counts. A webhook that does not arrive fails the benchmark.
import { psql } from '../psql.mjs';
import { commitToArrival, freePort, run, startListener, vacuum, waitFor } from '../services.mjs';

psql(`INSERT INTO measure (name, what, against, figure, bound, must, figure_unit) VALUES
        ('arrival', 'commit of a snapshot to the arrival of its webhook, one at a time, median', '',
         'ours', 'at most', 5, ' ms'),
        ('arrival_p99', 'the same, 99th percentile', '', 'ours', 'at most', 25, ' ms'),
        ('arrival_300', 'the same at 300 snapshots a second for 30 s, 99th percentile', '',
         'ours', 'at most', 50, ' ms')`);

const port = await freePort();
psql(`INSERT INTO document
      VALUES ('before', 100, bench_before(100)), ('after', 100, bench_after(100))`);
psql(`INSERT INTO dashboards (id) SELECT 'paced ' || i FROM generate_series(1, 10) i`);
psql(`INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
      SELECT d.id, bench_before(100) FROM dashboards d`);
psql(`SELECT subscribe(d.id, 'webhook', 'http://127.0.0.1:${port}/hook', '{"top_n_reordering": 2}')
        FROM dashboards d`);
const listener = startListener(process.env.PGDATABASE);
await waitFor('the listener', () => listener.log().includes('event=database_ready'));

const percentile = (sorted, share) => sorted[Math.ceil(sorted.length * share) - 1];
const measure = async (dashboards, rate, snapshots) => {
  vacuum();
  const text = await run(commitToArrival, port, dashboards, rate, snapshots);
  const pairs = text.trim().split('\n').map((line) => line.split(' ').map(Number));
  if (pairs.length !== snapshots) throw new Error(`${pairs.length} of ${snapshots} arrived`);
  const late = pairs.map(([, milliseconds]) => milliseconds).sort((a, b) => a - b);
  return {
    rate: snapshots / (Math.max(...pairs.map(([committed]) => committed)) / 1000),
    median: percentile(late, 0.5),
    p99: percentile(late, 0.99),
    longest: late.at(-1),
  };
};

for (let repetition = 0; repetition <= 3; repetition++) {
  const { median, p99 } = await measure(1, 40, 200);
  psql(`SELECT add_sample('arrival', ${repetition}, 'ours', ${median}),
               add_sample('arrival_p99', ${repetition}, 'ours', ${p99})`);
}
const loaded = await measure(10, 300, 9000);
psql(`SELECT add_sample('arrival_300', 1, 'ours', ${loaded.p99})`);

const rounded = (value) => value.toFixed(1);
psql('ALTER SYSTEM SET fsync = on');
psql('SELECT pg_reload_conf()');
const durable = await measure(1, 40, 200);
const durableLoaded = await measure(10, 300, 1500);
psql('ALTER SYSTEM RESET fsync');
psql('SELECT pg_reload_conf()');

psql(`INSERT INTO note (content) VALUES
        ('At ${Math.round(loaded.rate)} snapshots a second all 9,000 webhooks arrived: the median took ${rounded(loaded.median)} ms, the slowest ${rounded(loaded.longest)} ms.'),
        ('With fsync on: one at a time ${rounded(durable.median)} ms (99th percentile ${rounded(durable.p99)} ms), at ${Math.round(durableLoaded.rate)} a second ${rounded(durableLoaded.median)} ms (${rounded(durableLoaded.p99)} ms).')`);
process.exit();
