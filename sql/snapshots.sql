-- dashboard_snapshots: what goes in, when it was, and what goes out again.
INSERT INTO dashboards (id) VALUES ('sales'), ('stock');

-- What the document has to be is checked on the way in; nothing is left of what is refused.
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('sales', '[{"id": 1}, {"name": "x"}]');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('sales', '[{"id": 1}, {"id": 1.0}]');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('sales', '{"primary_rows": [], "primary_metric": "12"}');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('sales', '"x"');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('sales', 'null');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('sales', '[]'), ('sales', '[5]');
\set VERBOSITY terse
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('sales', NULL);
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES (NULL, '[]');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('nosuch', '[]');
\set VERBOSITY default
SELECT count(*) FROM dashboard_snapshots;

-- captured_at left out, or null, is the time of the insert (of the row, not of the transaction).
BEGIN;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('sales', '[]');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, captured_at, content) VALUES ('sales', NULL, '[]'), ('sales', NULL, '[]');
SELECT count(*), count(DISTINCT captured_at) AS times, bool_and(captured_at > now()) AS after_begin,
       bool_and(captured_at <= clock_timestamp()) AS past,
       array_agg(id ORDER BY captured_at) = array_agg(id ORDER BY id) AS in_order
  FROM dashboard_snapshots;
COMMIT;

-- Given, it is taken as it is, also in the past.
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content)
VALUES ('stock', 1, '2020-01-01 00:00:00+00', '[]'), ('stock', 2, '1999-12-31 23:59:59.999999+00', '[]');
SELECT id, captured_at AT TIME ZONE 'UTC' AS captured_at FROM dashboard_snapshots WHERE dashboard_artifact_id = 'stock' ORDER BY id;

-- Left out, it is later than any snapshot that the dashboard has, even one from the future.
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content) VALUES ('stock', 3, '2100-01-01 00:00:00+00', '[]');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('stock', 4, '[]'), ('stock', 5, '[]');
SELECT id, captured_at AT TIME ZONE 'UTC' AS captured_at FROM dashboard_snapshots WHERE dashboard_artifact_id = 'stock' ORDER BY captured_at, id;
-- Another dashboard's clock is not moved by it.
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('sales', '[]');
SELECT max(captured_at) <= clock_timestamp() AS now FROM dashboard_snapshots WHERE dashboard_artifact_id = 'sales';

-- An id belongs to a dashboard: the same one may be used by two, not twice by one.
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content) VALUES ('stock', 6, '2100-01-02', '[]');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content) VALUES ('stock', 6, '2100-01-03', '[]');

-- Snapshots stay as they are.
UPDATE dashboard_snapshots SET content = '[]' WHERE dashboard_artifact_id = 'stock' AND id = 1;
UPDATE dashboard_snapshots SET captured_at = now();
UPDATE dashboard_snapshots SET id = id;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content) VALUES ('stock', 6, '2100-01-03', '[]')
ON CONFLICT (dashboard_artifact_id, id) DO UPDATE SET content = '[{"id": 1}]';
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content) VALUES ('stock', 6, '2100-01-03', '[{"id": 1}]')
ON CONFLICT DO NOTHING;
SELECT content FROM dashboard_snapshots WHERE dashboard_artifact_id = 'stock' AND id = 6;
-- An update of no row is none.
UPDATE dashboard_snapshots SET content = '[]' WHERE false;

-- Deleting is allowed, and a dashboard takes all of its own along.
DELETE FROM dashboard_snapshots WHERE dashboard_artifact_id = 'stock' AND id = 6;
DELETE FROM dashboards WHERE id = 'sales';
SELECT dashboard_artifact_id, count(*) FROM dashboard_snapshots GROUP BY 1;

--
-- prune_snapshots(): by captured_at, never a dashboard's latest
--
DELETE FROM dashboards;
INSERT INTO dashboards (id) VALUES ('sales'), ('stock'), ('old'), ('empty');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content) VALUES
  ('sales', 1, now() - interval '40 days', '[]'), ('sales', 2, now() - interval '31 days', '[]'),
  ('sales', 3, now() - interval '29 days', '[]'), ('sales', 4, now(), '[]'),
  ('stock', 1, now() - interval '1 hour', '[]'),
  ('old', 1, now() - interval '400 days', '[]'), ('old', 2, now() - interval '500 days', '[]'), ('old', 3, now() - interval '400 days', '[]');
SELECT prune_snapshots('30 days');
SELECT dashboard_artifact_id, array_agg(id ORDER BY id) FROM dashboard_snapshots GROUP BY 1 ORDER BY 1;
SELECT prune_snapshots('30 days');
SELECT prune_snapshots('0 s');
SELECT dashboard_artifact_id, array_agg(id ORDER BY id) FROM dashboard_snapshots GROUP BY 1 ORDER BY 1;
SELECT prune_snapshots(NULL) IS NULL AS nothing;

-- Alerts outlive the snapshots they were about, and the next snapshot is compared with what is left.
INSERT INTO personas (id) VALUES ('ana');
SELECT subscribe('sales', 'persona', 'ana', '{"set_added_min": 1}') IS NOT NULL AS subscribed;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('sales', 5, '[{"id": 1}]'), ('sales', 6, '[{"id": 1}]');
SELECT prune_snapshots('0 s');
SELECT snapshot_a, snapshot_b FROM dashboard_alerts;
SELECT start_snapshot_id, last_notified_snapshot_id FROM dashboard_subscriptions;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('sales', 7, '[{"id": 1}, {"id": 2}]');
SELECT snapshot_a, snapshot_b FROM dashboard_alerts ORDER BY snapshot_b;

\set VERBOSITY terse
-- A time that is no time would silence the dashboard for ever.
INSERT INTO dashboard_snapshots (dashboard_artifact_id, captured_at, content) VALUES ('sales', 'infinity', '[]');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, captured_at, content) VALUES ('sales', '-infinity', '[]');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, captured_at, content) VALUES ('sales', '294276-12-31', '[]');
\set VERBOSITY default

DELETE FROM dashboards;
DELETE FROM personas;
