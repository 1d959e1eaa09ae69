# Nobody's code runs as another: what the owner of a watched table, or of a dashboard, has planted in
# it is run when somebody else's session reads it, and gains nothing there.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use Test::More;

use DashboardTest;

my $test = DashboardTest->new(conf => <<'CONF');
shared_preload_libraries = 'dashboard_diff'
dashboard_diff.databases = 'postgres'
CONF
my $node = $test->node;

$test->sql(<<'SQL');
CREATE ROLE mallory LOGIN;
CREATE ROLE alice LOGIN;
CREATE ROLE dashboard_listener LOGIN;
SELECT allow_listener('dashboard_listener');
GRANT INSERT, UPDATE, DELETE ON dashboards, dashboard_subscriptions, personas TO mallory, alice;
GRANT INSERT, DELETE ON dashboard_snapshots, artifact_comments TO mallory, alice;
CREATE SCHEMA mallory AUTHORIZATION mallory;
CREATE SCHEMA alice AUTHORIZATION alice;
GRANT USAGE ON SCHEMA mallory TO PUBLIC;

SET ROLE mallory;
-- What was done with whose rights, and how often mallory's code had a chance.
CREATE TABLE mallory.loot (what text, who text);
CREATE SEQUENCE mallory.chances;
CREATE TABLE mallory.bomb (x integer);
GRANT ALL ON mallory.loot, mallory.bomb TO PUBLIC;
GRANT ALL ON SEQUENCE mallory.chances TO PUBLIC;
CREATE FUNCTION mallory.payload() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    EXECUTE 'ALTER ROLE mallory SUPERUSER';
  END IF;
  INSERT INTO mallory.loot VALUES ('deferred trigger', current_user);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER p AFTER INSERT ON mallory.bomb DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION mallory.payload();
CREATE TABLE mallory.attacks (no serial, attack text);
GRANT SELECT ON mallory.attacks TO PUBLIC;
INSERT INTO mallory.attacks (attack) VALUES
  ('INSERT INTO mallory.bomb VALUES (1)'),
  ('ALTER ROLE mallory SUPERUSER'),
  ('RESET ROLE; ALTER ROLE mallory SUPERUSER'),
  ('SET ROLE postgres'), ('RESET ROLE'), ('SET SESSION AUTHORIZATION DEFAULT'),
  ('SELECT set_config(''role'', session_user::text, false)'),
  ('SELECT set_config(''role'', ''mallory'', false)'),
  ('SELECT set_config(''search_path'', ''mallory, public'', false)'),
  ('SELECT set_config(''row_security'', ''off'', false)'),
  ('SELECT set_config(''transaction_read_only'', ''off'', true)'),
  ('SELECT set_config(''session_replication_role'', ''replica'', false)'),
  ('SET dashboard_diff.dispatch_budget = 77'),
  ('SET LOCAL statement_timeout = 1'),
  ('CREATE TEMP TABLE dashboards (id text)'),
  ('CREATE TABLE mallory.made (x integer)'),
  ('LISTEN mallory'), ('SELECT pg_notify(''dashboard_alert'', ''{}'')'),
  ('PREPARE mallory AS SELECT 1'), ('DEALLOCATE ALL'), ('DISCARD TEMP'),
  ('SELECT setseed(0.5)'), ('SET seed = 0.5'), ('SELECT set_config(''seed'', ''0.5'', false)'),
  ('SELECT mallory.seeds()'),
  ('SELECT pg_advisory_lock(4711)'), ('SELECT pg_try_advisory_lock_shared(4711, 1)'),
  ('SELECT pg_advisory_unlock_all()'), ('SELECT pg_advisory_xact_lock(4712)'),
  ('LOAD ''plpgsql'''),
  ('SELECT * FROM public.dispatch_pending()'),
  ('SELECT public.take_snapshot(''m'')'),
  ('LOCK TABLE public.dashboards IN ACCESS SHARE MODE'),
  ('DECLARE mallory CURSOR WITH HOLD FOR SELECT 1');
