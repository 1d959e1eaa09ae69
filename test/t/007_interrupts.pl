# However large the documents, a statement can be stopped; and what fails leaves nothing behind.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use Test::More;

use DashboardTest;

my $test = DashboardTest->new(conf => "work_mem = '64MB'\njit = off");

# Two snapshots of a million rows: every value differs, and so does the order.
$test->sql(<<'SQL');
CREATE TABLE documents (n integer PRIMARY KEY, content jsonb);
ALTER TABLE documents ALTER content SET STORAGE EXTERNAL;
INSERT INTO documents
SELECT n, ('{"rank_by": "v", "primary_rows": ['
           || string_agg('{"id":' || i || ',"v":' || i::bigint * f % 1000003 || '}', ',')
           || ']}')::jsonb
  FROM (VALUES (1, 1), (2, 7919)) AS d(n, f), generate_series(1, 1000000) i
 GROUP BY n;
SQL

my $pair = 'documents a, documents b WHERE a.n = 1 AND b.n = 2';
my $diff = "SELECT pg_column_size(dashboard_diff(a.content, b.content)) FROM $pair";
my $meets = "SELECT meets_threshold(dashboard_diff(a.content, b.content),
                                    '{\"value_delta_pct\": 0.5}') FROM $pair";
my $insert = "INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
              SELECT 'large', content FROM documents WHERE n = 2";

