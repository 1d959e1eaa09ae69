# What one tenant holds in an open transaction does not hold up the background worker's work for
# another, and what it held is done afterwards. The worker itself stays in no transaction.

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Run qw(run);
use PostgreSQL::Test::Utils;
use Test::More;

use DashboardTest;

my $test = DashboardTest->new(conf => <<'CONF');
shared_preload_libraries = 'dashboard_diff'
dashboard_diff.databases = 'postgres'
CONF
my $node = $test->node;
my $worker = "FROM pg_stat_activity WHERE backend_type = 'dashboard_diff scheduler'";

$test->sql(<<'SQL');
CREATE ROLE alice;
CREATE ROLE mallory;
GRANT INSERT, UPDATE, DELETE ON dashboards, dashboard_subscriptions, personas, validation_policies,
  user_dashboard_preferences, health_acknowledgements TO alice, mallory;
GRANT INSERT, DELETE ON dashboard_snapshots, artifact_comments TO alice, mallory;
GRANT DELETE ON validation_records TO alice, mallory;
SQL

# Ten dashboards of mallory's and one of alice's. Only make_due() makes them due.
sub make_dashboards
{
    $test->sql(<<'SQL');
DELETE FROM validation_policies;
DELETE FROM dashboards;
DELETE FROM personas;
BEGIN;
INSERT INTO dashboards (id, owner, view_spec, metadata)
SELECT name, owner, '{"data_sources": {"rows": {"sql": "SELECT 1 AS id, clock_timestamp()::text AS at"}}}',
       '{"snapshot_policy": "every 366 days", "checks": [{"snapshot": "ok"}]}'
  FROM (SELECT 'm' || i, 'mallory' FROM generate_series(0, 9) i UNION ALL SELECT 'alice', 'alice') AS v (name, owner);
UPDATE dashboard_schedules SET due = now() + period, run_at = now() + period, is_new = false;
INSERT INTO personas VALUES ('fan', 'mallory');
COMMIT;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, captured_at, content) SELECT id, now() - interval '1 s', '[]' FROM dashboards;
SET ROLE mallory;
SELECT count(subscribe(id, 'persona', 'fan', '{"set_added_min": 1}')) FROM dashboards;
SQL
    return;
}

sub make_due
{
    # alice's comes last. Those that somebody deletes just now are left to the next call.
    $test->sql(q{UPDATE dashboard_schedules s SET due = now(), run_at = now() - CASE s.dashboard_artifact_id WHEN 'alice' THEN interval '0' ELSE interval '1 s' END
          FROM (SELECT dashboard_artifact_id AS id FROM dashboard_schedules WHERE run_at > now() + interval '1 day' AND last_snapshot_at IS NULL FOR UPDATE SKIP LOCKED) free
         WHERE free.id = s.dashboard_artifact_id;
        SELECT pg_reload_conf()});
    return;
}

my %holds = (
    'dashboards locked' => q{SELECT count(*) FROM (SELECT FROM dashboards FOR UPDATE) x},
    'dashboards deleted' => q{DELETE FROM dashboards},
    'snapshots taken' => q{SELECT count(take_snapshot(id)) FROM dashboards},
    'snapshots inserted' => q{INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) SELECT id, '[]' FROM dashboards},
    'subscriptions locked' => q{SELECT count(*) FROM (SELECT FROM dashboard_subscriptions FOR UPDATE) x},
    'personas locked' => q{SELECT count(*) FROM (SELECT FROM personas FOR UPDATE) x});

for my $hold (sort keys %holds)
{
    subtest "snapshots: $hold" => sub {
        make_dashboards();
        my $mallory = $test->session;
        $mallory->query_safe("SET ROLE mallory; BEGIN; $holds{$hold}");
        make_due();
        $test->wait_for_sql(q{SELECT last_snapshot_at IS NOT NULL FROM dashboard_schedules WHERE dashboard_artifact_id = 'alice'}, 't');
        pass("alice's is taken");
        is($test->sql(q{SELECT count(*) FROM pg_stat_activity WHERE usename IS NOT NULL AND state = 'idle in transaction'}), '1', 'mallory still holds hers');
        $mallory->query_safe('ROLLBACK');
        make_due();
        $test->wait_for_sql(q{SELECT bool_and(last_snapshot_at IS NOT NULL AND held = 0) FROM dashboard_schedules}, 't');
        is($test->sql(q{SELECT sum(failures) FROM dashboard_schedules}), '0', 'hers are taken afterwards, and have not failed');
        is($test->sql(q{SELECT count(*) FROM dashboard_events WHERE event_type LIKE 'snapshot%'}), '0', 'nor were they missed');
        $mallory->quit;
    };
}

