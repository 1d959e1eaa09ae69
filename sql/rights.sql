-- Who may do what: every table and every function of the extension, tried by every kind of role. What is new in the extension
-- appears in these lists by itself.
CREATE ROLE regress_boss;       -- owns a dashboard and all that belongs to it
CREATE ROLE regress_analyst;    -- has exactly the README's grants, and a dashboard of its own
CREATE ROLE regress_viewer;     -- was let see the boss's dashboard
CREATE ROLE regress_persona;    -- the same, and has a persona that is subscribed to it
CREATE ROLE regress_listener;
CREATE ROLE regress_scheduler;
CREATE ROLE regress_validator;
CREATE ROLE regress_dbowner;
CREATE ROLE regress_nobody;
SELECT current_setting('is_superuser') AS superuser, current_user AS me, current_database() AS db \gset
ALTER DATABASE :"db" OWNER TO regress_dbowner;
GRANT INSERT, UPDATE, DELETE ON dashboards, dashboard_subscriptions, personas TO regress_analyst, regress_boss, regress_viewer, regress_persona;
GRANT INSERT, DELETE ON dashboard_snapshots, artifact_comments TO regress_analyst, regress_boss, regress_viewer, regress_persona;
GRANT UPDATE (status, attempts, next_attempt_at, parked, finished_at), INSERT ON dashboard_deliveries
   TO regress_analyst, regress_boss, regress_viewer, regress_persona;
GRANT INSERT ON dashboard_delivery_attempts TO regress_analyst, regress_boss, regress_viewer, regress_persona;
GRANT INSERT, UPDATE, DELETE ON validation_policies, user_dashboard_preferences, health_acknowledgements
   TO regress_analyst, regress_boss, regress_viewer, regress_persona;
GRANT DELETE ON validation_records TO regress_analyst, regress_boss, regress_viewer, regress_persona;
SELECT allow_listener('regress_listener'), allow_scheduler('regress_scheduler'), allow_validator('regress_validator');

-- Hundreds of plans are made here, each used once.
SET jit = off;

-- A row in every table.
SET ROLE regress_analyst;
INSERT INTO dashboards (id) VALUES ('mine');
SET ROLE regress_persona;
INSERT INTO personas (id) VALUES ('robot');
SET ROLE regress_boss;
INSERT INTO user_dashboard_preferences (email_address, quiet_start, quiet_end) VALUES ('boss@example.com', '00:00', '00:01');
INSERT INTO personas (id) VALUES ('boss');
INSERT INTO dashboards (id, view_spec, metadata) VALUES
  ('d', '{"data_sources": {"rows": {"sql": "SELECT 1 AS id"}}}', '{"snapshot_policy": "every 366 days", "checks": [{"min_rows": 5}]}');
SELECT allow_viewer('d', 'regress_viewer'), allow_viewer('d', 'regress_persona');
RESET ROLE;
UPDATE dashboard_schedules SET due = '2040-01-01', run_at = '2040-01-01', is_new = false;
INSERT INTO dashboard_events (dashboard_artifact_id, event_type, message) VALUES ('d', 'snapshot_failed', 'for an example');
SET ROLE regress_boss;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, captured_at, content) VALUES ('d', '2030-01-01', '[]');
INSERT INTO validation_policies (name, window_start, window_end, alert_condition) VALUES ('all day', '00:00', '24:00', 'ALWAYS');
SELECT subscribe('d', 'webhook', 'https://example.com/secret', '{"set_added_min": 1}') AS hook \gset
SELECT subscribe('d', 'persona', 'boss', '{"set_added_min": 1}') AS boss \gset
SET ROLE regress_persona;
SELECT subscribe('d', 'persona', 'robot', '{"set_added_min": 1}') AS robot \gset
SET ROLE regress_boss;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, captured_at, content) VALUES ('d', '2030-01-02', '[{"id": 1}]');
SELECT send_test(:hook) IS NOT NULL AS sent;
SET dashboard_diff.dispatch_budget = 0;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, captured_at, content) VALUES ('d', '2030-01-03', '[]');
RESET ROLE;
INSERT INTO notification_configs (type, name, settings) VALUES ('SMTP', 'relay', '{"host": "relay.example.com", "from": "a@example.com"}');
SELECT run_due_work(day + interval '30 s') IS NOT NULL AS planned, run_due_work(day + interval '12 h 1 min') > 0 AS worked,
       run_due_work(day + interval '24 h 1 min') IS NOT NULL AS told
  FROM date_trunc('day', now() + interval '1 day', 'UTC') AS day;
