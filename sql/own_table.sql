-- dashboard_snapshot_alert() as a trigger on a table of the user's own.
INSERT INTO dashboards (id) VALUES ('sales');
INSERT INTO personas (id) VALUES ('ana');
SELECT subscribe('sales', 'persona', 'ana', '{"set_added_min": 1}') IS NOT NULL AS subscribed;
CREATE VIEW regress_told AS SELECT snapshot_a, snapshot_b FROM dashboard_alerts ORDER BY id;

--
-- Any names, any of the usual types
--
CREATE TABLE regress_shots (
  "the Payload" jsonb,
  "when" timestamp,
  dropped text,
  dash varchar(20),
  no integer PRIMARY KEY
);
ALTER TABLE regress_shots DROP COLUMN dropped;
CREATE TRIGGER alert AFTER INSERT ON regress_shots FOR EACH ROW
  EXECUTE FUNCTION dashboard_snapshot_alert('no', 'dash', 'when', 'the Payload');
INSERT INTO regress_shots (no, dash, "when", "the Payload") VALUES (1, 'sales', '2020-01-01 10:00', '[]');
INSERT INTO regress_shots (no, dash, "when", "the Payload") VALUES (2, 'sales', '2020-01-01 11:00', '[{"id": 1}]');
INSERT INTO regress_shots (no, dash, "when", "the Payload") VALUES (3, 'sales', '2020-01-01 10:30', '[{"id": 1}, {"id": 2}]');
INSERT INTO regress_shots (no, dash, "when", "the Payload") VALUES (4, 'sales', '2020-01-01 12:00', '[{"id": 1}]'), (5, 'sales', '2020-01-01 12:00', '[{"id": 7}]');
TABLE regress_told;
-- A dashboard that nobody knows or subscribed to may be written, and alerts nobody.
INSERT INTO regress_shots (no, dash, "when", "the Payload") VALUES (6, 'nosuch', '2020-01-01 10:00', '[]'), (7, 'nosuch', '2020-01-01 11:00', '[{"id": 1}]');
SELECT count(*) FROM dashboard_alerts WHERE dashboard_artifact_id = 'nosuch';

-- The table may change, also within a session.
ALTER TABLE regress_shots ALTER COLUMN no TYPE bigint, ALTER COLUMN dash TYPE text, ALTER COLUMN "when" TYPE timestamptz USING "when" AT TIME ZONE 'UTC';
INSERT INTO regress_shots (no, dash, "when", "the Payload") VALUES (8, 'sales', '2020-01-01 13:00+00', '[{"id": 8}]');
ALTER TABLE regress_shots RENAME TO regress_renamed;
INSERT INTO regress_renamed (no, dash, "when", "the Payload") VALUES (9, 'sales', '2020-01-01 14:00+00', '[{"id": 9}]');
CREATE SCHEMA regress_a;
ALTER TABLE regress_renamed SET SCHEMA regress_a;
INSERT INTO regress_a.regress_renamed (no, dash, "when", "the Payload") VALUES (10, 'sales', '2020-01-01 15:00+00', '[{"id": 10}]');
ALTER SCHEMA regress_a RENAME TO regress_b;
INSERT INTO regress_b.regress_renamed (no, dash, "when", "the Payload") VALUES (11, 'sales', '2020-01-01 16:00+00', '[{"id": 11}]');
TABLE regress_told;
-- The trigger goes by names: a renamed column is missed, by name.
ALTER TABLE regress_b.regress_renamed RENAME dash TO dashboard;
INSERT INTO regress_b.regress_renamed (no, dashboard, "when", "the Payload") VALUES (12, 'sales', '2020-01-01 17:00+00', '[]');
DROP TABLE regress_b.regress_renamed;
DROP SCHEMA regress_b;
DELETE FROM dashboard_diffs;

