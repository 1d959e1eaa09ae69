# One tenant does all that it can think of at once; the alerts, snapshots and checks of another arrive,
# and once the first lets go, so do its own.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use Test::More;

use DashboardTest;

my $test = DashboardTest->new(conf => <<'CONF');
shared_preload_libraries = 'dashboard_diff'
dashboard_diff.databases = 'postgres'
dashboard_diff.view_timeout = '500ms'
max_connections = 60
CONF
my $node = $test->node;
$test->start_receiver;

$test->sql(<<'SQL');
CREATE ROLE mallory LOGIN;
CREATE ROLE alice LOGIN;
GRANT INSERT, UPDATE, DELETE ON dashboards, dashboard_subscriptions, personas, validation_policies, user_dashboard_preferences,
  health_acknowledgements TO mallory, alice;
GRANT INSERT, DELETE ON dashboard_snapshots, artifact_comments TO mallory, alice;
GRANT DELETE ON validation_records TO mallory, alice;
GRANT UPDATE (status, attempts, next_attempt_at, parked, finished_at), INSERT ON dashboard_deliveries TO mallory, alice;
CREATE SCHEMA mallory AUTHORIZATION mallory;
CREATE SCHEMA alice AUTHORIZATION alice;

SET ROLE alice;
CREATE TABLE alice.shown (id integer, x integer);
INSERT INTO alice.shown VALUES (1, 0);
CREATE TABLE alice.t (no bigint GENERATED ALWAYS AS IDENTITY, board text, taken timestamptz DEFAULT clock_timestamp(), doc jsonb);
INSERT INTO dashboards (id, view_spec, metadata) VALUES
  ('alice', '{"data_sources": {"rows": {"sql": "SELECT id, x FROM alice.shown"}}}', '{"snapshot_policy": "every 1 minute", "checks": [{"min_rows": 1}]}');
INSERT INTO dashboards (id) VALUES ('own table');
SELECT watch_snapshots('alice.t', 'no', 'board', 'taken', 'doc');
INSERT INTO alice.t (board, doc) VALUES ('own table', '[{"id": 1, "x": 0}]');
INSERT INTO validation_policies (name, window_start, window_end, min_gap, dashboard_ids) VALUES ('alice''s', '00:00', '24:00', '0', '{alice}');

RESET ROLE;
SET SESSION AUTHORIZATION mallory;
INSERT INTO personas (id) VALUES ('mp');
CREATE TABLE mallory.t (no bigint, board text, taken timestamptz, doc jsonb);
CREATE FUNCTION mallory.refuse() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF session_user = 'mallory' THEN RETURN true; END IF;
  LOOP
    BEGIN PERFORM pg_sleep(1000); EXCEPTION WHEN query_canceled OR OTHERS THEN NULL; END;
  END LOOP;
END $$;
INSERT INTO dashboards (id, title, view_spec, metadata)
SELECT 'm' || i, repeat('x', 1000000), '{"data_sources": {"rows": {"sql": "SELECT 1 AS id, clock_timestamp()::text AS x"}}}',
       '{"snapshot_policy": "every 1 minute", "checks": [{"min_rows": 1}]}'
  FROM generate_series(1, 10) i;
INSERT INTO dashboards (id, view_spec, metadata) VALUES
  ('refuses', '{"data_sources": {"rows": {"sql": "SELECT 1 AS id, mallory.refuse() AS x"}}}', '{"snapshot_policy": "every 1 minute"}');
INSERT INTO dashboards (id) VALUES ('mt');
SELECT subscribe('m' || i, 'webhook', 'https://192.0.2.1/x', '{"field_changed": "x"}') FROM generate_series(1, 10) i;
SELECT subscribe('mt', 'persona', 'mp', jsonb_build_object('OR', jsonb_agg(jsonb_build_object('value_delta_pct', 0.1 + i))))
  FROM generate_series(1, 250) i;