SET ROLE regress_boss;
SELECT acknowledge_health('d', 'known');
RESET ROLE;
SELECT listener_seen('w');
SELECT count(*) > 0 AS claimed FROM claim_deliveries('w', '{webhook,email}', 10);
INSERT INTO dashboard_delivery_attempts (dashboard_artifact_id, delivery_id, attempt, attempted_at, outcome)
SELECT dashboard_artifact_id, id, 1, now(), 'retry' FROM dashboard_deliveries LIMIT 1;

CREATE TABLE regress_relations AS
  SELECT c.oid, c.relname AS name, c.relkind
    FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
   WHERE c.relkind IN ('r', 'v');
CREATE TABLE regress_roles AS
  SELECT * FROM (VALUES (1, 'boss'), (2, 'analyst'), (3, 'viewer'), (4, 'persona'), (5, 'listener'), (6, 'scheduler'), (7, 'validator'), (8, 'dbowner'), (9, 'nobody')) v (place, name);
-- What comes of a statement as a role, which leaves nothing: the number of rows, or - where it is not permitted, or ! and the SQLSTATE.
CREATE FUNCTION regress_try(role text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
  state text;
  message text;
BEGIN
  EXECUTE format('SET LOCAL ROLE %I', 'regress_' || role);
  EXECUTE statement;
  GET DIAGNOSTICS n = ROW_COUNT;
  RAISE EXCEPTION USING ERRCODE = 'RB000', MESSAGE = n::text;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
  RETURN CASE state WHEN 'RB000' THEN message WHEN '42501' THEN '-' ELSE '!' || state END;
END
$$;
\set VERBOSITY terse
SET client_min_messages = error;
-- Every table has a row that there is something to be seen of.
CREATE FUNCTION regress_count(name name) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint; BEGIN EXECUTE format('SELECT count(*) FROM %I', name) INTO n; RETURN n; END $$;
SELECT name AS only_while_something_is_locked FROM regress_relations WHERE regress_count(name) = 0 ORDER BY name;
CREATE FUNCTION regress_columns(relation oid) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
   WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity <> 'a'
$$;
-- All rows once more, to be inserted by others.
SELECT format('CREATE TABLE regress_copy_%s AS SELECT %s FROM %1$I; GRANT SELECT ON regress_copy_%1$s TO PUBLIC', name, regress_columns(oid))
  FROM regress_relations ORDER BY name \gexec

-- Tables: rows read / inserted / updated / deleted.
SELECT r.name,
       (regress_of ->> 'boss') AS boss, (regress_of ->> 'analyst') AS analyst, (regress_of ->> 'viewer') AS viewer, (regress_of ->> 'persona') AS persona,
       (regress_of ->> 'listener') AS listener, (regress_of ->> 'scheduler') AS scheduler, (regress_of ->> 'validator') AS validator,
       (regress_of ->> 'dbowner') AS dbowner, (regress_of ->> 'nobody') AS nobody
  FROM regress_relations r
 CROSS JOIN LATERAL (
   SELECT jsonb_object_agg(o.name, concat_ws(' ',
            regress_try(o.name, format('SELECT 1 FROM %I', r.name)),
            regress_try(o.name, format('INSERT INTO %I (%s) SELECT %2$s FROM regress_copy_%1$s', r.name, regress_columns(r.oid))),
            regress_try(o.name, format('UPDATE %I SET (%s) = (SELECT %2$s FROM regress_copy_%1$s LIMIT 1)', r.name, regress_columns(r.oid))),
            regress_try(o.name, format('DELETE FROM %I', r.name)))) AS regress_of
     FROM regress_roles o) x
 ORDER BY r.name;

-- Functions, called for the boss's dashboard: ok, - where it is not permitted, or ! and the SQLSTATE.
CREATE FUNCTION regress_call(f oid) RETURNS text LANGUAGE sql AS $$
  SELECT format('SELECT 1 FROM %s(%s)', f::regproc, coalesce(string_agg(a.value, ', ' ORDER BY a.place), ''))
    FROM (SELECT p.proargtypes::oid[] AS types FROM pg_proc p WHERE p.oid = f) p
    LEFT JOIN LATERAL (
     SELECT t.place,
            CASE t.type::regtype::text
              WHEN 'text' THEN '''d''::text' WHEN 'bigint' THEN '1::bigint' WHEN 'integer' THEN '1'
              WHEN 'jsonb' THEN '''{"set_added_min": 1}''::jsonb' WHEN 'interval' THEN '''1 s''::interval'
              WHEN 'timestamp with time zone' THEN '''2030-01-01''::timestamptz' WHEN 'name' THEN '''regress_boss''::name'
              WHEN 'regclass' THEN '''dashboards''::regclass' WHEN 'regrole' THEN '''regress_nobody''::regrole'
              WHEN 'text[]' THEN '''{d}''::text[]' WHEN 'bigint[]' THEN '''{1}''::bigint[]'
              WHEN 'date' THEN '''2030-01-01''::date' WHEN 'boolean' THEN 'false' WHEN 'numeric' THEN '1::numeric'
              WHEN 'name[]' THEN '''{dispatch_pending}''::name[]' WHEN 'integer[]' THEN '''{1}''::integer[]' WHEN 'interval[]' THEN '''{1 s}''::interval[]'
              WHEN 'date[]' THEN '''{2030-01-01}''::date[]' WHEN 'oid[]' THEN '''{}''::oid[]' WHEN 'time without time zone' THEN '''12:00''::time'
              WHEN 'timestamp without time zone' THEN '''2030-01-01''::timestamp'
              ELSE format('NULL::%s', t.type::regtype) END AS value
       FROM unnest(p.types) WITH ORDINALITY AS t(type, place)) a ON true
$$;
CREATE TABLE regress_functions AS
  SELECT p.oid, p.oid::regprocedure::text AS name, p.prosecdef, p.proconfig, p.prolang
    FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
   WHERE p.prorettype <> ALL ('{trigger,event_trigger}'::regtype[]);
GRANT SELECT ON regress_functions TO PUBLIC;
SELECT f.name,
       (regress_of ->> 'boss') AS boss, (regress_of ->> 'analyst') AS analyst, (regress_of ->> 'viewer') AS viewer, (regress_of ->> 'persona') AS persona,
       (regress_of ->> 'listener') AS listener, (regress_of ->> 'scheduler') AS scheduler, (regress_of ->> 'validator') AS validator,
       (regress_of ->> 'dbowner') AS dbowner, (regress_of ->> 'nobody') AS nobody
  FROM regress_functions f
 CROSS JOIN LATERAL (
   SELECT jsonb_object_agg(o.name, regexp_replace(regress_try(o.name, regress_call(f.oid)), '^\d+$', 'ok')) AS regress_of
     FROM regress_roles o) x
 ORDER BY f.name COLLATE "C";

-- Whoever runs it, its names are ours: but for those that the planner is to put into the statement.
SELECT name FROM regress_functions f JOIN pg_language l ON l.oid = f.prolang
 WHERE l.lanname <> 'c' AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false) ORDER BY name;
-- Those that run with their owner's rights are nobody's but by allow_listener(), allow_scheduler() and allow_validator().
SELECT name FROM regress_functions WHERE prosecdef AND has_function_privilege('regress_nobody', oid, 'EXECUTE') ORDER BY name;
-- Sequences are nobody's.
SELECT c.relname, r.name FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
 CROSS JOIN regress_roles r
 WHERE c.relkind = 'S' AND (has_sequence_privilege('regress_' || r.name, c.oid, 'USAGE') OR has_sequence_privilege('regress_' || r.name, c.oid, 'UPDATE')) ORDER BY 1, 2;
-- Nobody has TRIGGER, REFERENCES or TRUNCATE.
SELECT c.name, r.name FROM regress_relations c CROSS JOIN regress_roles r
 WHERE has_table_privilege('regress_' || r.name, c.oid, 'TRIGGER') OR has_table_privilege('regress_' || r.name, c.oid, 'REFERENCES')
    OR has_table_privilege('regress_' || r.name, c.oid, 'TRUNCATE') ORDER BY 1, 2;

RESET client_min_messages;
SET client_min_messages = warning;
SELECT format('DROP TABLE regress_copy_%s', name) FROM regress_relations \gexec
DROP TABLE regress_relations, regress_roles, regress_functions;
DROP FUNCTION regress_try, regress_call, regress_columns, regress_count;
RESET dashboard_diff.dispatch_budget;
RESET jit;
DELETE FROM dashboards; DELETE FROM personas; DELETE FROM validation_policies; DELETE FROM notification_configs; DELETE FROM user_dashboard_preferences;
DELETE FROM dashboard_listeners; DELETE FROM validation_notices;
ALTER DATABASE :"db" OWNER TO :"me";
DROP OWNED BY regress_boss, regress_analyst, regress_viewer, regress_persona, regress_listener, regress_scheduler, regress_validator, regress_dbowner, regress_nobody;
DROP ROLE regress_boss, regress_analyst, regress_viewer, regress_persona, regress_listener, regress_scheduler, regress_validator, regress_dbowner, regress_nobody;