-- Domains and name, and the smallest of integers.
CREATE DOMAIN regress_doc AS jsonb CHECK (jsonb_typeof(VALUE) = 'array');
CREATE TABLE regress_shots (id smallint, dash name, at timestamptz, doc regress_doc);
CREATE TRIGGER alert AFTER INSERT ON regress_shots FOR EACH ROW EXECUTE FUNCTION dashboard_snapshot_alert('id', 'dash', 'at', 'doc');
INSERT INTO regress_shots VALUES (1, 'sales', '2020-01-01', '[]'), (2, 'sales', '2020-01-02', '[{"id": 1}]');
TABLE regress_told;
DELETE FROM dashboard_diffs;

-- A table that was emptied begins anew, also where it uses its ids again.
TRUNCATE regress_shots;
INSERT INTO regress_shots VALUES (1, 'sales', '2020-01-01', '[]');
INSERT INTO regress_shots VALUES (2, 'sales', '2020-01-02', '[{"id": 1}]');
TRUNCATE regress_shots;
INSERT INTO regress_shots VALUES (1, 'sales', '2020-01-01', '[{"id": 1}]');
INSERT INTO regress_shots VALUES (2, 'sales', '2020-01-02', '[{"id": 2}]');
SELECT id, doc FROM regress_shots ORDER BY id;
SELECT a.snapshot_a, a.snapshot_b, a.summary, d.diff -> 'id_set_added' AS added
  FROM dashboard_alerts a JOIN dashboard_diffs d USING (dashboard_artifact_id, snapshot_a, snapshot_b);
DROP TABLE regress_shots;
DROP DOMAIN regress_doc;
DELETE FROM dashboard_diffs;

-- A fifth column may tell how the dashboard was made: where that changes there is nothing to compare.
CREATE TABLE regress_shots (id bigint, dash text, at timestamptz DEFAULT clock_timestamp(), doc jsonb, made varchar);
CREATE TRIGGER alert AFTER INSERT ON regress_shots FOR EACH ROW EXECUTE FUNCTION dashboard_snapshot_alert('id', 'dash', 'at', 'doc', 'made');
INSERT INTO regress_shots (id, dash, made, doc) VALUES
  (1, 'sales', 'v1', '[]'), (2, 'sales', 'v1', '[{"id": 2}]'), (3, 'sales', 'v2', '[{"id": 3}]'), (4, 'sales', 'v2', '[{"id": 4}]'),
  (5, 'sales', NULL, '[{"id": 5}]'), (6, 'sales', NULL, '[{"id": 6}]'), (7, 'sales', '', '[{"id": 7}]'), (8, 'sales', 'v1', '[{"id": 8}]');
TABLE regress_told;
DROP TABLE regress_shots;
DELETE FROM dashboard_diffs;

-- A partitioned table: the partitions together are one history.
CREATE TABLE regress_parts (id bigint, dash text, at timestamptz, doc jsonb) PARTITION BY RANGE (at);
CREATE TABLE regress_part_1 PARTITION OF regress_parts FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00');
CREATE TRIGGER alert AFTER INSERT ON regress_parts FOR EACH ROW EXECUTE FUNCTION dashboard_snapshot_alert('id', 'dash', 'at', 'doc');
CREATE TABLE regress_part_2 (doc jsonb, extra text, at timestamptz, id bigint, dash text);
ALTER TABLE regress_part_2 DROP COLUMN extra;
ALTER TABLE regress_parts ATTACH PARTITION regress_part_2 FOR VALUES FROM ('2020-02-01 00:00+00') TO ('2020-03-01 00:00+00');
INSERT INTO regress_parts VALUES (1, 'sales', '2020-01-31 12:00+00', '[]'), (2, 'sales', '2020-02-01 12:00+00', '[{"id": 1}]');
INSERT INTO regress_part_2 (id, dash, at, doc) VALUES (3, 'sales', '2020-02-02 12:00+00', '[{"id": 2}]');
INSERT INTO regress_part_1 VALUES (4, 'sales', '2020-01-02 12:00+00', '[{"id": 3}]');
TABLE regress_told;
-- The table may be renamed in the middle of a session.
ALTER TABLE regress_parts RENAME TO regress_pieces;
INSERT INTO regress_pieces VALUES (5, 'sales', '2020-02-03 12:00+00', '[{"id": 4}]');
TABLE regress_told;
DROP TABLE regress_pieces;
DELETE FROM dashboard_diffs;

