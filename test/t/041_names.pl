# Whoever may create functions beside those of the extension, as the owner of a database may, does
# not have his own called in their place.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use Test::More;

use DashboardTest;

my $test = DashboardTest->new(bare => 1, conf => <<'CONF');
shared_preload_libraries = 'dashboard_diff'
dashboard_diff.databases = 'postgres'
CONF
my $node = $test->node;
$test->start_receiver;

$test->sql('CREATE ROLE dbowner; ALTER DATABASE postgres OWNER TO dbowner; CREATE ROLE other; CREATE SCHEMA own; CREATE SCHEMA shared; GRANT CREATE ON SCHEMA shared TO other, PUBLIC');
like($test->sql_error('CREATE EXTENSION dashboard_diff SCHEMA shared; DROP EXTENSION dashboard_diff'),
    qr/WARNING.*others may create objects in the schema of dashboard_diff: PUBLIC, other\b/, 'CREATE EXTENSION tells who may create in its schema');
is($test->sql_error('CREATE EXTENSION dashboard_diff SCHEMA own; DROP EXTENSION dashboard_diff'), '', 'and is silent where nobody may');
like($test->sql_error('CREATE EXTENSION dashboard_diff'),
    qr/WARNING.*others may create objects in the schema of dashboard_diff: dbowner\n/, "as the database's owner may in public");

# The schema's name stands in bodies of functions.
foreach my $statement ('ALTER SCHEMA public RENAME TO old', q(DO $$ BEGIN EXECUTE 'ALTER SCHEMA public RENAME TO old'; END $$))
{
    like($test->sql_error("SET ROLE dbowner; $statement"), qr/55006: schema "public" cannot be renamed/, "the schema's owner does not rename it: $statement");
}
is($test->sql_error('SET ROLE dbowner; CREATE SCHEMA mine; ALTER SCHEMA mine RENAME TO yours; ALTER SCHEMA public OWNER TO pg_database_owner'), '', 'other schemas are his');

