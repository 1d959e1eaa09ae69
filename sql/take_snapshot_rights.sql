-- What the queries of a dashboard can do: no more than its owner could, whoever takes the snapshot.
-- Here a superuser does, as the scheduler does.
\set SHOW_CONTEXT never
CREATE ROLE regress_maker;
CREATE ROLE regress_helper IN ROLE regress_maker;
CREATE ROLE regress_outsider;
CREATE SCHEMA regress_lair AUTHORIZATION regress_maker;
CREATE TABLE regress_payroll (id text, salary integer);
INSERT INTO regress_payroll VALUES ('boss', 1000000);
CREATE TABLE regress_prey (id text, owner name);
INSERT INTO regress_prey VALUES ('theirs', 'postgres'), ('own', 'regress_maker');
ALTER TABLE regress_prey ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON regress_prey USING (owner = current_user);
GRANT SELECT ON regress_prey TO PUBLIC;
CREATE TABLE regress_lair.log (entry text);
ALTER TABLE regress_lair.log OWNER TO regress_maker;
GRANT ALL ON regress_lair.log TO PUBLIC;
INSERT INTO dashboards (id, owner) VALUES ('lair', 'regress_maker');

CREATE FUNCTION regress_query(sql text) RETURNS text LANGUAGE plpgsql AS $$
  DECLARE detail text;
  BEGIN
    UPDATE dashboards SET view_spec = jsonb_build_object('data_sources', jsonb_build_object('rows', jsonb_build_object('sql', sql)))
     WHERE id = 'lair';
    BEGIN
      PERFORM take_snapshot('lair');
      RETURN (SELECT content -> 'primary_rows' FROM dashboard_snapshots WHERE dashboard_artifact_id = 'lair' ORDER BY id DESC LIMIT 1);
    EXCEPTION WHEN OTHERS OR query_canceled THEN
      GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
      RETURN concat_ws(' | ', SQLSTATE, detail);
    END;
  END $$;
-- A function of the dashboard's owner that runs any command.
SET ROLE regress_maker;
CREATE FUNCTION regress_lair.do(command text) RETURNS text LANGUAGE plpgsql AS $$
  BEGIN
    EXECUTE command;
    RETURN 'done as ' || current_user;
  END $$;
RESET ROLE;
CREATE FUNCTION regress_command(command text) RETURNS text LANGUAGE sql AS $$
  SELECT regress_query(format('SELECT regress_lair.do(%L) AS id', command))
$$;

--
-- Rights are the owner's
--
SELECT regress_query('SELECT current_user AS id');
SELECT regress_query('SELECT id FROM regress_payroll');
SELECT regress_query('SELECT id FROM regress_prey');
SELECT regress_query('SELECT pg_read_file(''PG_VERSION'') AS id');
SELECT regress_command('COPY regress_lair.log TO PROGRAM ''cat''');
SELECT regress_command('ALTER ROLE regress_maker SUPERUSER');
SELECT regress_command('INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES (''lair'', ''[]'')');

--
-- No way to another role
--
SELECT regress_command('SET ROLE postgres');
SELECT regress_command('RESET ROLE');
SELECT regress_command('SET SESSION AUTHORIZATION DEFAULT');
SELECT regress_command('SELECT set_config(''role'', ''none'', false)');
SELECT regress_query('SELECT set_config(''session_authorization'', ''postgres'', false) AS id');

--
-- No temporary objects, and those of the session are not taken for the dashboard's tables
--
SELECT regress_command('CREATE TEMPORARY TABLE regress_payroll (id text)');
SELECT regress_command('CREATE FUNCTION pg_temp.f() RETURNS integer LANGUAGE sql RETURN 1');
CREATE TEMPORARY TABLE regress_prey (id text);
INSERT INTO regress_prey VALUES ('of the session');
GRANT SELECT ON regress_prey TO PUBLIC;
SELECT regress_query('SELECT id FROM regress_prey');
DROP TABLE pg_temp.regress_prey;

--
-- No side effects
--
SELECT regress_command('INSERT INTO regress_lair.log VALUES (''written'')');
SELECT regress_command('SET transaction_read_only = off');
SELECT regress_command('SET TRANSACTION READ WRITE');
SELECT regress_command('CREATE TABLE regress_lair.t ()');
SELECT regress_command('CREATE SEQUENCE regress_lair.s');
SELECT regress_command('LISTEN regress_channel');
SELECT regress_command('PREPARE p AS SELECT 1');
SELECT regress_command('DECLARE c CURSOR WITH HOLD FOR SELECT 1');
SELECT regress_command('COMMIT');
SELECT * FROM regress_lair.log;
-- What is allowed is undone: settings, notifications, cursors, locks, and what read-only transactions of this version may write.
LISTEN regress_channel;
SELECT regress_command('NOTIFY regress_channel, ''from the lair''');
SELECT regress_command('SET search_path = regress_lair');
SELECT regress_command('SELECT set_config(''statement_timeout'', ''1'', false), set_config(''dashboard_diff.max_rows'', ''1'', false)');
SELECT regress_command('DECLARE c CURSOR FOR SELECT 1');
SELECT regress_command('SELECT pg_advisory_xact_lock(42)');
SELECT regress_command('SELECT lo_create(424242)') IS NOT NULL AS tried;
UNLISTEN *;
SELECT count(*) AS large_objects FROM pg_largeobject_metadata WHERE oid = 424242;
SELECT current_setting('search_path') AS path, current_setting('statement_timeout') AS timeout, current_setting('dashboard_diff.max_rows') AS max_rows,
       current_user = session_user AS myself;
