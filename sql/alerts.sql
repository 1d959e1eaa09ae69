-- From a snapshot to alerts: who is told, when, of what, and when nobody is.
INSERT INTO dashboards (id) VALUES ('sales'), ('stock');
INSERT INTO personas (id) VALUES ('ana'), ('ben');

-- A snapshot of 'sales' with the given ids, taken so many minutes into 2020.
CREATE PROCEDURE pg_temp.snap(id bigint, minute integer, content jsonb) LANGUAGE sql AS $$
  INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content)
  VALUES ('sales', id, timestamptz '2020-01-01 00:00+00' + minute * interval '1 min', content);
$$;
-- Who was told of what since the last call.
CREATE TEMP TABLE seen (dashboard text, alert bigint, PRIMARY KEY (dashboard, alert));
CREATE FUNCTION pg_temp.news() RETURNS TABLE (who text, pair text, summary text) LANGUAGE sql AS $$
  WITH news AS (
    INSERT INTO seen SELECT dashboard_artifact_id, id FROM dashboard_alerts ON CONFLICT DO NOTHING RETURNING *)
  SELECT s.subscriber_id, format('%s: %s-%s', n.dashboard, a.snapshot_a, a.snapshot_b), a.summary
    FROM news n
    JOIN dashboard_alerts a ON a.dashboard_artifact_id = n.dashboard AND a.id = n.alert
    JOIN dashboard_subscriptions s ON s.dashboard_artifact_id = n.dashboard AND s.id = a.subscription_id
   ORDER BY a.dashboard_artifact_id, a.snapshot_b, s.subscriber_id;
$$;

SELECT subscribe('sales', 'persona', 'ana', '{"set_added_min": 1}') AS ana_id \gset
SELECT subscribe('sales', 'webhook', 'https://example.com/hook', '{"set_added_min": 2}') AS hook_id \gset

--
-- When there is nothing to tell
--

-- The first snapshot alerts nobody, the second one is compared with it.
CALL pg_temp.snap(10, 10, '[{"id": 1}]');
SELECT * FROM pg_temp.news();
CALL pg_temp.snap(20, 20, '[{"id": 1}, {"id": 2}]');
SELECT * FROM pg_temp.news();
-- No change, no alert.
CALL pg_temp.snap(30, 30, '[{"id": 1}, {"id": 2}]');
SELECT * FROM pg_temp.news();
-- A change that meets no threshold neither.
CALL pg_temp.snap(40, 40, '[{"id": 2}]');
SELECT * FROM pg_temp.news();
-- A backfill alerts nobody, whatever it holds, between two snapshots or before the first one.
CALL pg_temp.snap(25, 25, '[{"id": 7}, {"id": 8}, {"id": 9}]');
CALL pg_temp.snap(5, 5, '[]');
SELECT * FROM pg_temp.news();
-- The next one is compared with the latest, not with what was filled in last.
CALL pg_temp.snap(50, 50, '[{"id": 2}, {"id": 3}]');
SELECT * FROM pg_temp.news();
-- The same time: the larger id is the later one.
CALL pg_temp.snap(51, 50, '[{"id": 2}, {"id": 3}, {"id": 4}]');
CALL pg_temp.snap(49, 50, '[{"id": 2}, {"id": 3}, {"id": 4}, {"id": 5}]');
SELECT * FROM pg_temp.news();

--
-- What is written
--

-- One alert a subscription; the diff is there once, whole; the explanation is explain_threshold()'s.
CALL pg_temp.snap(60, 60, '[{"id": 2}, {"id": 3}, {"id": 4}, {"id": 5}, {"id": 6}]');
SELECT * FROM pg_temp.news();
SELECT d.diff = dashboard_diff(a.content, b.content) AS whole, d.excerpt
  FROM dashboard_diffs d
  JOIN dashboard_snapshots a ON a.dashboard_artifact_id = d.dashboard_artifact_id AND a.id = d.snapshot_a
  JOIN dashboard_snapshots b ON b.dashboard_artifact_id = d.dashboard_artifact_id AND b.id = d.snapshot_b
 WHERE d.snapshot_b = 60;
SELECT s.subscriber_kind, a.explanation = explain_threshold(d.diff, s.threshold_json) AS explained,
       a.summary = describe_diff(d.diff, s.threshold_json) AS described
  FROM dashboard_alerts a
  JOIN dashboard_diffs d USING (dashboard_artifact_id, snapshot_a, snapshot_b)
  JOIN dashboard_subscriptions s ON s.dashboard_artifact_id = a.dashboard_artifact_id AND s.id = a.subscription_id
 WHERE a.snapshot_b = 60
 ORDER BY s.id;
