-- watch_snapshots() and unwatch_snapshots(): the alert trigger without knowing its arguments.
\set VERBOSITY default
\set SHOW_CONTEXT never
INSERT INTO dashboards (id) VALUES ('sales');
INSERT INTO personas (id) VALUES ('ana');
SELECT subscribe('sales', 'persona', 'ana', '{"set_added_min": 1}') IS NOT NULL AS subscribed;
CREATE TABLE regress_shots (id bigint PRIMARY KEY, "Dash" text, at timestamptz, doc jsonb, made text, words text);
SELECT watch_snapshots('regress_shots', 'id', 'Dash', 'at', 'doc');
INSERT INTO regress_shots VALUES (1, 'sales', '2030-01-01', '[]'), (2, 'sales', '2030-01-02', '[{"id": 1}]');
-- Once more: with an index there is nothing to remark, and the new columns count.
CREATE INDEX ON regress_shots ("Dash", at, id);
SELECT watch_snapshots('regress_shots', 'id', 'Dash', 'at', 'doc', definition_column => 'made');
INSERT INTO regress_shots VALUES (3, 'sales', '2030-01-03', '[{"id": 2}]', 'v1'), (4, 'sales', '2030-01-04', '[{"id": 3}]', 'v1');
SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'regress_shots'::regclass;
SELECT snapshot_a, snapshot_b FROM dashboard_alerts ORDER BY snapshot_b;
SELECT message FROM dashboard_events;
SELECT unwatch_snapshots('regress_shots'), unwatch_snapshots('regress_shots') AS again;
INSERT INTO regress_shots VALUES (5, 'sales', '2030-01-05', '[{"id": 5}]');
SELECT count(*) AS alerts FROM dashboard_alerts;
-- A trigger made by hand is replaced, not doubled, and unwatched as well.
CREATE TRIGGER by_hand AFTER INSERT ON regress_shots FOR EACH ROW EXECUTE FUNCTION dashboard_snapshot_alert('id', 'Dash', 'at', 'doc');
SELECT watch_snapshots('regress_shots', 'id', 'Dash', 'at', 'doc');
SELECT tgname FROM pg_trigger WHERE tgrelid = 'regress_shots'::regclass;
SELECT unwatch_snapshots('regress_shots');

--
-- Columns there are not, or of the wrong type
--
SELECT watch_snapshots('regress_shots', 'nr', 'Dash', 'at', 'doc');
SELECT watch_snapshots('regress_shots', 'id', 'dash', 'at', 'doc');
SELECT watch_snapshots('regress_shots', 'words', 'Dash', 'at', 'doc');
SELECT watch_snapshots('regress_shots', 'id', 'Dash', 'words', 'doc');
SELECT watch_snapshots('regress_shots', 'id', 'Dash', 'at', 'words');
SELECT watch_snapshots('regress_shots', 'id', 'id', 'at', 'doc');
SELECT watch_snapshots('regress_shots', 'id', 'Dash', 'at', 'doc', 'at');
SELECT watch_snapshots('regress_shots', 'id', NULL, 'at', 'doc');
SELECT watch_snapshots('dashboard_snapshots', 'id', 'dashboard_artifact_id', 'captured_at', 'content');
SELECT unwatch_snapshots('dashboard_snapshots');
CREATE VIEW regress_view AS SELECT * FROM regress_shots;
SELECT watch_snapshots('regress_view', 'id', 'Dash', 'at', 'doc');
DROP VIEW regress_view;
SELECT watch_snapshots('regress_nosuch', 'id', 'Dash', 'at', 'doc');
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'regress_shots'::regclass;

--
-- Partitioned tables: watched as a whole
--
CREATE TABLE regress_parts (id bigint, dash text, at timestamptz, doc jsonb) PARTITION BY RANGE (at);
CREATE TABLE regress_2030 PARTITION OF regress_parts FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');
CREATE INDEX ON regress_parts (dash, at, id);
SELECT watch_snapshots('regress_parts', 'id', 'dash', 'at', 'doc');
SELECT watch_snapshots('regress_2030', 'id', 'dash', 'at', 'doc');
CREATE TABLE regress_2031 PARTITION OF regress_parts FOR VALUES FROM ('2031-01-01') TO ('2032-01-01');
INSERT INTO regress_parts VALUES (101, 'sales', '2030-12-31', '[{"id": 1}]'), (102, 'sales', '2031-01-01', '[{"id": 2}]');
SELECT snapshot_a, snapshot_b FROM dashboard_alerts WHERE snapshot_b > 100;
SELECT snapshot_a, snapshot_b FROM backtest_threshold('sales', '{"set_added_min": 1}');
SELECT unwatch_snapshots('regress_2031');
SELECT unwatch_snapshots('regress_parts');
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid IN ('regress_parts'::regclass, 'regress_2031'::regclass);

--
-- Rights: those of the caller
--
CREATE ROLE regress_watcher;
SET ROLE regress_watcher;
SELECT watch_snapshots('regress_shots', 'id', 'Dash', 'at', 'doc');
RESET ROLE;
SELECT watch_snapshots('regress_shots', 'id', 'Dash', 'at', 'doc');
SET ROLE regress_watcher;
SELECT unwatch_snapshots('regress_shots');
RESET ROLE;
DROP TABLE regress_shots, regress_parts;
DROP ROLE regress_watcher;
DELETE FROM dashboards;
DELETE FROM personas;