$test->dashboard('large');
$test->sql("SELECT subscribe('large', 'email', 'ana\@example.com', '@{[any_change]}')");
$test->sql("INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
            SELECT 'large', content FROM documents WHERE n = 1");

# What a statement returns, and the milliseconds that it took.
sub timed
{
    my ($statement) = @_;
    return split /\n/, $test->sql("SELECT clock_timestamp() AS begun \\gset
        $statement;
        SELECT extract(epoch FROM clock_timestamp() - :'begun')::numeric * 1000");
}

my $milliseconds;    # that a diff takes

subtest 'a diff of a million rows succeeds where nobody stops it' => sub {
    my ($size, $first) = timed($diff);
    my ($truth, $second) = timed($meets);
    cmp_ok($size, '>', 50_000_000, 'it is large');
    is($truth, 't', 'it can be judged');
    $milliseconds = $first < $second ? $first : $second;
    note "it took $milliseconds ms";
};

# A part of the time that a diff takes, so that a statement with a diff has not ended by then.
sub share { return int($milliseconds * $_[0]) || 1 }

subtest 'statement_timeout stops it at any moment' => sub {
    my %statement = ('dashboard_diff()' => $diff, 'the trigger' => $insert);
    for my $what (sort keys %statement)
    {
        for my $share (0.05, 0.3)
        {
            my $error = $test->sql_error(
                'SET statement_timeout = ' . share($share) . "; $statement{$what}");
            like($error, qr/ERROR:  57014: .*statement timeout/, "$what, $share of the way");
        }
    }
};

# The session's process, seen at work on its statement.
sub wait_until_active
{
    my ($pid) = @_;
    $test->wait_for_sql(
        "SELECT state = 'active' AND query LIKE '%dashboard%' FROM pg_stat_activity
          WHERE pid = $pid", 't');
    return;
}

subtest 'pg_cancel_backend() stops it' => sub {
    for my $what ([ 'dashboard_diff()', $diff ], [ 'the trigger', $insert ])
    {
        my ($name, $statement) = @{$what};
        my $session = $test->session;
        my $pid = $session->query_safe('SELECT pg_backend_pid()');
        $session->query_safe('\set VERBOSITY verbose');
        $session->query_until(qr/begins/, "\\echo begins\n$statement;\n\\echo ended\n");
        wait_until_active($pid);
        $test->sql("SELECT pg_cancel_backend($pid)");
        $session->query('SELECT 1');
        like($session->{stderr}, qr/ERROR:  57014: .*user request/, $name);
        $session->{stderr} = '';
        is($session->query_safe('SELECT pg_backend_pid()'), $pid, "$name: the session goes on");
        $session->quit;
    }
};

subtest 'an insert that is stopped leaves nothing, and the session goes on' => sub {
    my $rows = "SELECT (SELECT count(*) FROM dashboard_snapshots)
                    || ' ' || (SELECT count(*) FROM dashboard_alerts)
                    || ' ' || (SELECT count(*) FROM dashboard_diffs)
                    || ' ' || (SELECT count(*) FROM dashboard_deliveries)";
    my $before = $test->sql($rows);
    my $session = $test->session;
    $session->query_safe('\set VERBOSITY verbose');
    my $pid = $session->query_safe('SELECT pg_backend_pid()');
    $session->query_safe('SET statement_timeout = ' . share(0.3));
    $session->query($insert);
    like($session->{stderr}, qr/ERROR:  57014/, 'stopped');
    $session->{stderr} = '';
    $session->query_safe('RESET statement_timeout');
    is($session->query_safe($rows), $before, 'no row is left');
    is($session->query_safe('SHOW search_path'), '"$user", public', 'nor a setting');
    is($session->query_safe("SELECT count(*) FROM pg_locks WHERE pid = $pid
                               AND locktype = 'advisory'"), 0, 'nor a lock');

    # A transaction can go on behind a savepoint.
    $session->query_safe('BEGIN; SAVEPOINT s');
    $session->query_safe('SET LOCAL statement_timeout = ' . share(0.3));
    $session->query($insert);
    like($session->{stderr}, qr/ERROR:  57014/, 'stopped in a subtransaction');
    $session->{stderr} = '';
    $session->query_safe('ROLLBACK TO s');
    $session->query_safe("INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
        VALUES ('large', '{\"rank_by\": \"v\", \"primary_rows\": [{\"id\": 1, \"v\": 5}]}')");
    $session->query_safe('COMMIT');
    my @expected = map { $_ + 1 } split / /, $before;
    is($session->query_safe($rows), "@expected", 'then a smaller one alerts');
    $session->quit;
};

# Of a process, in kB, without the memory that all processes of the server share.
sub private_memory
{
    my ($pid) = @_;
    my ($memory) = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m;
    return $memory // die 'no RssAnon';
}

# Each calls into C++ and comes back as an error.
my @failing = (
    q(validate_snapshot('[{"id": 1}, {"id": 1.0}]')),
    q(validate_snapshot('{"primary_rows": [{"no_id": 1}]}')),
    q(validate_threshold('{"AND": [{"set_added_min": 1}, {"value_detla_pct": 1}]}')),
    q(dashboard_diff('[{"id": 1}]', '[{"id": 1}, {"id": null}]')),
    q(dashboard_diff('[]', '[]', -1)),
    q(meets_threshold('{"top_n": 1}', '{"top_n_reordering": 1, "top_n": 50}')),
    q(explain_threshold('[]', '{"set_added_min": 1}')),
    q(describe_diff('{}', '{"OR": []}')));

subtest 'calls that fail do not use up memory' => sub {
    my $session = $test->session;
    $session->query_safe(<<'SQL');
CREATE FUNCTION failures(expression text, times integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  states text[] := '{}';
BEGIN
  FOR i IN 1 .. times LOOP
    BEGIN
      EXECUTE 'SELECT ' || expression;
      RETURN 'no error';
    EXCEPTION WHEN invalid_parameter_value THEN
      NULL;
    END;
  END LOOP;
  RETURN 'errors';
END $$;
SQL
    my $pid = $session->query_safe('SELECT pg_backend_pid()');
    # What the server's memory contexts hold, and what the process does: C++ has its own memory.
    my $contexts = 'SELECT sum(used_bytes) FROM pg_backend_memory_contexts';
    push @failing, q((SELECT 1 FROM failing_insert()));
    $session->query_safe(<<'SQL');
CREATE FUNCTION failing_insert() RETURNS bigint LANGUAGE sql AS $$
  INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
  VALUES ('large', '[{"id": {}}]') RETURNING id;
$$;
CREATE TABLE unchecked (id bigint, dashboard text, taken timestamptz, document jsonb);
CREATE TRIGGER alert AFTER INSERT ON unchecked FOR EACH ROW
  EXECUTE FUNCTION dashboard_snapshot_alert('id', 'dashboard', 'taken', 'document');
INSERT INTO unchecked VALUES (1, 'large', '2000-01-01', '[]');
CREATE FUNCTION failing_trigger() RETURNS bigint LANGUAGE sql AS $$
  INSERT INTO unchecked VALUES (2, 'large', '2000-01-02', '[{"id": {}}]') RETURNING id;
$$;
SQL
    push @failing, q((SELECT 1 FROM failing_trigger()));
    for my $call (@failing)
    {
        my $expression = "\$call\$$call\$call\$";
        my $failures = "SELECT failures($expression,";
        # The check constraint of the table is another error than that of the trigger.
        is($session->query_safe("$failures 300)"), 'errors', "it fails: $call");
        my $before = $session->query_safe($contexts);
        my $resident_before = private_memory($pid);
        $session->query_safe("$failures 2000)");
        my $grown = $session->query_safe($contexts) - $before;
        my $resident_grown = private_memory($pid) - $resident_before;
        cmp_ok($grown, '<', 50_000, "2000 times: memory contexts grew by $grown bytes");
        cmp_ok($resident_grown, '<', 512, "2000 times: the process grew by $resident_grown kB");
    }
    $session->quit;
};

subtest 'a stopped diff of a million rows does not use up memory' => sub {
    my $session = $test->session;
    my $pid = $session->query_safe('SELECT pg_backend_pid()');
    my $stop = sub {
        $session->query_safe('SET statement_timeout = ' . share($_[0]));
        $session->query($diff);
        like($session->{stderr}, qr/ERROR: .*statement timeout/, 'stopped');
        $session->{stderr} = '';
    };
    $stop->(0.3);
    my $before = private_memory($pid);
    $stop->($_) for 0.05, 0.1, 0.2, 0.3;
    my $grown = private_memory($pid) - $before;
    # The two documents alone have 50 MB; the allocator may keep a part of what it was given back.
    cmp_ok($grown, '<', 50_000, "the process grew by $grown kB");
    $session->quit;
};

$test->finish;
