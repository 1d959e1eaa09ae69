// What a listener takes of the machine. Idle: its processor time (the kernel's, in nanoseconds) over
// 20 s with the default options, once it has nothing to do. Backlog: its peak of resident memory
// with a million pending deliveries, all due, to a hundred thousand endpoints: until it has delivered
// 20,000 of them to nginx, or worked for 20 s, and then with endpoints that accept the connection
// and never answer.
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { psql } from '../psql.mjs';
import { startListener, startNginx, vacuum, waitFor } from '../services.mjs';

const database = process.env.PGDATABASE;

psql(`INSERT INTO measure (name, what, against, figure, bound, must, figure_unit) VALUES
        ('idle', 'processor time of an idle listener', '', 'ours', 'at most', 0.1, ' %'),
        ('backlog', 'peak memory of a listener with 1,000,000 deliveries due to 100,000 endpoints',
         '', 'ours', 'at most', 64, ' MB'),
        ('hanging', 'the same, endpoints that never answer', '', 'ours', 'at most', 64, ' MB')`);

// Nanoseconds on a processor, of all threads.
const processorTime = (pid) =>
  readdirSync(`/proc/${pid}/task`)
    .map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]))
    .reduce((sum, time) => sum + time, 0);
const peakMemory = (pid) =>
  Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmHWM:\s*(\d+) kB$/m)[1]) / 1024;

const stop = async (listener) => {
  listener.kill('SIGKILL');
  await listener.done;
};

const idle = startListener(database);
await waitFor('the listener', () => idle.log().includes('event=database_ready'));
await sleep(1000); // what it looks for at the start
const before = processorTime(idle.pid);
const started = performance.now();
await sleep(20_000);
const share = (processorTime(idle.pid) - before) / ((performance.now() - started) * 1e6);
psql(`SELECT add_sample('idle', 1, 'ours', ${share * 100})`);
await stop(idle);

// A thousand alerts of one snapshot, by the trigger; then a thousand deliveries of each, by hand, to
// the addresses 127.x.y.z, all of which are this machine.
psql(`INSERT INTO dashboards (id) VALUES ('ranking')`);
psql(`INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
      VALUES ('ranking', bench_before(1000))`);
psql(`SELECT subscribe('ranking', 'webhook', 'http://127.0.0.1/hook', '{"top_n_reordering": 2}')
        FROM generate_series(1, 1000)`);
psql(`SET dashboard_diff.dispatch_budget = -1;
      INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
      VALUES ('ranking', bench_after(1000))`);

const fill = (port) => {
  psql('TRUNCATE dashboard_deliveries CASCADE');
  // Foreign keys are not checked: a million look-ups that would tell nothing new.
  psql(`SET session_replication_role = replica;
        INSERT INTO dashboard_deliveries (dashboard_artifact_id, alert_id, subscriber_kind, target,
                                          next_attempt_at, created_at)
        SELECT a.dashboard_artifact_id, a.id, 'webhook',
               format('http://127.%s.%s.%s:${port}/hook/%s', 1 + endpoint / 10000,
                      endpoint / 100 % 100, 1 + endpoint % 100, a.id),
               now(), now()
          FROM dashboard_alerts a
         CROSS JOIN generate_series(1, 1000) n
         CROSS JOIN LATERAL (SELECT (a.id * 1000 + n) % 100000 AS endpoint) e`);
  vacuum();
};
const counts = (condition) =>
  Number(psql(`SELECT count(*) FROM dashboard_deliveries WHERE ${condition}`));

fill((await startNginx()).port);
const busy = startListener(database);
const deadline = performance.now() + 20_000;
let delivered = 0;
while (delivered < 20_000 && performance.now() < deadline) {
  await sleep(500);
  delivered = counts(`status = 'delivered'`);
}
const spent = (performance.now() - deadline) / 1000 + 20;
psql(`SELECT add_sample('backlog', 1, 'ours', ${peakMemory(busy.pid)})`);
psql(`INSERT INTO note (content)
      VALUES ('With 1,000,000 deliveries due a listener began with ${Math.round(delivered / spent)} a second.')`);
await stop(busy);

let connections = 0;
const hanging = createServer(() => connections++).listen(0);
await once(hanging, 'listening');
fill(hanging.address().port);
const waiting = startListener(database);
await waitFor('connections', () => connections >= 32);
await sleep(3000); // for what it reads ahead
if (counts(`status = 'pending'`) !== 1_000_000) throw new Error('an endpoint has answered');
psql(`SELECT add_sample('hanging', 1, 'ours', ${peakMemory(waiting.pid)})`);
process.exit();
