# Who calls run_due_work(): pg_cron, a systemd timer, and several at once beside the background
# worker.

use strict;
use warnings FATAL => 'all';

use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;
use Test::More;
use Text::ParseWords qw(shellwords);

use DashboardTest;

my $test = DashboardTest->new(conf => <<'CONF');
shared_preload_libraries = 'dashboard_diff, pg_cron'
dashboard_diff.databases = 'with_worker'
cron.database_name = 'postgres'
cron.use_background_workers = on
max_worker_processes = 20
CONF
my $node = $test->node;

# So long that nothing becomes due by itself meanwhile.
sub schedule_dashboards
{
    my ($database, $count) = @_;
    $node->safe_psql($database, <<"SQL");
INSERT INTO dashboards (id, view_spec, metadata)
SELECT i, '{"data_sources": {"rows": {"sql": "SELECT 1 AS id"}}}', '{"snapshot_policy": "every 366 days"}'
  FROM generate_series(1, $count) i;
UPDATE dashboard_schedules SET due = now(), run_at = now();
SQL
    return;
}

# The wait of up to a minute goes on beside the rest.
$test->sql('CREATE EXTENSION pg_cron');
schedule_dashboards('postgres', 3);
$test->sql(q{SELECT cron.schedule('* * * * *', 'SELECT run_due_work()')});

subtest 'a worker and several sessions at once' => sub {
    $node->safe_psql('postgres', 'CREATE DATABASE with_worker');
    $node->safe_psql('with_worker', 'CREATE EXTENSION dashboard_diff');
    my $rounds = 4;
    for my $round (1 .. $rounds)
    {
        if ($round == 1) { schedule_dashboards('with_worker', 200) }
        else { $node->safe_psql('with_worker', 'UPDATE dashboard_schedules SET due = now(), run_at = now(); SELECT pg_reload_conf()') }
        my @callers = map {
            $test->start("caller_$_", 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1',
                '-d', $node->connstr('with_worker'),
                map { ('-c', $_) } ('SELECT run_due_work(max_items => 7)') x 10, 'SELECT run_due_work()')
        } 1 .. 4;
        wait_for(sub { !grep { $_->is_running } @callers }, 'the callers');
        is(join('', map { $_->log_text =~ /ERROR/g } @callers), '', 'no caller failed');
        # What the worker was at when they ended.
        wait_for(
            sub {
                $node->safe_psql('with_worker',
                    'SELECT count(*) FROM dashboard_schedules WHERE run_at <= now() OR begun_at IS NOT NULL') eq '0';
            },
            'the worker');
    }
    is($node->safe_psql('with_worker',
            'SELECT count(*), min(n), max(n) FROM (SELECT count(*) AS n FROM dashboard_snapshots GROUP BY dashboard_artifact_id) s'),
        "200|$rounds|$rounds", 'every dashboard has one snapshot each time');
    is($node->safe_psql('with_worker', 'SELECT count(*) FROM dashboard_events'), '0', 'none failed or was missed');
};

subtest 'a query that takes its time holds up no other caller' => sub {
    $node->safe_psql('postgres', 'CREATE DATABASE slow');
    $node->safe_psql('slow', q{CREATE EXTENSION dashboard_diff;
        INSERT INTO dashboards (id, view_spec, metadata) VALUES
          ('a', '{"data_sources": {"rows": {"sql": "SELECT 1 AS id, pg_sleep(600)::text AS slept"}}}', '{"snapshot_policy": "hourly"}'),
          ('b', '{"data_sources": {"rows": {"sql": "SELECT 1 AS id"}}}', '{"snapshot_policy": "hourly"}');
        UPDATE dashboard_schedules SET due = now(), run_at = now() - interval '1 s' WHERE dashboard_artifact_id = 'a'});
    my $caller = $test->start('slow_caller', 'psql', '-XAtq', '-d', $node->connstr('slow'), '-c', 'SELECT run_due_work()');
    $test->wait_for_sql("SELECT count(*) FROM pg_stat_activity WHERE datname = 'slow' AND wait_event = 'PgSleep'", '1');
    $node->safe_psql('slow', "UPDATE dashboard_schedules SET due = now(), run_at = now() WHERE dashboard_artifact_id = 'b'");
    is($node->safe_psql('slow', 'SELECT run_due_work()'), '1', 'another one does the rest');
    # The dashboard can go, and the caller with it.
    $test->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'slow'");
    wait_for(sub { !$caller->is_running }, 'the caller');
    is($node->safe_psql('slow', "SELECT count(*) FROM dashboard_snapshots WHERE dashboard_artifact_id = 'a'"), '0', 'and leaves nothing');
};

# Where "make install" has put the units: beside the listener, which may be under a DESTDIR.
my ($listener) = grep { -x } map { "$_/dashboard_diff_listener" } split /:/, $ENV{PATH};
my $bindir = qx{pg_config --bindir} =~ s/\n//r;
my $units = (dirname($listener) =~ s/\Q$bindir\E$//r) . '/lib/systemd/system';

subtest 'the systemd unit' => sub {
    my $database = 'Timed DB';
    my $schema = 'Dash Board';
    $node->safe_psql('postgres', qq{CREATE DATABASE "$database"});
    $node->safe_psql($database, qq{CREATE SCHEMA "$schema"; CREATE EXTENSION dashboard_diff SCHEMA "$schema";
        CREATE ROLE dashboard_diff LOGIN;
        GRANT USAGE ON SCHEMA "$schema" TO dashboard_diff;
        SELECT "$schema".allow_scheduler('dashboard_diff');
        ALTER DATABASE "$database" SET search_path = "$schema"});
    schedule_dashboards($database, 2);
    $node->safe_psql('postgres', qq{ALTER DATABASE "$database" RESET search_path});

    my $unit = slurp_file("$units/dashboard_diff_work@.service");
    my ($command) = $unit =~ /^ExecStart=(.*)$/m;
    my %environment = map { s/%I/$database/r } $unit =~ /^Environment=(\w+)=(.*)$/mg;
    like($command, qr/^\Q$bindir\E\/psql /, 'starts what is installed');
    unlike($command, qr/[%\$]/, 'nothing that systemd would replace');
    my ($status, $out, $error) = do
    {
        local @ENV{ keys %environment } = values %environment;
        local @ENV{qw(PGHOST PGPORT PGUSER)} = ($node->host, $node->port, 'dashboard_diff');
        $test->run_program(shellwords($command));
    };
    is("$status$out$error", '0', 'it succeeds silently');
    is($node->safe_psql($database, qq{SELECT count(*) FROM "$schema".dashboard_snapshots}), '2', 'and has the work done');
};

subtest 'systemd reads the units' => sub {
    plan skip_all => 'systemd-analyze is not there' if system('command -v systemd-analyze >&2') != 0;
    my ($status, $out, $error) = $test->run_program('systemd-analyze', 'verify', "$units/dashboard_diff_work@.timer",
        "$units/dashboard_diff_work@.service");
    is("$status$out$error", '0', 'it has nothing to say against them');
    ($status, $out) = $test->run_program('systemd-analyze', 'security', '--offline=yes', '--no-pager',
        "$units/dashboard_diff_work@.service");
    my ($exposure) = $out =~ /Overall exposure level.*: ([\d.]+)/;
    cmp_ok($exposure, '<=', 1.2, "exposure level $exposure");
};

$test->wait_for_sql('SELECT count(*) FROM dashboard_snapshots', '3');
pass('pg_cron has the work done');

$test->finish;