# No function of his gets the name of one of ours, whatever it takes.
$test->sql(q(CREATE FUNCTION yours.evil(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'; GRANT CREATE ON SCHEMA yours TO dbowner));
foreach my $statement ('CREATE FUNCTION public.run_due_work() RETURNS bigint LANGUAGE sql AS $$ SELECT 1::bigint $$',
    'CREATE FUNCTION public.run_due_checks(timestamptz, text, integer) RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$',
    'CREATE PROCEDURE public.lock_work(text) LANGUAGE sql AS $$ SELECT 1 $$',
    'CREATE FUNCTION public.f() RETURNS bigint LANGUAGE sql AS $$ SELECT 1::bigint $$; ALTER FUNCTION public.f() RENAME TO run_due_work',
    'CREATE FUNCTION yours.run_due_work() RETURNS bigint LANGUAGE sql AS $$ SELECT 1::bigint $$; ALTER FUNCTION yours.run_due_work() SET SCHEMA public',
    'CREATE AGGREGATE public.run_due_work(integer) (SFUNC = int4pl, STYPE = integer)',
    # A call with one argument may be a cast; ranges bring functions of their own.
    q(CREATE DOMAIN public.allow_listener AS text CHECK (yours.evil(VALUE))),
    q(CREATE DOMAIN yours.prune_snapshots AS text; ALTER DOMAIN yours.prune_snapshots SET SCHEMA public),
    q(CREATE DOMAIN public.zzz AS text; ALTER TYPE public.zzz RENAME TO snapshot_period),
    q(CREATE TYPE public.redeliver AS ENUM ('1')), q(CREATE TYPE public.unsubscribe AS (x integer)),
    q(CREATE TYPE public.allow_viewer AS RANGE (subtype = text)),
    q(CREATE TYPE public.r1 AS RANGE (subtype = integer, multirange_type_name = public.run_due_work)),
    q(CREATE TABLE public.take_snapshot (x text)), q(CREATE TABLE public.take_snapshot AS SELECT 1 AS x),
    q(SELECT 1 AS x INTO public.take_snapshot), q(CREATE VIEW public.take_snapshot AS SELECT 1 AS x),
    q(CREATE TABLE public.yyy (x text); ALTER TABLE public.yyy RENAME TO take_snapshot),
    q(CREATE TABLE yours.send_test (x text); ALTER TABLE yours.send_test SET SCHEMA public),
    q(CREATE MATERIALIZED VIEW public.send_test AS SELECT 1 AS x),
    q(DO $x$ BEGIN EXECUTE 'CREATE FUNCTION public.allow_listener(text) RETURNS void LANGUAGE sql AS $$ SELECT $$'; END $x$))
{
    like($test->sql_error("SET ROLE dbowner; $statement"), qr/42501: .* would stand beside a function of dashboard_diff/, "refused: $statement");
}
# Not by a detour either; and whoever may not even use the schema makes what he likes elsewhere.
$test->sql('CREATE ROLE helper; GRANT CREATE, USAGE ON SCHEMA yours TO helper');
$test->sql(q(SET ROLE dbowner; CREATE FUNCTION yours.detour() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN CREATE DOMAIN public.redeliver AS integer; END'; GRANT EXECUTE ON FUNCTION yours.detour() TO helper));
like($test->sql_error('SET ROLE helper; SELECT yours.detour()'), qr/42501: type public.redeliver would stand beside/, "refused: by another one's session");
$test->sql('REVOKE USAGE ON SCHEMA public FROM PUBLIC');
is($test->sql_error('SET ROLE helper; CREATE TABLE yours.take_snapshot (x integer); CREATE DOMAIN yours.redeliver AS integer'), '', 'elsewhere nothing is refused');
$test->sql('GRANT USAGE ON SCHEMA public TO PUBLIC');
is($test->sql_error('SET ROLE dbowner; CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$; DROP FUNCTION public.mine()'), '', 'others are his');
$test->sql('CREATE DATABASE planted OWNER dbowner');
my $planted = '';
$node->psql('planted', 'SET ROLE dbowner; CREATE FUNCTION public.run_due_work() RETURNS bigint LANGUAGE sql AS $$ SELECT 1::bigint $$; CREATE DOMAIN public.allow_scheduler AS text; RESET ROLE; CREATE EXTENSION dashboard_diff',
    stderr => \$planted);
like($planted, qr/functions or types of others stand beside functions of dashboard_diff: run_due_work\(\), type allow_scheduler/, 'nor are they there before the extension');

# Even where a superuser let them: overloads of all functions, with fewer arguments, and with other types for each of them.
$test->sql(<<'SQL');
CREATE TABLE public.signatures AS
  SELECT p.oid, p.proname, p.pronargs, p.pronargdefaults, p.proargtypes::oid[]::regtype[] AS types
    FROM pg_proc p
    JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
   WHERE p.pronamespace = 'public'::regnamespace AND p.prorettype <> ALL ('{trigger,event_trigger}'::regtype[]);
SET session_replication_role = replica;
DO $$
DECLARE
  f record;
  n integer;
  place integer;
  type text;
  types text[];
BEGIN
  FOR f IN SELECT * FROM public.signatures LOOP
    FOR n IN f.pronargs - f.pronargdefaults .. f.pronargs LOOP
      FOR place IN 0 .. n LOOP
        FOREACH type IN ARRAY '{text,varchar,name,bigint,integer,numeric,timestamp,timestamptz,interval,time,boolean,jsonb,json,"text[]","bigint[]",anyelement,oid,regclass}'::text[] LOOP
          CONTINUE WHEN place = 0 AND type <> 'text';
          types := f.types[0:n - 1]::text[];
          IF place > 0 THEN
            types := (f.types[0:place - 2]::text[] || type) || f.types[place:n - 1]::text[];
          END IF;
          BEGIN
            EXECUTE format('CREATE FUNCTION public.%I(%s) RETURNS bigint LANGUAGE plpgsql AS ''BEGIN RAISE EXCEPTION $m$trapped as %% in %I(%s)$m$, current_user; END''',
              f.proname, array_to_string(types, ', '), f.proname, array_to_string(types, ', '));
            EXECUTE format('ALTER FUNCTION public.%I(%s) OWNER TO dbowner', f.proname, array_to_string(types, ', '));
          EXCEPTION WHEN duplicate_function THEN
            NULL;
          END;
        END LOOP;
      END LOOP;
    END LOOP;
  END LOOP;
END
$$;
SQL
cmp_ok($test->sql("SELECT count(*) FROM pg_proc WHERE proowner = 'dbowner'::regrole"), '>', 1000, 'many overloads were made');
my $log = -s $node->logfile;

# All that goes on by itself, and what people call, with arguments of the declared types.
$test->sql('CREATE ROLE a_listener; CREATE ROLE a_scheduler; CREATE ROLE a_validator; CREATE ROLE analyst');
$test->sql("SELECT public.allow_listener('a_listener'::regrole), public.allow_scheduler('a_scheduler'::regrole), public.allow_validator('a_validator'::regrole)");
$test->sql(<<'SQL');
GRANT INSERT, UPDATE, DELETE ON dashboards, dashboard_subscriptions, personas, validation_policies, user_dashboard_preferences,
  health_acknowledgements, dashboard_deliveries TO analyst;
GRANT INSERT, DELETE ON dashboard_snapshots, artifact_comments, validation_records, dashboard_delivery_attempts TO analyst;
SET ROLE analyst;
INSERT INTO user_dashboard_preferences (email_address) VALUES ('analyst@example.com');
INSERT INTO dashboards (id, view_spec, metadata) VALUES
  ('own', '{"data_sources": {"rows": {"sql": "SELECT 1 AS id, clock_timestamp()::text AS x"}}}',
   '{"snapshot_policy": "every 1 minute", "checks": [{"min_rows": 5}]}'),
  ('broken', '{"data_sources": {"rows": {"sql": "SELECT 1/0 AS id"}}}', '{"snapshot_policy": "every 1 minute", "checks": [{"min_rows": 5}]}'),
  ('outside', NULL, '{}');
INSERT INTO personas (id) VALUES ('p');
SELECT public.subscribe('own'::text, 'persona'::text, 'p'::text, '{"field_changed": "x"}'::jsonb, 'previous'::text, NULL::interval, NULL::timestamptz, NULL::bigint);
INSERT INTO validation_policies (name, window_start, window_end, alert_condition, custom_channels)
VALUES ('all day', '00:00', '24:00', 'ALWAYS', '[{"type": "email", "target": "ops@example.com"}]');
SELECT public.take_snapshot('own'::text);
SELECT public.allow_viewer('own'::text, 'a_listener'::name);
SQL
my $hook = $test->sql("SET ROLE analyst; SELECT public.subscribe('own'::text, 'webhook'::text, '" . $test->url('/hook')
      . q<'::text, '{"field_changed": "x"}'::jsonb, 'last_notified'::text, '1 s'::interval, NULL::timestamptz, NULL::bigint)>);
$test->add_secret('/hook', $test->secret($hook));
$test->sql("SET ROLE analyst; SELECT public.send_test($hook\::bigint); SELECT public.take_snapshot('own'::text)");

# The worker does what is due.
$test->sql("UPDATE dashboard_schedules SET due = now(), run_at = now(); SELECT pg_reload_conf()");
$test->wait_for_sql("SELECT count(*) > 0 AND bool_and(begun_at IS NULL) FROM dashboard_schedules WHERE last_snapshot_at IS NOT NULL OR failures > 0", 't');
$test->wait_for_sql("SELECT failures > 0 FROM dashboard_schedules WHERE dashboard_artifact_id = 'broken'", 't');
$test->sql("UPDATE validation_tasks SET scheduled_at = clock_timestamp() WHERE status = 'pending'; SELECT pg_reload_conf()");
$test->wait_for_sql("SELECT count(*) FROM validation_records WHERE dashboard_id = 'own'", 1);

# So do whoever calls, and a listener.
$test->start_listener;
$test->wait_for_requests(2, '/hook');
$test->sql(<<'SQL');
SELECT public.run_due_work(now()::timestamptz, '50 s'::interval, 100::integer);
SELECT public.run_due_work((now() + interval '2 days')::timestamptz, '50 s'::interval, NULL::integer);
SET dashboard_diff.dispatch_budget = 0;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('own', '[{"id": 2}]');
SELECT public.dispatch_pending('10 s'::interval);
SELECT public.claim_validation('w'::text, '5 minutes'::interval, (now() + interval '1 day')::timestamptz);
SELECT public.report_validation(t.id, 'FAIL'::text, ''::text, '[]'::jsonb) FROM validation_tasks t WHERE t.status <> 'done' LIMIT 1;
SELECT public.rotate_webhook_secret(id, '1 hour'::interval), public.redeliver_dead(id) FROM dashboard_subscriptions;
SELECT public.redeliver(id) FROM dashboard_deliveries;
SELECT public.acknowledge_health('own'::text, 'x'::text);
SELECT public.health_history('own'::text, 3), public.failing_count('default'::text), public.delete_health_reports('own'::text, NULL::text);
SELECT count(*) FROM public.health_summary('default'::text);
SELECT count(*) FROM dashboard_delivery_stats;
SELECT public.backtest_threshold('own'::text, '{"field_changed": "x"}'::jsonb, 'previous'::text, '-infinity'::timestamptz, NULL::interval);
SELECT public.prune_snapshots('0 s'::interval), public.prune_validations('0 s'::interval), public.prune_deliveries('0 s'::interval, 10::integer);
SELECT public.plan_policy(id, current_date) FROM validation_policies;
SELECT public.unsubscribe(id) FROM dashboard_subscriptions;
UPDATE validation_policies SET window_end = '23:00';
DELETE FROM dashboards;
SQL
my $happened = slurp_file($node->logfile, $log);
my %traps = map { $_ => 1 } $happened =~ /(trapped as .*)/g;
is(join("\n", sort keys %traps), '', 'no trap was sprung');
my %errors = map { $_ => 1 } grep { !/division by zero/ } $happened =~ /(?:ERROR|FATAL|PANIC):  (.*)/g;
is(join("\n", sort keys %errors), '', 'nor did anything fail');
is($test->sql("SELECT p.oid::regprocedure FROM pg_proc p, aclexplode(p.proacl) a WHERE p.proowner = 'dbowner'::regrole AND p.pronamespace = 'public'::regnamespace AND a.grantee <> p.proowner AND a.grantee <> 0"),
    '', 'no right was granted on one of them');
is($test->sql("SELECT count(*) FROM public.signatures s WHERE has_function_privilege('a_listener', s.oid, 'EXECUTE') AND s.proname = 'claim_deliveries'"), 1, 'but on our own');

done_testing();