--
-- How it may not be used
--
CREATE TABLE regress_shots (id bigint, dash text, at timestamptz, doc jsonb, day date);
CREATE PROCEDURE pg_temp.try(definition text, row_to_insert text DEFAULT $$1, 'sales', now(), '[]'$$) LANGUAGE plpgsql AS $$
DECLARE
  state text; message text; detail text; hint text;
BEGIN
  EXECUTE format('CREATE TRIGGER alert %s EXECUTE FUNCTION dashboard_snapshot_alert(%s)',
                 split_part(definition, ':', 1), split_part(definition, ':', 2));
  EXECUTE format('INSERT INTO regress_shots VALUES (%s)', row_to_insert);
  UPDATE regress_shots SET day = now();
  DELETE FROM regress_shots;
  TRUNCATE regress_shots;
  RAISE EXCEPTION 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RAISE NOTICE '% % / % / %', state, message, detail, hint;
END
$$;
\set VERBOSITY terse
-- The number of arguments.
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:$$);
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'id', 'dash', 'at'$$);
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'id', 'dash', 'at', 'doc', 'dash', 'x'$$);
-- Columns there are not; names are case-sensitive.
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'nr', 'dash', 'at', 'doc'$$);
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'id', 'Dash', 'at', 'doc'$$);
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'id', 'dash', '', 'doc'$$);
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'id', 'dash', 'at', 'doc', 'made'$$);
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'ctid', 'dash', 'at', 'doc'$$);
-- Columns of the wrong type.
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'dash', 'dash', 'at', 'doc'$$);
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'id', 'id', 'at', 'doc'$$);
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'id', 'dash', 'day', 'doc'$$);
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'id', 'dash', 'at', 'dash'$$);
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'id', 'dash', 'at', 'doc', 'doc'$$);
-- Nulls.
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'id', 'dash', 'at', 'doc'$$, $$NULL, 'sales', now(), '[]'$$);
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'id', 'dash', 'at', 'doc'$$, $$1, NULL, now(), '[]'$$);
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'id', 'dash', 'at', 'doc'$$, $$1, 'sales', NULL, '[]'$$);
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'id', 'dash', 'at', 'doc'$$, $$1, 'sales', now(), NULL$$);
-- Another moment than after the insert of a row.
CALL pg_temp.try($$BEFORE INSERT ON regress_shots FOR EACH ROW:'id', 'dash', 'at', 'doc'$$);
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH STATEMENT:'id', 'dash', 'at', 'doc'$$);
CALL pg_temp.try($$AFTER UPDATE ON regress_shots FOR EACH ROW:'id', 'dash', 'at', 'doc'$$);
CALL pg_temp.try($$AFTER DELETE ON regress_shots FOR EACH ROW:'id', 'dash', 'at', 'doc'$$);
CALL pg_temp.try($$AFTER TRUNCATE ON regress_shots:'id', 'dash', 'at', 'doc'$$);
-- Nor at the end of the transaction: what stood there before the row could no longer be told.
CREATE CONSTRAINT TRIGGER alert AFTER INSERT ON regress_shots DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  EXECUTE FUNCTION dashboard_snapshot_alert('id', 'dash', 'at', 'doc');
INSERT INTO regress_shots VALUES (1, 'sales', now(), '[]');
DROP TRIGGER alert ON regress_shots;
-- Times that are none, and documents that the next one could not be compared with: the first one,
-- and one under another ranking.
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'id', 'dash', 'at', 'doc'$$, $$1, 'sales', 'infinity', '[]'$$);
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'id', 'dash', 'at', 'doc'$$, $$1, 'sales', now(), '"x"'$$);
CALL pg_temp.try($$AFTER INSERT ON regress_shots FOR EACH ROW:'id', 'dash', 'at', 'doc'$$,
  $$1, 'sales', now() - interval '1 s', '[]'), (2, 'sales', now(), '{"id_field": "k", "primary_rows": [{"id": 1}]}'$$);