-- The subscription knows what it was told of last.
SELECT subscriber_kind, last_notified_snapshot_id, last_notified_at AT TIME ZONE 'UTC' AS last_notified_at
  FROM dashboard_subscriptions ORDER BY id;
-- A persona is told by a comment in the thread; it carries no delivery.
SELECT artifact_id, author_id, author_type, comment_type, mentions, parent_comment_id, content
  FROM artifact_comments ORDER BY id DESC LIMIT 1;
SELECT count(*) AS comments, (SELECT count(*) FROM dashboard_alerts WHERE subscription_id = :ana_id) AS alerts FROM artifact_comments;
-- Everybody else by the outbox.
SELECT d.subscriber_kind, d.target, d.status, d.attempts, d.next_attempt_at <= clock_timestamp() AS due,
       d.parked, d.last_error, a.snapshot_b
  FROM dashboard_deliveries d JOIN dashboard_alerts a ON a.dashboard_artifact_id = d.dashboard_artifact_id AND a.id = d.alert_id;

--
-- A new baseline
--

-- Where ids or ranks mean something else from here on there is nothing to compare; then it goes on.
CALL pg_temp.snap(70, 70, '{"id_field": "k", "primary_rows": [{"k": 1}, {"k": 7}, {"k": 8}]}');
SELECT * FROM pg_temp.news();
CALL pg_temp.snap(71, 71, '{"id_field": "k", "primary_rows": [{"k": 1}, {"k": 7}, {"k": 8}, {"k": 9}]}');
SELECT * FROM pg_temp.news();
CALL pg_temp.snap(72, 72, '{"id_field": "k", "rank_by": "n", "primary_rows": [{"k": 1}, {"k": 2}, {"k": 3}]}');
SELECT * FROM pg_temp.news();
CALL pg_temp.snap(73, 73, '{"id_field": "k", "rank_by": "n", "rank_order": "asc", "primary_rows": [{"k": 1}, {"k": 2}, {"k": 3}, {"k": 4}]}');
SELECT * FROM pg_temp.news();
CALL pg_temp.snap(74, 74, '{"id_field": "k", "rank_by": "n", "rank_order": "asc", "primary_rows": [{"k": 1}, {"k": 5}]}');
SELECT * FROM pg_temp.news();
-- The defaults spelled out are no change.
CALL pg_temp.snap(75, 75, '[{"id": 1}]');
CALL pg_temp.snap(76, 76, '{"id_field": "id", "rank_order": "desc", "primary_rows": [{"id": 1}, {"id": 2}]}');
SELECT * FROM pg_temp.news();
-- So it is where the dashboard is defined anew.
CALL pg_temp.snap(77, 77, '[{"id": 1}]');
UPDATE dashboards SET view_spec = '{"query": "SELECT 2"}' WHERE id = 'sales';
CALL pg_temp.snap(78, 78, '[{"id": 8}]');
SELECT * FROM pg_temp.news();
CALL pg_temp.snap(79, 79, '[{"id": 9}]');
SELECT * FROM pg_temp.news();

--
-- Many at once
--

-- Each row of a statement is compared with the one before, in whatever order they come.
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content) VALUES
  ('sales', 80, '2020-01-01 01:20+00', '[{"id": 1}]'),
  ('sales', 81, '2020-01-01 01:21+00', '[{"id": 1}, {"id": 2}]'),
  ('sales', 82, '2020-01-01 01:22+00', '[{"id": 1}, {"id": 2}, {"id": 3}, {"id": 4}]'),
  ('sales', 83, '2020-01-01 01:23+00', '[{"id": 5}]');
SELECT * FROM pg_temp.news();
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content) VALUES
  ('sales', 92, '2020-01-01 01:32+00', '[{"id": 5}, {"id": 6}, {"id": 7}]'),
  ('sales', 91, '2020-01-01 01:31+00', '[{"id": 5}, {"id": 6}]'),
  ('sales', 90, '2020-01-01 01:30+00', '[{"id": 5}]');
SELECT * FROM pg_temp.news();
-- Without times, in the order of the rows.
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES
  ('sales', 100, '[{"id": 1}]'), ('sales', 101, '[{"id": 2}]'), ('sales', 102, '[{"id": 2}]'), ('sales', 103, '[{"id": 3}, {"id": 4}]');
SELECT * FROM pg_temp.news();

