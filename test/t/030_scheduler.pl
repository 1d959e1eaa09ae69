# The background worker: it takes snapshots that are due, and whatever happens to it, to a query or
# to the extension, it goes on.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use Test::More;

use DashboardTest;

my $test = DashboardTest->new(bare => 1, conf => <<'CONF');
shared_preload_libraries = 'dashboard_diff'
dashboard_diff.databases = 'postgres, "Other DB",postgres'
dashboard_diff.view_timeout = 0
CONF
my $node = $test->node;

# The worker of a database; no database: of the one that is connected to.
sub worker_of { return "FROM pg_stat_activity WHERE backend_type = 'dashboard_diff scheduler' AND datname = "
      . (@_ ? "'$_[0]'" : 'current_database()') }

sub worker_pid
{
    $test->wait_for_sql('SELECT count(*) ' . worker_of(), '1');
    return $test->sql('SELECT pid ' . worker_of());
}

# A dashboard of this query.
sub scheduled
{
    my ($id, $query, $owner) = @_;
    $test->sql('INSERT INTO dashboards (id, owner, view_spec, metadata) VALUES ('
          . hexed($id) . ', '
          . (defined $owner ? hexed($owner) : 'current_user')
          . ", jsonb_build_object('data_sources', jsonb_build_object('rows', jsonb_build_object('sql', "
          . hexed($query)
          . "))), '{\"snapshot_policy\": \"every 366 days\"}');"
          # In the same transaction: only make_due() makes it due.
          . " UPDATE dashboard_schedules SET due = now() + period, run_at = now() + period, is_new = false"
          . ' WHERE dashboard_artifact_id = ' . hexed($id));
    return $id;
}

# Makes it due, and wakes the worker as any reload of the configuration does.
sub make_due
{
    my ($id) = @_;
    $test->sql('UPDATE dashboard_schedules SET due = now(), run_at = now() WHERE dashboard_artifact_id = ' . hexed($id) . '; SELECT pg_reload_conf()');
    return;
}

sub wait_for_snapshots
{
    my ($id, $count) = @_;
    $test->wait_for_sql('SELECT count(*) FROM dashboard_snapshots WHERE dashboard_artifact_id = ' . hexed($id), $count);
    return;
}

my $interrupted = 'the background worker ended or was interrupted while it took this snapshot';