BEGIN;
SELECT take_snapshot('lair') IS NOT NULL AS taken;
SELECT (SELECT count(*) FROM pg_cursors) AS cursors,
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objsubid = 1) AS locks;
COMMIT;
-- Nor do rows that turn into JSON by a function of their owner's.
SET ROLE regress_maker;
CREATE TYPE regress_lair.trap AS ENUM ('x');
CREATE FUNCTION regress_lair.spring(regress_lair.trap) RETURNS json LANGUAGE plpgsql AS $$
  BEGIN
    RETURN to_json(regress_lair.do('INSERT INTO regress_lair.log VALUES (current_user)'));
  END $$;
CREATE CAST (regress_lair.trap AS json) WITH FUNCTION regress_lair.spring;
RESET ROLE;
SELECT regress_query('SELECT 1 AS id, ''x''::regress_lair.trap AS trap');

--
-- Names are looked up as in a session of the owner's
--
CREATE SCHEMA regress_trick;
GRANT USAGE ON SCHEMA regress_trick TO PUBLIC;
CREATE TABLE regress_trick.regress_prey AS SELECT 'of the caller''s path' AS id;
GRANT SELECT ON regress_trick.regress_prey TO PUBLIC;
CREATE FUNCTION regress_trick.upper(text) RETURNS text LANGUAGE sql RETURN 'tricked';
SET search_path = regress_trick, pg_catalog, public;
SELECT public.regress_query('SELECT upper(id) AS id FROM regress_prey');
RESET search_path;
-- As ALTER ROLE says; other settings too.
ALTER ROLE regress_maker SET search_path = regress_trick;
ALTER ROLE regress_maker SET TimeZone = 'Asia/Tokyo';
SELECT regress_query('SELECT id, timestamptz ''2026-01-01 00:00+00'' AS at FROM regress_prey');
ALTER ROLE regress_maker RESET ALL;
-- A schema of the owner's name comes first, as ever.
CREATE SCHEMA regress_maker AUTHORIZATION regress_maker;
CREATE TABLE regress_maker.regress_prey AS SELECT 'of the owner''s schema' AS id;
ALTER TABLE regress_maker.regress_prey OWNER TO regress_maker;
SELECT regress_query('SELECT id FROM regress_prey');
DROP SCHEMA regress_maker CASCADE;

--
-- A query that will not be cancelled is not waited for beyond its own end
--
SET ROLE regress_maker;
CREATE FUNCTION regress_lair.stubborn() RETURNS text LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_sleep(60);
    RETURN 'slept';
  EXCEPTION WHEN query_canceled THEN
    RETURN 'never mind';
  END $$;
RESET ROLE;
SET dashboard_diff.view_timeout = '50ms';
SELECT regress_query('SELECT regress_lair.stubborn() AS id');
RESET dashboard_diff.view_timeout;

-- Nor does it take snapshots itself, which would end its time limit.
SELECT regress_query('SELECT take_snapshot(''lair'') AS id');
SELECT regress_query('SELECT 1 AS id');

--
-- Who may take a snapshot
--
SELECT regress_query('SELECT 1 AS id');
SET ROLE regress_outsider;
SELECT take_snapshot('lair');
-- A member of the owner's role may, without any right on the table of snapshots.
SET ROLE regress_helper;
SELECT take_snapshot('lair') IS NOT NULL AS taken;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('lair', '[]');
RESET ROLE;
-- Nobody makes a dashboard whose queries run as somebody else.
GRANT INSERT, UPDATE ON dashboards TO regress_outsider, regress_maker;
SET ROLE regress_outsider;
INSERT INTO dashboards (id, owner, view_spec) VALUES ('forged', 'postgres', '{"data_sources": {"x": {"sql": "SELECT id FROM regress_payroll"}}}');
INSERT INTO dashboards (id, owner, view_spec) VALUES ('forged', 'regress_maker', '{"data_sources": {"x": {"sql": "SELECT 1 AS id"}}}');
SET ROLE regress_maker;
UPDATE dashboards SET owner = 'postgres' WHERE id = 'lair';
RESET ROLE;
-- An owner who is gone has no rights at all.
UPDATE dashboards SET owner = 'regress_nobody' WHERE id = 'lair';
SELECT take_snapshot('lair');

DELETE FROM dashboards WHERE id = 'lair';
DROP FUNCTION regress_query, regress_command;
DROP SCHEMA regress_lair, regress_trick CASCADE;
DROP TABLE regress_payroll, regress_prey;
REVOKE ALL ON dashboards FROM regress_outsider, regress_maker;
DROP ROLE regress_helper, regress_maker, regress_outsider;