# Checks of all dashboards by one policy, and of alice's by one of hers; due from the beginning.
sub make_checks
{
    make_dashboards();
    $test->sql(<<'SQL');
INSERT INTO health_acknowledgements (dashboard_id, record_id, checked_at, status, acknowledged_by)
SELECT id, 0, 'epoch', 'FAIL', 'mallory' FROM dashboards WHERE owner = 'mallory';
INSERT INTO validation_records (dashboard_id, status, created_at) SELECT id, 'FAIL', 'epoch' FROM dashboards;
INSERT INTO validation_policies (name, owner, window_start, window_end, custom_channels, alert_condition)
VALUES ('hers', 'mallory', '0:00', '24:00', '[]', 'ALWAYS'),
       ('all', 'alice', '0:00', '24:00', '[{"type": "email", "target": "alice@example.com"}]', 'ALWAYS');
SELECT pg_reload_conf();
SQL
    $test->wait_for_sql(q{SELECT count(*) FROM validation_tasks}, '11');
    return;
}

my %check_holds = (
    'dashboards locked' => q{SELECT count(*) FROM (SELECT FROM dashboards FOR UPDATE) x},
    'dashboards titled' => q{UPDATE dashboards SET title = 'mine'},
    'dashboards deleted' => q{DELETE FROM dashboards},
    'records deleted' => q{DELETE FROM validation_records},
    'acknowledgements' => q{UPDATE health_acknowledgements SET note = 'mine'},
    'policy changed' => q{UPDATE validation_policies SET name = 'mine'},
    'preferences' => q{INSERT INTO user_dashboard_preferences (user_name) VALUES ('mallory')});

for my $hold (sort keys %check_holds)
{
    subtest "checks: $hold" => sub {
        make_checks();
        my $mallory = $test->session;
        $mallory->query_safe("SET ROLE mallory; BEGIN; $check_holds{$hold}");
        # In a transaction that waits for nobody: the worker, too, meets mallory's first.
        $test->sql(q{UPDATE validation_tasks t SET scheduled_at = now() - CASE dashboard_id WHEN 'alice' THEN interval '0' ELSE interval '1 s' END
              FROM (SELECT id FROM validation_tasks FOR NO KEY UPDATE SKIP LOCKED) free WHERE free.id = t.id; SELECT pg_reload_conf()});
        $test->wait_for_sql(q{SELECT status FROM health_summary() WHERE dashboard_id = 'alice'}, 'PASS');
        pass("alice's is done");
        $test->wait_for_sql(q{SELECT count(*) FROM validation_notices WHERE owner = 'alice'}, '1');
        pass('and she is told');
        $mallory->query_safe('ROLLBACK');
        $test->sql(q{UPDATE validation_tasks SET scheduled_at = now() WHERE status = 'pending' AND scheduled_at > now(); SELECT pg_reload_conf()});
        $test->wait_for_sql(q{SELECT count(*) FROM validation_tasks WHERE status = 'done'}, '11');
        is($test->sql(q{SELECT string_agg(DISTINCT status, ' ') FROM health_summary()}), 'PASS', "mallory's are done afterwards");
        is($test->sql(q{SELECT count(*) FROM dashboard_events WHERE event_type = 'validation_missed'}), '0', 'none was missed');
        $mallory->quit;
        $test->sql('DELETE FROM validation_notices');
    };
}

subtest 'policies that are not committed' => sub {
    make_dashboards();
    my $mallory = $test->session;
    $mallory->query_safe(q{SET ROLE mallory; BEGIN; INSERT INTO validation_policies (name, window_start, window_end) VALUES ('m', '1:00', '2:00')});
    $test->sql(q{SET lock_timeout = '5s'; SET ROLE alice; INSERT INTO validation_policies (name, window_start, window_end) VALUES ('a', '1:00', '2:00')});
    pass("alice's does not wait");
    $mallory->quit;
    $test->sql('DELETE FROM validation_policies');
};

subtest 'a subtransaction that is left open' => sub {
    my $library = abs_path($test->dir) . '/left_open.so';
    chomp(my $headers = `pg_config --includedir-server`);
    my $output = '';
    run([ 'cc', '-shared', '-fPIC', "-I$headers", '-o' => $library, dirname(__FILE__) . '/left_open.c' ], '>&' => \$output)
      or die "cc: $output";
    my %logged = (leave_open => 'a subtransaction was left open', fail_open => 'failed within a subtransaction');
    for my $function (sort keys %logged)
    {
        make_dashboards();
        my $from = -s $node->logfile;
        $test->sql("CREATE OR REPLACE FUNCTION next_work_due(at timestamptz DEFAULT clock_timestamp()) RETURNS interval
            LANGUAGE c VOLATILE STRICT AS '$library', '$function'; SELECT pg_reload_conf()");
        DashboardTest::wait_for(sub { slurp_file($node->logfile, $from) =~ /\Q$logged{$function}\E/ }, 'the log');
        pass("$function: it is logged");
        $test->wait_for_sql("SELECT state = 'idle' AND xact_start IS NULL $worker", 't');
        pass('the transaction is over');
        make_due();
        $test->wait_for_sql(q{SELECT bool_and(last_snapshot_at IS NOT NULL) FROM dashboard_schedules}, 't');
        pass('what is done is committed');
    }
};

$node->stop;
done_testing();