sub wait_for_failures
{
    my ($id, $count, $error) = @_;
    $test->wait_for_sql("SELECT failures = $count AND begun_at IS NULL AND last_error LIKE '%$error%'
         FROM dashboard_schedules WHERE dashboard_artifact_id = " . hexed($id), 't');
    return;
}

sub wait_until_sleeping
{
    $test->wait_for_sql("SELECT count(*) " . worker_of() . " AND wait_event = 'PgSleep'", '1');
    return;
}

subtest 'a worker a database' => sub {
    my $pid = worker_pid();
    is($test->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dashboard_diff scheduler'"), '1',
        'one for each that is there');
    $test->sql('CREATE DATABASE "Other DB"');
    $test->wait_for_sql('SELECT count(*) ' . worker_of('Other DB'), '1');
    pass('also for one that is made later');
    is(worker_pid(), $pid, 'the first one waited for its extension');
};

subtest 'what is due' => sub {
    $test->sql('CREATE EXTENSION dashboard_diff');
    scheduled('fine', 'SELECT 1 AS id, 2 AS score');
    scheduled('fails', 'SELECT 1 AS id, 2 / 0 AS score');
    make_due($_) for qw(fails fine);
    wait_for_snapshots('fine', 1);
    wait_for_failures('fails', 1, 'division by zero');
    is($test->sql("SELECT count(*) FROM dashboard_events WHERE dashboard_artifact_id = 'fails' AND event_type = 'snapshot_failed'"),
        '1', 'the owner is told');
    make_due($_) for qw(fails fine);
    wait_for_snapshots('fine', 2);
    wait_for_failures('fails', 2, 'division by zero');
};

subtest 'what a query leaves behind' => sub {
    scheduled('greedy', q{SELECT 1 AS id, pg_try_advisory_lock(4711) AS locked, set_config('work_mem', '64kB', false) AS memory});
    scheduled('modest', q{SELECT 1 AS id, current_setting('work_mem') AS memory, (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711) AS locks});
    make_due('greedy');
    wait_for_snapshots('greedy', 1);
    make_due('modest');
    wait_for_snapshots('modest', 1);
    my $content = $test->sql("SELECT content FROM dashboard_snapshots WHERE dashboard_artifact_id = 'modest'");
    like($content, qr/"locks": 0/, 'locks of the session are released');
    like($content, qr/"memory": "4MB"/, 'settings of the session are reset');
};

subtest 'an owner has no more rights by the worker' => sub {
    # A trap for each trick, in tables and schemas that others read first by mistake.
    $test->sql(<<'SQL');
CREATE ROLE mallory;
CREATE SCHEMA lair AUTHORIZATION mallory;
CREATE TABLE public.payroll (id text, salary integer);
INSERT INTO public.payroll VALUES ('boss', 1000000);
CREATE TABLE public.log (entry text);
GRANT ALL ON public.log TO PUBLIC;
SET ROLE mallory;
CREATE FUNCTION lair.do(command text) RETURNS text LANGUAGE plpgsql AS $$
  BEGIN EXECUTE command; RETURN 'done as ' || current_user; END $$;
SQL
    my %tricks = (
        'set_role' => [ 'SET ROLE postgres', 'cannot set parameter' ],
        'authorization' => [ 'SET SESSION AUTHORIZATION DEFAULT', 'cannot set parameter' ],
        'temp_table' => [ 'CREATE TEMP TABLE payroll (id text)', 'in a read-only transaction' ],
        'side_effect' => [ "INSERT INTO public.log VALUES ('written')", 'in a read-only transaction' ],
        'read_write' => [ 'SET transaction_read_only = off', 'read-write mode' ],
        'superuser' => [ 'ALTER ROLE mallory SUPERUSER', 'in a read-only transaction' ],
        'foreign_table' => [ 'SELECT * FROM public.payroll', 'permission denied for table payroll' ]);
    for my $trick (sort keys %tricks)
    {
        my ($command, $error) = @{ $tricks{$trick} };
        scheduled($trick, "SELECT lair.do('" . ($command =~ s/'/''/gr) . "') AS id", 'mallory');
        make_due($trick);
        wait_for_failures($trick, 1, $error);
        pass("$trick: $error");
    }
    # Those that are allowed do not last: the next query of another owner sees nothing of them.
    scheduled('path', q{SELECT lair.do('SET search_path = lair') AS id}, 'mallory');
    make_due('path');
    wait_for_snapshots('path', 1);
    $test->sql('CREATE TABLE lair.payroll AS SELECT 1; GRANT ALL ON lair.payroll TO PUBLIC');
    scheduled('honest', 'SELECT id, current_user AS who FROM payroll');
    make_due('honest');
    wait_for_snapshots('honest', 1);
    like($test->sql("SELECT content FROM dashboard_snapshots WHERE dashboard_artifact_id = 'honest'"),
        qr/"id": "boss"/, 'a search_path does not outlive the query that set it');
    is($test->sql('SELECT count(*) FROM public.log'), '0', 'nothing was written');
    is($test->sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'"), 'f', 'no rights were won');
    is($test->sql("SELECT DISTINCT content #>> '{primary_rows,0,id}' FROM dashboard_snapshots WHERE dashboard_artifact_id = 'path'"),
        'done as mallory', 'it ran as its owner');
};

subtest 'nothing is held between two looks' => sub {
    worker_pid();
    $test->wait_for_sql(
        q(SELECT count(*) ) . worker_of()
          . q( AND state = 'idle' AND wait_event = 'Extension' AND xact_start IS NULL AND backend_xmin IS NULL
               AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.pid = pg_stat_activity.pid)),
        '1');
    pass('no transaction, no snapshot, no lock');
};

subtest 'a query is cancelled, then the worker ended, in the middle of it' => sub {
    my $pid = worker_pid();
    scheduled('slow', 'SELECT 1 AS id, pg_sleep(600)::text AS slept');
    make_due('slow');
    wait_until_sleeping();
    $test->sql("SELECT pg_cancel_backend($pid)");
    # Found by whoever looks for work next, and at the latest by the worker after its pause.
    wait_for_failures('slow', 1, $interrupted);
    is(worker_pid(), $pid, 'a cancelled query does not end the worker');

    make_due('slow');
    wait_until_sleeping();
    $test->sql("SELECT pg_terminate_backend($pid)");
    $test->wait_for_sql("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid", '0');
    # It has had its turn: the others come first.
    make_due('fine');
    wait_for_snapshots('fine', 3);
    isnt(worker_pid(), $pid, 'another worker goes on');
    wait_for_failures('slow', 2, $interrupted);
};

subtest 'a query that refuses to be cancelled' => sub {
    my $pid = worker_pid();
    $test->sql(q{CREATE FUNCTION stubborn() RETURNS integer LANGUAGE plpgsql AS $$
        BEGIN
          LOOP
            BEGIN
              PERFORM pg_sleep(600);
            EXCEPTION WHEN query_canceled THEN NULL;
            END;
          END LOOP;
        END $$;
        ALTER SYSTEM SET dashboard_diff.view_timeout = '100 ms'});
    scheduled('stubborn', 'SELECT public.stubborn() AS id');
    make_due('stubborn');
    make_due('fine');
    # It is cancelled all the same, and has had its turn: the others come next.
    wait_for_failures('stubborn', 1, 'longer than dashboard_diff.view_timeout');
    make_due('fine');
    is(worker_pid(), $pid, 'the worker goes on');
    $test->wait_for_sql("SELECT run_at > now() FROM dashboard_schedules WHERE dashboard_artifact_id = 'fine'", 't');
    is($test->sql("SELECT failures FROM dashboard_schedules WHERE dashboard_artifact_id = 'fine'"), '0',
        'the others are not kept from theirs');
    $test->sql('ALTER SYSTEM RESET dashboard_diff.view_timeout; SELECT pg_reload_conf()');
};

subtest 'the server stops in the middle of a query' => sub {
    make_due('slow');
    wait_until_sleeping();
    $node->stop('fast');
    $node->start;
    my $taken = $test->sql("SELECT count(*) FROM dashboard_snapshots WHERE dashboard_artifact_id = 'fine'");
    make_due('fine');
    wait_for_snapshots('fine', $taken + 1);
    wait_for_failures('slow', 3, $interrupted);
    pass('the next worker tells of it and goes on');
};

subtest 'the extension comes and goes' => sub {
    my $log_begin = -s $node->logfile;
    my $pid = worker_pid();
    for my $round (1 .. 10)
    {
        my $schema = $round % 2 ? 'Else where' : 'public';
        $test->sql(qq{DROP EXTENSION dashboard_diff; SELECT pg_reload_conf();
            CREATE SCHEMA IF NOT EXISTS "$schema"; CREATE EXTENSION dashboard_diff SCHEMA "$schema";
            SELECT pg_reload_conf()});
    }
    scheduled('again', 'SELECT 1 AS id');
    make_due('again');
    wait_for_snapshots('again', 1);
    is(worker_pid(), $pid, 'by the same worker');
    unlike(slurp_file($node->logfile, $log_begin), qr/ERROR|FATAL/, 'nothing went wrong');
};

$test->finish;