CREATE FUNCTION mallory.seeds() RETURNS integer LANGUAGE sql SET seed = 0.5 AS 'SELECT 1';
CREATE FUNCTION mallory.attack() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  attack text;
BEGIN
  IF session_user = 'mallory' THEN
    RETURN true;
  END IF;
  IF current_user <> 'mallory' THEN
    RAISE EXCEPTION 'mallory''s code runs as %', current_user;
  END IF;
  BEGIN
    PERFORM nextval('mallory.chances'); -- refused, and all the same counted below
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  FOR attack IN SELECT a.attack FROM mallory.attacks a ORDER BY no LOOP
    BEGIN
      EXECUTE attack;
    EXCEPTION WHEN OTHERS THEN
      NULL;
    END;
  END LOOP;
  RAISE WARNING 'mallory had a chance';
  RETURN true;
END $$;
CREATE FUNCTION mallory.attack(anyelement) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT mallory.attack()';
CREATE FUNCTION mallory.number(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN PERFORM mallory.attack(); RETURN $1; END $$;

-- A dashboard of mallory's own with a subscriber.
INSERT INTO dashboards (id) VALUES ('m');
INSERT INTO dashboards (id, view_spec, metadata) VALUES
  ('taken', '{"data_sources": {"rows": {"sql": "SELECT 1 AS id, mallory.attack() AS x"}}}',
   '{"snapshot_policy": "every 366 days"}');
INSERT INTO personas (id) VALUES ('mp');
SELECT subscribe(d, 'persona', 'mp', '{"OR": [{"set_added_min": 1}, {"field_changed": "x"}]}')
  FROM (VALUES ('m'), ('taken')) v(d);
SQL

# Ways to have code run by whoever reads a table.
my %tables = (
    'index predicate' => 'CREATE INDEX ON mallory.t (no) WHERE mallory.attack()',
    'index expression' => 'CREATE INDEX ON mallory.t (mallory.number(1), no)',
    'statistics' => 'CREATE STATISTICS mallory.s ON (mallory.number(1)), no FROM mallory.t; ANALYZE mallory.t',
    'policy' => 'ALTER TABLE mallory.t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;'
      . ' CREATE POLICY p ON mallory.t USING (mallory.attack())',
    'constraint of a child' => 'CREATE TABLE mallory.child (CHECK (mallory.attack())) INHERITS (mallory.t);'
      . ' CREATE INDEX ON mallory.child (no) WHERE mallory.attack()',
    'generated column' => 'ALTER TABLE mallory.t ADD g boolean GENERATED ALWAYS AS (mallory.attack()) STORED',
    'domain' => 'CREATE DOMAIN mallory.board AS text CHECK (mallory.attack(VALUE));'
      . ' ALTER TABLE mallory.t ALTER board TYPE mallory.board',
    'partition key' => 'DROP TABLE mallory.t; CREATE TABLE mallory.t (no bigint, board text, taken timestamptz, doc jsonb)'
      . ' PARTITION BY LIST (mallory.number(no::integer)); CREATE TABLE mallory.t1 PARTITION OF mallory.t FOR VALUES IN (1, 2, 3);'
      . ' CREATE INDEX ON mallory.t (no) WHERE mallory.attack();'
      . " SELECT watch_snapshots('mallory.t', 'no', 'board', 'taken', 'doc');"
      . " INSERT INTO mallory.t VALUES (1, 'm', now(), '[]')");

# What is left in a session that ran mallory's code.
my $state = <<'SQL';
SELECT current_user, session_user, current_setting('role'), current_setting('search_path'),
       current_setting('row_security'), current_setting('dashboard_diff.dispatch_budget'),
       current_setting('statement_timeout'), current_setting('transaction_read_only'),
       (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND objsubid < 10),
       (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_listening_channels()),
       (SELECT count(*) FROM pg_cursors WHERE name = 'mallory'), random() = 0.2499104186659835,
       to_regclass('pg_temp.dashboards')
SQL

sub check_spoils
{
    my ($what) = @_;
    is($test->sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'"), 'f', "$what: mallory is no superuser");
    is($test->sql('SELECT * FROM mallory.loot'), '', "$what: nothing was done with another's rights");
    is($test->sql("SELECT to_regclass('mallory.made')"), '', "$what: nothing was made");
    return;
}

# Runs statements as a superuser in one session; mallory's code must have had a chance.
sub spring
{
    my ($what, $statement, $no_chance) = @_;
    my ($out, $err) = ('', '');
    $node->psql('postgres', "LOAD 'dashboard_diff'; SELECT set_config('statement_timeout', '100s', false); $state; $statement; $state;",
        stdout => \$out, stderr => \$err, on_error_stop => 0);
    my @states = grep { /^postgres\|/ } split /\n/, $out;
    is($states[1], $states[0], "$what: the session is as it was");
    like($err, qr/mallory had a chance/, "$what: mallory's code was run") if !$no_chance;
    unlike($err, qr/runs as/, "$what: but as nobody else") or diag($err);
    check_spoils($what);
    # One that has locks of its own, which hers must not touch.
    if (!$no_chance)
    {
        my $keeps = $test->session;
        $keeps->query('SELECT pg_advisory_lock(99), pg_advisory_lock(99)');
        $keeps->query($statement);
        is($keeps->query('SELECT pg_advisory_unlock(99), pg_advisory_unlock(99)'), 't|t', "$what: a session keeps its own locks");
        is($keeps->query("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'"), 0, "$what: and no other");
        $keeps->quit;
    }
    return;
}

foreach my $name (sort keys %tables)
{
    # Of some nothing is run where rows are only read: that is to stay so.
    my $is_harmless = $name =~ /^(?:generated column|domain|policy)$/;
    $test->sql(<<"SQL");
SET SESSION AUTHORIZATION mallory;
SET client_min_messages = error;
DROP TABLE IF EXISTS mallory.t CASCADE;
CREATE TABLE mallory.t (no bigint, board text, taken timestamptz, doc jsonb);
SELECT watch_snapshots('mallory.t', 'no', 'board', 'taken', 'doc');
INSERT INTO mallory.t VALUES (1, 'm', now(), '[]');
$tables{$name};
SET dashboard_diff.dispatch_budget = 0;
INSERT INTO mallory.t VALUES (2, 'm', now(), '[{"id": 1}]');
SQL
    is($test->sql('SELECT count(*) FROM dashboard_pending_snapshots'), 1, "$name: a snapshot is left to others");
    spring("$name, dispatch_pending()", 'SELECT dispatch_pending()', $is_harmless);
    is($test->sql("SELECT count(*) FROM dashboard_alerts WHERE snapshot_b = 2"), 1, "$name: it is judged all the same");

    # In a session that inserts for mallory's dashboard where all may.
    $test->sql("SET SESSION AUTHORIZATION mallory; SET dashboard_diff.dispatch_budget = 0; SET client_min_messages = error;
      INSERT INTO mallory.t VALUES (3, 'm', now(), '[{\"id\": 2}]')");
    spring("$name, INSERT into dashboard_snapshots",
        "INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('m', '[]')", $is_harmless);
    $test->sql("DELETE FROM dashboard_snapshots; DELETE FROM dashboard_pending_snapshots; DELETE FROM dashboard_alerts");
    spring("$name, backtest_threshold()", q(SELECT count(*) FROM backtest_threshold('m', '{"set_added_min": 1}')), $is_harmless);
    spring("$name, suggest_threshold()", q(SELECT suggest_threshold('m', '{"set_added_min": 1}', 1)), 1);
    # Of an insert into her own table its functions are run by whoever inserts, as by any insert.
    $test->sql('DELETE FROM dashboard_diffs; DELETE FROM dashboard_events');
}

# The worker, whose session is a superuser's: by a snapshot that it takes, and by what is pending for
# the same dashboard.
$test->sql(<<'SQL');
SET SESSION AUTHORIZATION mallory;
SET client_min_messages = error;
DROP TABLE mallory.t CASCADE;
CREATE TABLE mallory.t (no bigint, board text, taken timestamptz, doc jsonb);
CREATE INDEX ON mallory.t (no) WHERE mallory.attack();
SELECT watch_snapshots('mallory.t', 'no', 'board', 'taken', 'doc');
SET dashboard_diff.dispatch_budget = 0;
INSERT INTO mallory.t VALUES (1, 'taken', now() - interval '1 minute', '[]'), (2, 'taken', now() - interval '1 minute', '[{"id": 7}]');
SQL
# In one transaction, so that the worker does not come first.
spring('run_due_work()', 'BEGIN; LOCK TABLE dashboard_schedules; UPDATE dashboard_schedules SET due = now(), run_at = now(); SELECT run_due_work(); COMMIT');
my $log = -s $node->logfile;
$test->sql('UPDATE dashboard_schedules SET due = now(), run_at = now(); SELECT pg_reload_conf()');
wait_for(sub { slurp_file($node->logfile, $log) =~ /mallory had a chance/ }, "mallory's code in the worker");
my $worker = "pid = (SELECT pid FROM pg_stat_activity WHERE backend_type = 'dashboard_diff scheduler')";
$test->wait_for_sql("SELECT count(*) FROM dashboard_schedules WHERE begun_at IS NOT NULL", 0);
is($test->sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid IN (4711, 4712) AND $worker"), 0, 'the worker keeps no lock');
check_spoils('the worker');

# Whatever function of the extension a superuser calls for her dashboard, now or in later versions.
$test->sql(<<'SQL');
CREATE FUNCTION public.call_of(f oid) RETURNS text LANGUAGE sql AS $$
  SELECT format('SELECT * FROM %s(%s)', f::regproc, string_agg(a.value, ', ' ORDER BY a.place))
    FROM pg_proc p
   CROSS JOIN LATERAL (
     SELECT t.place,
            CASE t.type::regtype::text
              WHEN 'text' THEN '''m''::text' WHEN 'bigint' THEN '1::bigint' WHEN 'integer' THEN '1'
              WHEN 'jsonb' THEN '''{"set_added_min": 1}''::jsonb' WHEN 'interval' THEN '''1 s''::interval'
              WHEN 'timestamp with time zone' THEN 'now()' WHEN 'name' THEN '''mallory''::name'
              WHEN 'regclass' THEN '''mallory.t''::regclass' WHEN 'text[]' THEN '''{m}''::text[]'
              WHEN 'bigint[]' THEN '''{1}''::bigint[]' ELSE format('NULL::%s', t.type::regtype) END AS value
       FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS t(type, place)) a
   WHERE p.oid = f
   GROUP BY p.oid
  UNION ALL
  SELECT format('SELECT * FROM %s()', f::regproc) FROM pg_proc p WHERE p.oid = f AND p.pronargs = 0
$$;
SQL
my @calls = split /\n/, $test->sql(<<'SQL');
SELECT public.call_of(p.oid) FROM pg_proc p
  JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
 WHERE p.prokind = 'f' AND p.prorettype <> ALL ('{trigger,event_trigger}'::regtype[])
   -- Who does nothing else than drop what is planted, or give rights away.
   AND p.proname !~ '^(?:unwatch_snapshots|watch_snapshots|allow_.*)$'
 ORDER BY p.proname
SQL
cmp_ok(scalar @calls, '>', 60, 'the functions were found');
foreach my $call (@calls)
{
    $test->sql(<<'SQL');
DELETE FROM dashboard_pending_snapshots;
SET SESSION AUTHORIZATION mallory;
SET client_min_messages = error;
TRUNCATE mallory.t;
SET dashboard_diff.dispatch_budget = 0;
INSERT INTO mallory.t VALUES (1, 'm', now(), '[]'), (2, 'm', now(), '[{"id": 7}]');
SQL
    my $err = $test->sql_error($call);
    unlike($err, qr/runs as/, "mallory's code runs as nobody else: $call");
}
check_spoils('all functions');

# Histories: planted tables are nobody's business, whatever rights they grant.
$test->sql(<<'SQL');
SET ROLE alice;
INSERT INTO dashboards (id) VALUES ('a');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content) VALUES ('a', 1, '2030-01-01', '[]'), ('a', 2, '2030-01-02', '[{"id": 1}]');
INSERT INTO dashboards (id) VALUES ('empty');
RESET ROLE;
CREATE ROLE nobody LOGIN;
SET SESSION AUTHORIZATION mallory;
CREATE TABLE mallory.trap (no bigint, board text, taken timestamptz, doc jsonb);
CREATE INDEX ON mallory.trap (no) WHERE mallory.attack();
CREATE TRIGGER t AFTER INSERT ON mallory.trap FOR EACH ROW EXECUTE FUNCTION dashboard_snapshot_alert('no', 'board', 'taken', 'doc');
GRANT SELECT ON mallory.trap TO PUBLIC;
ALTER TABLE mallory.trap DISABLE TRIGGER t;
INSERT INTO mallory.trap VALUES (1, 'empty', '2030-01-01', '[]'), (2, 'empty', '2030-01-02', '[{"id": "planted"}]');
ALTER TABLE mallory.trap ENABLE TRIGGER t;
SQL
$test->sql('DELETE FROM dashboard_pending_snapshots; DELETE FROM dashboard_events; DELETE FROM dashboard_alerts');
my $nobody = $test->session(extra_params => [ '-U', 'nobody' ]);
$nobody->query(<<'SQL');
CREATE TEMP TABLE own (no bigint, board text, taken timestamptz, doc jsonb);
CREATE TRIGGER t AFTER INSERT ON own FOR EACH ROW EXECUTE FUNCTION public.dashboard_snapshot_alert('nosuch', 'board', 'taken', 'doc');
GRANT ALL ON own TO PUBLIC;
SQL
foreach my $who ('postgres', 'alice')
{
    my $err = $test->sql_error("SET ROLE $who; SELECT count(*) FROM backtest_threshold('empty', '{\"set_added_min\": 1}')");
    is($err, '', "$who: backtest_threshold() of a dashboard without snapshots runs into no trap");
    is($test->sql("SET ROLE $who; SELECT count(*) FROM backtest_threshold('empty', '{\"set_added_min\": 1}')"), 0, "$who: nor is a planted history told");
    is($test->sql("SET ROLE $who; SELECT count(*) FROM backtest_threshold('a', '{\"set_added_min\": 1}')"), 1, "$who: the true one is");
}
$nobody->quit;
check_spoils('histories');

# Who watches a table in a schema that nobody else may use: its snapshots are judged by whoever does
# that work.
$test->sql(<<'SQL');
SET SESSION AUTHORIZATION alice;
CREATE TABLE alice.t (no bigint, board text, taken timestamptz, doc jsonb);
SELECT watch_snapshots('alice.t', 'no', 'board', 'taken', 'doc');
INSERT INTO personas (id) VALUES ('ap');
SELECT subscribe('a', 'persona', 'ap', '{"set_added_min": 1}');
SET dashboard_diff.dispatch_budget = 0;
INSERT INTO alice.t VALUES (11, 'a', now(), '[]'), (12, 'a', now(), '[{"id": 1}]');
SQL
my ($status, $out, $err) = $node->psql('postgres', 'SELECT dispatch_pending()', extra_params => [ '-U', 'dashboard_listener' ]);
is($test->sql('SELECT count(*) FROM dashboard_events'), 0, 'a schema without USAGE for the listener: nothing failed');
is($test->sql("SELECT count(*) FROM dashboard_alerts WHERE dashboard_artifact_id = 'a'"), 1, 'and the alert is there');

# Code that will not be cancelled: it cannot go on, and others do not wait for it.
$test->sql(<<'SQL');
SET SESSION AUTHORIZATION mallory;
CREATE FUNCTION mallory.refuse() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF session_user = 'mallory' THEN RETURN true; END IF;
  LOOP
    BEGIN
      LOOP
        BEGIN
          PERFORM pg_sleep(1000);
        EXCEPTION WHEN query_canceled OR OTHERS THEN
          BEGIN PERFORM pg_sleep(1000); EXCEPTION WHEN query_canceled OR OTHERS THEN NULL; END;
        END;
      END LOOP;
    EXCEPTION WHEN query_canceled OR OTHERS THEN
      NULL;
    END;
  END LOOP;
END $$;
CREATE TABLE mallory.slow (no bigint, board text, taken timestamptz, doc jsonb);
SELECT watch_snapshots('mallory.slow', 'no', 'board', 'taken', 'doc');
CREATE INDEX ON mallory.slow (no) WHERE mallory.refuse();
SET dashboard_diff.dispatch_budget = 0;
INSERT INTO mallory.slow VALUES (21, 'm', now(), '[]'), (22, 'm', now(), '[{"id": 1}]');
SET SESSION AUTHORIZATION alice;
SET dashboard_diff.dispatch_budget = 0;
INSERT INTO alice.t VALUES (13, 'a', now(), '[{"id": 2}]');
SQL
my $session = $test->session;
my $pid = $session->query('SELECT pg_backend_pid()');
$session->query("LOAD 'dashboard_diff'; SET dashboard_diff.view_timeout = '200ms'; SELECT dispatch_pending()");
is($session->query('SELECT pg_backend_pid()'), $pid, 'code that refuses to be cancelled: the session is still there');
$session->quit;
is($test->sql("SELECT count(*) FROM dashboard_alerts WHERE dashboard_artifact_id = 'a'"), 2, "another owner's alert came");
like($test->sql("SELECT last_error FROM dashboard_pending_snapshots WHERE dashboard_artifact_id = 'm' AND failures > 0"), qr/could not read the snapshots of table "slow" in time/, 'hers is kept, with the reason');
like($test->sql("SELECT message FROM dashboard_events WHERE dashboard_artifact_id = 'm'"), qr/snapshot 21 could not be judged yet/, 'and it is said');

# Errors under names that handlers take for those of somebody else: of a cancel, of a server in trouble.
$test->sql(<<'SQL');
SET SESSION AUTHORIZATION mallory;
CREATE TABLE mallory.raised (state text);
INSERT INTO mallory.raised VALUES ('');
GRANT SELECT ON mallory.raised TO PUBLIC;
CREATE FUNCTION mallory.boo() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF session_user <> 'mallory' THEN
    RAISE EXCEPTION 'boo' USING ERRCODE = (SELECT state FROM mallory.raised);
  END IF;
  RETURN true;
END $$;
DROP TABLE mallory.slow;
CREATE TABLE mallory.slow (no bigint, board text, taken timestamptz, doc jsonb);
SELECT watch_snapshots('mallory.slow', 'no', 'board', 'taken', 'doc');
CREATE INDEX ON mallory.slow (no) WHERE mallory.boo();
INSERT INTO dashboards (id, view_spec, metadata) VALUES
  ('boo', '{"data_sources": {"rows": {"sql": "SELECT 1 AS id, mallory.boo() AS x"}}}', '{"snapshot_policy": "every 366 days"}');
SET SESSION AUTHORIZATION alice;
INSERT INTO dashboards (id, view_spec, metadata) VALUES
  ('alice''s', '{"data_sources": {"rows": {"sql": "SELECT 1 AS id"}}}', '{"snapshot_policy": "every 366 days"}');
SQL
$test->sql('DELETE FROM dashboard_pending_snapshots; DELETE FROM dashboard_events');
foreach my $state (qw(57014 57P01 53100 58030 XX000 P0004 40001 55P03 22000))
{
    $test->sql("UPDATE mallory.raised SET state = '$state'; DELETE FROM dashboard_pending_snapshots; DELETE FROM dashboard_snapshots WHERE dashboard_artifact_id = 'alice''s'");
    $test->sql("SET SESSION AUTHORIZATION mallory; SET dashboard_diff.dispatch_budget = 0; INSERT INTO mallory.slow VALUES (31, 'm', now(), '[]')");
    my $alerts = $test->sql("SELECT count(*) FROM dashboard_alerts WHERE dashboard_artifact_id = 'a'");
    $test->sql("SET SESSION AUTHORIZATION alice; SET dashboard_diff.dispatch_budget = 0; INSERT INTO alice.t VALUES ((SELECT max(no) + 1 FROM alice.t), 'a', now(), '[{\"id\": \"$state\"}]')");
    is($test->sql_error('SELECT dispatch_pending()'), '', "$state: dispatch_pending() goes on");
    is($test->sql("SELECT count(*) FROM dashboard_alerts WHERE dashboard_artifact_id = 'a'"), $alerts + 1, "$state: to another's alert");
    is($test->sql("SELECT count(*) FROM dashboard_pending_snapshots WHERE dashboard_artifact_id = 'm'"), 1, "$state: and hers is kept");
    # The worker would do it, too.
    $test->sql("BEGIN; LOCK TABLE dashboard_schedules;
      UPDATE dashboard_schedules SET due = now(), run_at = now() - CASE dashboard_artifact_id WHEN 'boo' THEN interval '1 s' ELSE '0' END WHERE dashboard_artifact_id IN ('boo', 'alice''s');
      SELECT run_due_work(); COMMIT");
    $test->wait_for_sql("SELECT count(*) FROM dashboard_snapshots WHERE dashboard_artifact_id = 'alice''s'", 1);
}
$test->sql('DROP TABLE mallory.slow; DELETE FROM dashboard_pending_snapshots; DELETE FROM dashboard_events');

# Cursors of the session are not to be fetched from; its time is not to be set.
$test->sql(<<'SQL');
SET SESSION AUTHORIZATION mallory;
CREATE FUNCTION mallory.peek() RETURNS text LANGUAGE plpgsql AS $$
DECLARE c refcursor; r record; n text; s text := 'seen:';
BEGIN
  FOR n IN SELECT name FROM pg_cursors LOOP
    BEGIN c := n; FETCH c INTO r; s := s || coalesce(r::text, '-'); EXCEPTION WHEN OTHERS THEN NULL; END;
    BEGIN c := n; MOVE c; EXCEPTION WHEN OTHERS THEN NULL; END;
    BEGIN c := n; CLOSE c; EXCEPTION WHEN OTHERS THEN NULL; END;
  END LOOP;
  RETURN s;
END $$;
INSERT INTO dashboards (id, view_spec) VALUES ('peek', '{"data_sources": {"rows": {"sql": "SELECT 1 AS id, mallory.peek() AS x"}}}'),
  ('long', '{"primary": "b", "data_sources": {"a": {"sql": "SELECT set_config(''dashboard_diff.view_timeout'', ''0'', false) AS id"}, "b": {"sql": "SELECT 1 AS id, pg_sleep(1000)::text AS x"}}}'),
  ('at one thing', '{"data_sources": {"rows": {"sql": "SELECT 1 AS id, path(polygon(3000, circle(''<(0,0),1>''))) <-> path(polygon(3000, circle(''<(9,9),1>''))) AS x"}}}');
SQL
is($test->sql(<<'SQL'), "1\n1\n2\n3", 'a cursor stays where it is');
BEGIN;
DECLARE secret CURSOR FOR SELECT g FROM generate_series(1, 3) g;
FETCH secret;
SELECT count(take_snapshot('peek'));
FETCH secret;
FETCH secret;
COMMIT;
SQL
is($test->sql(<<'SQL'), 22, 'so does that of a loop');
DO $$ DECLARE n integer := 0; r record; BEGIN
  FOR r IN SELECT g FROM generate_series(1, 22) g LOOP n := n + 1; IF n % 5 = 0 THEN PERFORM take_snapshot('peek'); END IF; END LOOP;
  PERFORM set_config('my.n', n::text, false); END $$;
SELECT current_setting('my.n');
SQL
unlike($test->sql("SELECT DISTINCT content #>> '{primary_rows,0,x}' FROM dashboard_snapshots WHERE dashboard_artifact_id = 'peek'"), qr/\d/, 'and nothing was seen');
like($test->sql_error("LOAD 'dashboard_diff'; SET dashboard_diff.view_timeout = '300ms'; SELECT take_snapshot('long')"), qr/Data source "b" took longer than/, 'a query does not set the time of the next');
my $patient = $test->session;
my $before = $patient->query('SELECT pg_backend_pid()');
$patient->query("LOAD 'dashboard_diff'; SET dashboard_diff.view_timeout = '100ms'; SELECT take_snapshot('at one thing')");
is($patient->query('SELECT pg_backend_pid()'), $before, 'what is long at one thing is cancelled once it looks');
$patient->quit;
$test->sql("DELETE FROM dashboards WHERE id IN ('peek', 'long', 'at one thing', 'boo', 'alice''s')");

# An owner who locks the table, and one who drops it, while others work.
$test->sql(<<'SQL');
SET SESSION AUTHORIZATION mallory;
CREATE TABLE mallory.slow (no bigint, board text, taken timestamptz, doc jsonb);
SELECT watch_snapshots('mallory.slow', 'no', 'board', 'taken', 'doc');
SET dashboard_diff.dispatch_budget = 0;
INSERT INTO mallory.slow VALUES (41, 'm', now(), '[]');
SQL
my $alerts = $test->sql("SELECT count(*) FROM dashboard_alerts WHERE dashboard_artifact_id = 'a'");
my $owner = $test->session;
$owner->query('BEGIN; SET ROLE mallory; LOCK TABLE mallory.slow');
$test->sql("SET ROLE alice; SET dashboard_diff.dispatch_budget = 0; INSERT INTO alice.t VALUES (1000, 'a', now(), '[{\"id\": \"last\"}]')");
$test->sql("SET dashboard_diff.view_timeout = '100s'; SELECT dispatch_pending()");
is($test->sql("SELECT count(*) FROM dashboard_alerts WHERE dashboard_artifact_id = 'a'"), $alerts + 1, "a locked table does not hold up another owner's");
$owner->query('DROP TABLE mallory.slow; COMMIT');
$owner->quit;
$test->sql('SELECT dispatch_pending()');
is($test->sql('SELECT count(*) FROM dashboard_pending_snapshots'), 0, 'what was pending of a dropped table is over');

done_testing();