-- Not as a trigger at all.
SELECT dashboard_snapshot_alert();
SELECT dashboard_snapshot_stamp();
\set VERBOSITY default

--
-- Documents that nobody checked
--
CREATE TRIGGER alert AFTER INSERT ON regress_shots FOR EACH ROW EXECUTE FUNCTION dashboard_snapshot_alert('id', 'dash', 'at', 'doc');
-- What cannot be compared is refused.
INSERT INTO regress_shots VALUES (1, 'sales', '2020-01-01', '[]');
INSERT INTO regress_shots VALUES (2, 'sales', '2020-01-02', '[{"id": 1}, {"id": 1}]');
INSERT INTO regress_shots VALUES (2, 'sales', '2020-01-02', '"x"');
SELECT count(*) FROM regress_shots;
-- What was there before the trigger warns and starts anew.
ALTER TABLE regress_shots DISABLE TRIGGER alert;
INSERT INTO regress_shots VALUES (3, 'sales', '2020-01-03', '[{"id": 1}, {"id": 1}]');
ALTER TABLE regress_shots ENABLE TRIGGER alert;
INSERT INTO regress_shots VALUES (4, 'sales', '2020-01-04', '[{"id": 1}]');
SELECT event_type, snapshot_id, message FROM dashboard_events WHERE dashboard_artifact_id = 'sales' ORDER BY id;
INSERT INTO regress_shots VALUES (5, 'sales', '2020-01-05', '[{"id": 2}]');
TABLE regress_told;
-- Where both are wrong, the new one is told of.
ALTER TABLE regress_shots DISABLE TRIGGER alert;
INSERT INTO regress_shots VALUES (6, 'sales', '2020-01-06', '5');
ALTER TABLE regress_shots ENABLE TRIGGER alert;
INSERT INTO regress_shots VALUES (7, 'sales', '2020-01-07', '6');
DELETE FROM dashboard_diffs;
DELETE FROM regress_shots;

--
-- Who may speak for a dashboard
--
CREATE ROLE regress_boss;
CREATE ROLE regress_friend IN ROLE regress_boss;
CREATE ROLE regress_stranger;
GRANT ALL ON regress_shots TO regress_boss, regress_friend, regress_stranger;
UPDATE dashboards SET owner = 'regress_boss';
INSERT INTO regress_shots VALUES (1, 'sales', '2020-01-01', '[]');
ALTER TABLE regress_shots OWNER TO regress_stranger;
INSERT INTO regress_shots VALUES (2, 'sales', '2020-01-02', '[{"id": 1}]');
SET ROLE regress_stranger;
INSERT INTO regress_shots VALUES (2, 'sales', '2020-01-02', '[{"id": 1}]');
RESET ROLE;
ALTER TABLE regress_shots OWNER TO regress_friend;
GRANT INSERT ON regress_shots TO regress_stranger;
SET ROLE regress_stranger;
INSERT INTO regress_shots VALUES (2, 'sales', '2020-01-02', '[{"id": 1}]');
RESET ROLE;
TABLE regress_told;
-- The same for the partitions of a table.
CREATE TABLE regress_parts (LIKE regress_shots) PARTITION BY LIST (dash);
CREATE TABLE regress_part PARTITION OF regress_parts DEFAULT;
CREATE TRIGGER alert AFTER INSERT ON regress_parts FOR EACH ROW EXECUTE FUNCTION dashboard_snapshot_alert('id', 'dash', 'at', 'doc');
INSERT INTO regress_parts VALUES (11, 'sales', '2020-01-01', '[]'), (12, 'sales', '2020-01-02', '[{"id": 1}]');
ALTER TABLE regress_parts OWNER TO regress_stranger;
\set VERBOSITY terse
INSERT INTO regress_parts VALUES (13, 'sales', '2020-01-03', '[{"id": 2}]');
DROP TABLE regress_parts;

DROP TABLE regress_shots;
DROP VIEW regress_told;
DELETE FROM dashboards;
DELETE FROM personas;
DROP ROLE regress_friend, regress_boss, regress_stranger;
