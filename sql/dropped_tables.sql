-- Of watched tables that are gone nothing is kept in a session.
INSERT INTO dashboards (id) VALUES ('sales');
INSERT INTO personas (id) VALUES ('ana');
SELECT subscribe('sales', 'persona', 'ana', '{"set_added_min": 1}') IS NOT NULL AS subscribed;
CREATE FUNCTION regress_plans() RETURNS bigint LANGUAGE sql AS $$ SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts WHERE name ~ 'Plan|plan' $$;
CREATE VIEW regress_round AS
  SELECT format('CREATE TABLE regress_%s (id bigint, dash text, at timestamptz, doc jsonb);
CREATE TRIGGER t AFTER INSERT ON regress_%1$s FOR EACH ROW EXECUTE FUNCTION dashboard_snapshot_alert(''id'', ''dash'', ''at'', ''doc'');
INSERT INTO regress_%1$s VALUES (%1$s, ''sales'', ''2030-01-01'', ''[]''), (1000 + %1$s, ''sales'', ''2030-01-02'', ''[{"id": 1}]'');
DROP TABLE regress_%1$s', i) AS statements FROM generate_series(1, 40) i;
\set ECHO none
SELECT unnest(string_to_array(statements, E';\n')) FROM regress_round \gexec
DELETE FROM dashboard_diffs;
SELECT regress_plans() AS before \gset
SELECT unnest(string_to_array(statements, E';\n')) FROM regress_round \gexec
\set ECHO all
SELECT count(*) FROM dashboard_alerts;
SELECT (regress_plans() - :before) / 40 AS kept_bytes_of_each WHERE regress_plans() - :before > 40 * 1000; -- none: less than 1 kB
DROP VIEW regress_round;
DROP FUNCTION regress_plans;
DELETE FROM dashboards;
DELETE FROM personas;