SELECT watch_snapshots('mallory.t', 'no', 'board', 'taken', 'doc');
CREATE INDEX ON mallory.t (no) WHERE mallory.refuse();
INSERT INTO validation_policies (name, window_start, window_end, min_gap, dashboard_ids)
SELECT 'm' || i, '00:00', '24:00', '0', ARRAY['m' || i] FROM generate_series(1, 9) i;
SQL
my $hook = $test->sql("SET ROLE alice; SELECT subscribe('alice', 'webhook', '" . $test->url('/alice') . q<', '{"field_changed": "x"}')>);
$test->add_secret('/alice', $test->secret($hook));
my $own_hook = $test->sql("SET ROLE alice; SELECT subscribe('own table', 'webhook', '" . $test->url('/own') . q<', '{"value_delta": 1, "on_field": "x"}')>);
$test->add_secret('/own', $test->secret($own_hook));
$test->start_listener;
$test->wait_for_sql("SELECT count(*) > 0 FROM dashboard_snapshots WHERE dashboard_artifact_id = 'alice'", 't');
$test->wait_for_sql("SELECT count(*) FROM dashboard_snapshots WHERE dashboard_artifact_id ~ '^m\\d+\$'", 10);

# Deliveries of hers to be held, and those that a dump of an earlier version may have brought.
$test->sql("SET SESSION AUTHORIZATION mallory; SELECT take_snapshot('m1'); SELECT send_test(id) FROM dashboard_subscriptions WHERE subscriber_kind = 'webhook'");
$test->sql(<<'SQL');
SET row_security = off;
INSERT INTO dashboard_deliveries (dashboard_artifact_id, id, test_of, subscriber_kind, target, attempts, next_attempt_at)
SELECT s.dashboard_artifact_id, v.id, s.id, s.subscriber_kind, s.subscriber_id, v.attempts, v.at
  FROM dashboard_subscriptions s,
       (VALUES (9000000000000000000, 0, now()), (-1, 0, now()), (1000001, 2147483647, now()), (1000002, -2147483648, now()),
               (1000003, 0, '-infinity'), (1000004, 0, 'infinity')) v(id, attempts, at)
 WHERE s.dashboard_artifact_id = 'm1';
UPDATE dashboard_subscriptions SET secret_version = -2147483648, previous_secret_until = 'infinity' WHERE dashboard_artifact_id = 'm2';
SQL

$test->sql(<<'SQL');
SET SESSION AUTHORIZATION mallory;
SET dashboard_diff.dispatch_budget = 0;
INSERT INTO mallory.t VALUES (1, 'mt', now(), '[]'), (2, 'mt', now(), '[{"id": 1}]');
SQL
my @sessions;
foreach my $statement (
    "SELECT count(*) FROM (SELECT FROM dashboard_deliveries FOR UPDATE) x",
    "SELECT count(*) FROM (SELECT FROM dashboards WHERE id IN ('m3', 'm4', 'refuses', 'mt') FOR UPDATE) x",
    "UPDATE dashboards SET title = 'y', metadata = metadata || '{\"a\": 1}' WHERE id IN ('m5', 'm6')",
    "SELECT count(*) FROM (SELECT FROM dashboard_subscriptions FOR UPDATE) x",
    "SELECT count(*) FROM (SELECT FROM validation_policies WHERE name IN ('m1', 'm2') FOR UPDATE) x;"
      . " UPDATE validation_policies SET min_gap = '1 s' WHERE name IN ('m3', 'm4');"
      . " INSERT INTO validation_policies (name, window_start, window_end, dashboard_ids) VALUES ('open', '00:00', '24:00', '{m10}')",
    "SELECT count(take_snapshot(id)) FROM dashboards WHERE id IN ('m7', 'm8', 'm9', 'm10')",
    "LOCK TABLE mallory.t")
{
    my $session = $test->session(extra_params => [ '-U', 'mallory' ]);
    $session->query("BEGIN; $statement");
    push @sessions, $session;
}
sub wake_worker { $test->sql('SELECT pg_reload_conf()'); return }

# Meanwhile all of alice's goes on, again and again.
foreach my $round (1 .. 3)
{
    my $snapshots = $test->sql("SELECT count(*) FROM dashboard_snapshots WHERE dashboard_artifact_id = 'alice'");
    my $records = $test->sql("SELECT count(*) FROM validation_records WHERE dashboard_id = 'alice'");
    $test->sql("UPDATE alice.shown SET x = $round");
    # All that can be is due, hers first.
    $test->sql("UPDATE dashboard_schedules SET due = now(), run_at = now() - CASE WHEN dashboard_artifact_id = 'alice' THEN '0' ELSE interval '1 s' END
      WHERE dashboard_artifact_id IN (SELECT dashboard_artifact_id FROM dashboard_schedules FOR UPDATE SKIP LOCKED)");
    $test->sql("DELETE FROM validation_tasks WHERE dashboard_id = 'alice'; DELETE FROM validation_windows w USING validation_policies p WHERE p.id = w.policy_id AND p.name = 'alice''s'");
    $test->sql("SET ROLE alice; SET dashboard_diff.dispatch_budget = 0; INSERT INTO alice.t (board, doc) VALUES ('own table', '[{\"id\": 1, \"x\": " . 10 * $round . "}]')");
    wait_for(sub { wake_worker(); $test->sql("SELECT count(*) FROM dashboard_snapshots WHERE dashboard_artifact_id = 'alice'") > $snapshots },
        "alice's snapshot of round $round");
    $test->wait_for_requests($round, '/alice');
    $test->wait_for_requests($round, '/own');
    wait_for(
        sub {
            $test->sql("UPDATE validation_tasks SET scheduled_at = now() WHERE dashboard_id = 'alice' AND status = 'pending'");
            wake_worker();
            $test->sql("SELECT count(*) FROM validation_records WHERE dashboard_id = 'alice'") > $records;
        },
        "alice's check of round $round");
    $test->sql("SET ROLE alice; INSERT INTO validation_policies (name, window_start, window_end, dashboard_ids) VALUES ('more $round', '00:0$round', '00:1$round', '{own table}'); DELETE FROM validation_policies WHERE name = 'more $round'");
    pass("round $round");
}
is($test->sql("SELECT count(*) FROM dashboard_deliveries WHERE dashboard_artifact_id IN ('alice', 'own table') AND status <> 'delivered'"), 0, "all of alice's is marked as delivered");
is($test->sql("SELECT failures FROM dashboard_schedules WHERE dashboard_artifact_id = 'alice'"), 0, 'no snapshot of hers failed');

# She lets go, and what was put off is done.
$_->query('ROLLBACK') for @sessions;
$_->quit for @sessions;
my $taken = $test->sql("SELECT count(*) FROM dashboard_snapshots WHERE dashboard_artifact_id ~ '^m\\d+\$'");
$test->sql("DROP INDEX mallory.t_no_idx; UPDATE dashboard_schedules SET due = now(), run_at = now(); UPDATE dashboard_pending_snapshots SET retry_at = now()");
wait_for(sub { wake_worker(); $test->sql("SELECT count(DISTINCT dashboard_artifact_id) FROM dashboard_snapshots WHERE dashboard_artifact_id ~ '^m\\d+\$' AND captured_at > now() - interval '2 min'") == 10 },
    "mallory's snapshots");
$test->wait_for_sql("SELECT count(*) FROM dashboard_pending_snapshots", 0);
# What cannot be delivered is set aside.
$test->wait_for_sql("SELECT count(*) FROM dashboard_deliveries WHERE status <> 'dead' AND id IN (1000001, 1000002)", 0);
like($test->sql("SELECT string_agg(DISTINCT last_error, '; ') FROM dashboard_schedules WHERE dashboard_artifact_id = 'refuses'"), qr/longer than dashboard_diff.view_timeout/, 'what refuses to end failed for that');
is($test->sql("SELECT count(*) FROM dashboard_snapshots WHERE dashboard_artifact_id = 'refuses'"), 0, 'and is no snapshot');

done_testing();