-- Two dashboards in one statement do not mix.
SELECT subscribe('stock', 'persona', 'ben', '{"set_removed_min": 1}') IS NOT NULL AS subscribed;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES
  ('stock', 100, '[{"id": 4}]'), ('sales', 104, '[{"id": 3}]'), ('stock', 101, '[{"id": 3}]'), ('sales', 105, '[{"id": 4}]');
SELECT * FROM pg_temp.news();
DELETE FROM dashboards WHERE id = 'stock';

-- COPY
COPY dashboard_snapshots (dashboard_artifact_id, id, content) FROM stdin;
sales	110	[{"id": 4}]
sales	111	[{"id": 4}, {"id": 5}]
\.
SELECT * FROM pg_temp.news();

-- A subtransaction that is rolled back leaves nothing, and the next one is compared as if it had not been.
BEGIN;
SAVEPOINT s;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('sales', 120, '[{"id": 4}, {"id": 5}, {"id": 6}, {"id": 7}]');
SELECT * FROM pg_temp.news();
ROLLBACK TO s;
SELECT * FROM pg_temp.news();
SELECT count(*) AS diffs FROM dashboard_diffs WHERE snapshot_b = 120;
SELECT last_notified_snapshot_id FROM dashboard_subscriptions WHERE id = :ana_id;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('sales', 121, '[{"id": 4}, {"id": 5}, {"id": 8}]');
COMMIT;
SELECT * FROM pg_temp.news();
-- So does a transaction.
BEGIN;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('sales', 122, '[{"id": 1}, {"id": 2}, {"id": 3}, {"id": 9}]');
ROLLBACK;
SELECT * FROM pg_temp.news();
SELECT count(*) FROM dashboard_deliveries d JOIN dashboard_alerts a ON a.id = d.alert_id WHERE a.snapshot_b = 122;
-- Several snapshots of one transaction, in subtransactions of their own, each follow the one before.
BEGIN;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('sales', 123, '[{"id": 1}]');
SAVEPOINT s;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('sales', 124, '[{"id": 2}]');
RELEASE s;
SAVEPOINT s;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('sales', 125, '[{"id": 3}]');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('sales', 126, '[{"id": 4}]');
COMMIT;
SELECT * FROM pg_temp.news();
-- A snapshot may be deleted; the next one is compared with the latest that is left.
DELETE FROM dashboard_snapshots WHERE id = 126;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('sales', 127, '[{"id": 4}]');
SELECT * FROM pg_temp.news();

--
-- Who is told
--
DELETE FROM dashboards;
INSERT INTO dashboards (id) VALUES ('sales');

-- Subscribers with one and the same threshold, with others, and one with two.
SELECT subscribe('sales', kind, who, t::jsonb) IS NOT NULL AS subscribed FROM (VALUES
  ('persona', 'ana', '{"set_added_min": 1}'), ('persona', 'ben', '{"set_added_min": 1}'),
  ('email', 'ana@example.com', '{"set_added_min": 1.0}'), ('slack', '#sales', '{"set_added_min": 3}'),
  ('telegram', '-100123', '{"OR": [{"set_added_min": 3}, {"set_removed_min": 1}]}'),
  ('persona', 'ana', '{"NOT": {"set_added_min": 2}}'),
  ('webhook', 'https://example.com/unknown', '{"primary_metric_delta_pct": 0.01}'),
  ('webhook', 'https://example.com/not-unknown', '{"NOT": {"primary_metric_delta_pct": 0.01}}')
) v (kind, who, t);
CALL pg_temp.snap(1, 1, '[{"id": 1}, {"id": 2}]');
CALL pg_temp.snap(2, 2, '[{"id": 1}, {"id": 3}]');
SELECT s.subscriber_kind, s.subscriber_id, s.threshold_json, a.id IS NOT NULL AS told
  FROM dashboard_subscriptions s LEFT JOIN dashboard_alerts a ON a.subscription_id = s.id ORDER BY s.id;
SELECT count(*) AS diffs FROM dashboard_diffs;
SELECT subscriber_kind, target FROM dashboard_deliveries ORDER BY id;
SELECT mentions FROM artifact_comments ORDER BY id;
-- Once the headline figure is in both snapshots, the rule about it is no longer unknown.
CALL pg_temp.snap(3, 3, '{"primary_rows": [], "primary_metric": 1}');
CALL pg_temp.snap(4, 4, '{"primary_rows": [], "primary_metric": 2}');
SELECT s.subscriber_id FROM dashboard_alerts a JOIN dashboard_subscriptions s ON s.id = a.subscription_id
 WHERE a.snapshot_b = 4 ORDER BY s.id;

