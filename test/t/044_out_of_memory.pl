# Memory that is out in the middle of somebody's query, and for a while after: the snapshot fails, and
# the session goes on as if nothing had been.

use strict;
use warnings FATAL => 'all';

use File::Spec;
use PostgreSQL::Test::Utils;
use Test::More;

use DashboardTest;

my $dir = File::Spec->rel2abs(PostgreSQL::Test::Utils::tempdir('allocator'));
my ($shim, $failures) = ("$dir/failing_malloc.so", "$dir/failures");
system_or_bail('cc', '-shared', '-fPIC', '-O2', '-o', $shim, 't/failing_malloc.c', '-ldl');
append_to_file($failures, '0');

$ENV{LD_PRELOAD} = $shim;
$ENV{FAILING_MALLOC} = $failures;
my $test = DashboardTest->new(conf => <<'CONF');
shared_preload_libraries = 'dashboard_diff'
dashboard_diff.databases = 'postgres'
CONF
delete @ENV{qw(LD_PRELOAD FAILING_MALLOC)};
my $node = $test->node;

# The allocator fails as soon as the query runs.
$test->sql(<<"SQL");
CREATE FUNCTION fail_allocations(n integer) RETURNS text LANGUAGE plpgsql AS \$\$
BEGIN
  EXECUTE format('COPY (SELECT %s) TO ''$failures''', n);
  RETURN repeat('x', 1000000);
END \$\$;
CREATE TABLE failing (n integer);
CREATE FUNCTION failing_rows() RETURNS SETOF text LANGUAGE sql AS 'SELECT fail_allocations(n) FROM failing';
INSERT INTO dashboards (id, view_spec, metadata) VALUES
  ('failing', '{"data_sources": {"rows": {"sql": "SELECT 1 AS id, x FROM failing_rows() AS x"}}}', '{"snapshot_policy": "every 366 days"}'),
  ('honest', '{"data_sources": {"rows": {"sql": "SELECT 1 AS id"}}}', '{"snapshot_policy": "every 366 days"}');
INSERT INTO failing VALUES (0);
SQL
my $due = 'UPDATE dashboard_schedules SET due = now(), run_at = now(); SELECT pg_reload_conf()';
$test->wait_for_sql("SELECT count(*) FROM dashboard_snapshots", 2);
my $worker = $test->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'dashboard_diff scheduler'");

foreach my $n (1, 2, 3, 5, 8)
{
    # The worker looks again with every reload of the configuration.
    my $snapshots = $test->sql("SELECT count(*) FROM dashboard_snapshots WHERE dashboard_artifact_id = 'honest'");
    $test->sql("UPDATE failing SET n = $n; UPDATE dashboard_schedules SET failures = 0; $due");
    $test->wait_for_sql("SELECT count(*) FROM dashboard_snapshots WHERE dashboard_artifact_id = 'honest' AND pg_reload_conf()", $snapshots + 1);
    $test->wait_for_sql("SELECT failures > 0 AND last_error ~ 'memory|ended or was interrupted' AND begun_at IS NULL AND pg_reload_conf() FROM dashboard_schedules WHERE dashboard_artifact_id = 'failing'", 't');
    is($test->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dashboard_diff scheduler' AND xact_start < now() - interval '5 s'"), 0,
        "$n failures: the worker is in no transaction that it does not end");
    open my $file, '>', $failures or die;
    print $file '0';
    close $file;

    # Somebody's own session, which goes on in its transaction.
    my ($out, $err) = ('', '');
    $node->psql('postgres', <<"SQL", stdout => \$out, stderr => \$err, on_error_stop => 0);
\\set ON_ERROR_ROLLBACK on
LOAD 'dashboard_diff';
BEGIN;
CREATE TABLE kept_$n AS SELECT $n AS n;
SELECT take_snapshot('failing');
\\! printf 0 > $failures
SELECT 'in level', current_user, current_setting('transaction_read_only'), n FROM kept_$n;
COMMIT;
SELECT 'kept', n FROM kept_$n;
SQL
    like($err, qr/ERROR:.*/, "$n failures: take_snapshot() fails");
    like($out, qr/^in level\|postgres\|off\|$n\nkept\|$n$/m, "$n failures: and its session goes on, and commits");
    open $file, '>', $failures or die;
    print $file '0';
    close $file;
}
is($test->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'dashboard_diff scheduler'"), $worker, 'the worker is the same all the time');

done_testing();