-- Switched off, muted until a capture time, cooling down since the capture time of the last alert.
DELETE FROM dashboards;
INSERT INTO dashboards (id) VALUES ('sales');
SELECT subscribe('sales', 'persona', 'ana', '{"set_added_min": 1}') AS off_id \gset
UPDATE dashboard_subscriptions SET is_active = false WHERE id = :off_id;
SELECT subscribe('sales', 'slack', '#muted', '{"set_added_min": 1}', muted_until => '2020-01-01 00:03+00') IS NOT NULL AS muted;
SELECT subscribe('sales', 'slack', '#cooling', '{"set_added_min": 1}', cooldown => '2 min') IS NOT NULL AS cooling;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content)
SELECT 'sales', minute, timestamptz '2020-01-01 00:00+00' + minute * interval '1 min',
       (SELECT jsonb_agg(jsonb_build_object('id', i)) FROM generate_series(0, minute) i)
  FROM generate_series(1, 7) minute;
SELECT s.subscriber_id, array_agg(a.snapshot_b ORDER BY a.snapshot_b) AS told_at
  FROM dashboard_subscriptions s LEFT JOIN dashboard_alerts a ON a.subscription_id = s.id GROUP BY s.id, s.subscriber_id ORDER BY s.id;
SELECT subscriber_id, last_notified_snapshot_id FROM dashboard_subscriptions ORDER BY id;
-- Switched on again, it goes on from here.
UPDATE dashboard_subscriptions SET is_active = true WHERE id = :off_id;
CALL pg_temp.snap(8, 8, '[{"id": "x"}]');
SELECT s.subscriber_id FROM dashboard_alerts a JOIN dashboard_subscriptions s ON s.id = a.subscription_id
 WHERE a.snapshot_b = 8 ORDER BY s.id;

--
-- Size
--

-- A threshold that looks further than the top 10 makes the stored diff hold more.
DELETE FROM dashboards;
INSERT INTO dashboards (id) VALUES ('sales');
SELECT subscribe('sales', 'persona', 'ana', '{"AND": [{"set_added_min": 1}]}') IS NOT NULL
   AND subscribe('sales', 'persona', 'ben', '{"OR": [{"set_added_min": 9}, {"top_n_reordering": 60, "top_n": 60}]}') IS NOT NULL AS subscribed;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content)
SELECT 'sales', n, (SELECT jsonb_agg(jsonb_build_object('id', i) ORDER BY i * (3 - 2 * n)) FROM generate_series(1, 100 + n) i)
  FROM generate_series(1, 2) n;
SELECT s.subscriber_id, a.explanation FROM dashboard_alerts a JOIN dashboard_subscriptions s ON s.id = a.subscription_id AND s.subscriber_id = 'ana';
SELECT s.subscriber_id, a.explanation @> '{"OR": [{"matched": 102}]}' AS all_of_both_tops, jsonb_array_length(a.explanation -> 'OR' -> 1 -> 'rows') AS rows
  FROM dashboard_alerts a JOIN dashboard_subscriptions s ON s.id = a.subscription_id AND s.subscriber_id = 'ben';
SELECT diff -> 'top_n' AS top_n, jsonb_array_length(diff -> 'top_n_changes') AS changes FROM dashboard_diffs;

-- A large diff is stored whole, with an excerpt that fits a message and keeps the counts.
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content)
SELECT 'sales', 3, jsonb_agg(jsonb_build_object('id', 'a rather long id, number ' || i)) FROM generate_series(1, 5000) i;
SELECT jsonb_array_length(diff -> 'id_set_added') AS added, length(excerpt::text) <= 10000 AS short,
       jsonb_array_length(excerpt -> 'id_set_added') BETWEEN 10 AND 500 AS cut,
       excerpt -> 'counts' AS counts
  FROM dashboard_diffs WHERE snapshot_b = 3;
SELECT max(length(explanation::text)) <= 4000 AS explanations, max(length(summary)) <= 1000 AS summaries,
       (SELECT max(length(content)) FROM artifact_comments) <= 1000 AS comments
  FROM dashboard_alerts;

-- A dashboard takes everything along.
DELETE FROM dashboards;
DELETE FROM personas;
SELECT (SELECT count(*) FROM dashboard_alerts) AS alerts, (SELECT count(*) FROM dashboard_diffs) AS diffs,
       (SELECT count(*) FROM dashboard_deliveries) AS deliveries, (SELECT count(*) FROM artifact_comments) AS comments,
       (SELECT count(*) FROM dashboard_subscriptions) AS subscriptions;
