-- What a snapshot is compared with: baselines, what holds alerts back, and new baselines.
INSERT INTO dashboards (id) VALUES ('drift');
INSERT INTO personas (id) VALUES ('ana'), ('ben'), ('cy');
-- A snapshot a day whose one value is v.
CREATE FUNCTION regress_day(day integer, v numeric, extra jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
  INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content)
  VALUES ('drift', day, '2030-01-01 00:00+00'::timestamptz + day * interval '1 day',
          jsonb_build_object('primary_rows', jsonb_build_array(jsonb_build_object('id', 'x', 'v', v))) || extra)
$$;
CREATE VIEW regress_told AS
  SELECT s.subscriber_id AS who, a.snapshot_a, a.snapshot_b, a.summary
    FROM dashboard_alerts a JOIN dashboard_subscriptions s ON s.id = a.subscription_id ORDER BY s.subscriber_id, a.snapshot_b;

--
-- Slow drift: 40 steps of 1 % with a rule of 10 %
--
SELECT subscribe('drift', 'persona', 'ana', '{"value_delta_pct": 0.1}', baseline => 'last_notified') IS NOT NULL AS ana,
       subscribe('drift', 'persona', 'ben', '{"value_delta_pct": 0.1}') IS NOT NULL AS ben;
SELECT count(regress_day(day, round(100 * power(1.01, day), 4))) FROM generate_series(0, 40) AS day;
TABLE regress_told;
-- The same baseline seen from the subscription; ben's has never been told of anything.
SELECT subscriber_id, baseline, baseline_snapshot_id, baseline_at, last_notified_snapshot_id, last_notified_at
  FROM dashboard_subscriptions ORDER BY subscriber_id;
-- 1.01^10 is the first power to reach 1.1: alerts at the 10th, 20th, ... step after each other.
SELECT array_agg(snapshot_b - snapshot_a ORDER BY snapshot_b) AS steps FROM dashboard_alerts;

--
-- The baseline starts with the first snapshot after the subscription, not with the one before it
--
SELECT subscribe('drift', 'persona', 'cy', '{"value_delta_pct": 0.5}', baseline => 'last_notified') IS NOT NULL AS cy;
SELECT baseline_snapshot_id IS NULL AS none_yet, evaluation_key ~ '^start:' AS at_start FROM dashboard_subscriptions WHERE subscriber_id = 'cy';
SELECT regress_day(41, 1000);
SELECT baseline_snapshot_id FROM dashboard_subscriptions WHERE subscriber_id = 'cy';
SELECT count(*) AS told_cy FROM regress_told WHERE who = 'cy';
SELECT regress_day(42, 1400);
SELECT regress_day(43, 1500);
SELECT who, snapshot_a, snapshot_b, summary FROM regress_told WHERE snapshot_b > 40;

--
-- What is held back is told afterwards: cooldown, muted, inactive
--
DELETE FROM dashboards;
INSERT INTO dashboards (id) VALUES ('drift');
SELECT subscribe('drift', 'persona', 'ana', '{"value_delta_pct": 0.1}', 'last_notified', cooldown => '3 days') IS NOT NULL AS ana,
       subscribe('drift', 'persona', 'ben', '{"value_delta_pct": 0.1}', 'last_notified', muted_until => '2030-01-05 00:00+00') IS NOT NULL AS ben,
       subscribe('drift', 'persona', 'cy', '{"value_delta_pct": 0.1}', 'previous', cooldown => '3 days') IS NOT NULL AS cy;
SELECT regress_day(0, 100), regress_day(1, 120), regress_day(2, 150), regress_day(3, 151), regress_day(4, 152), regress_day(5, 152);
-- ana hears of 2 -> 4 at the 4th day; ben, silent until then, of all of it; cy of the first step only.
TABLE regress_told;
UPDATE dashboard_subscriptions SET is_active = false WHERE subscriber_id = 'ana';
SELECT regress_day(8, 300), regress_day(9, 300);
UPDATE dashboard_subscriptions SET is_active = true WHERE subscriber_id = 'ana';
SELECT regress_day(10, 301);
SELECT who, snapshot_a, snapshot_b, summary FROM regress_told WHERE snapshot_b > 5;
SELECT alert_is_due('2030-01-05 00:00+00', '2030-01-05 00:00+00', NULL, NULL) AS unmuted, alert_is_due('2030-01-05 00:00+00', '2030-01-05 00:00:01+00', NULL, NULL) AS muted,
       alert_is_due('2030-01-05 00:00+00', NULL, '1 day', '2030-01-04 00:00+00') AS cooled, alert_is_due('2030-01-05 00:00+00', NULL, '1 day', '2030-01-04 00:00:01+00') AS cooling,
       alert_is_due('2030-01-05 00:00+00', NULL, '1 day', NULL) AS never_told, alert_is_due(NULL, NULL, NULL, NULL) IS NULL AS unknown;

--
-- A dashboard that is made in another way: a new baseline, an event, and no false alert
--
DELETE FROM dashboards;
INSERT INTO dashboards (id, view_spec) VALUES ('drift', '{"v": 1}');
SELECT subscribe('drift', 'persona', 'ana', '{"value_delta_pct": 0.1}', 'last_notified') IS NOT NULL AS ana,
       subscribe('drift', 'persona', 'ben', '{"OR": [{"set_added_min": 1}, {"value_delta_pct": 0.1}]}') IS NOT NULL AS ben,
       subscribe('drift', 'persona', 'cy', '{"NOT": {"set_added_min": 1}}') IS NOT NULL AS cy;
SELECT regress_day(1, 100), regress_day(2, 105);
SELECT regress_day(3, 900, '{"rank_by": "v"}');
SELECT regress_day(4, 901, '{"rank_by": "w"}'), regress_day(5, 902, '{"rank_by": "w", "rank_order": "asc"}');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content)
VALUES ('drift', 6, '2030-01-07 00:00+00', '{"id_field": "v", "rank_by": "w", "rank_order": "asc", "primary_rows": [{"id": "x", "v": 7}]}');
SELECT regress_day(7, 903), regress_day(8, 904);
UPDATE dashboards SET view_spec = '{"v": 2}';
SELECT regress_day(9, 5000), regress_day(10, 5000), regress_day(11, 6000);
SELECT event_type, snapshot_id, message FROM dashboard_events ORDER BY snapshot_id;
SELECT who, snapshot_a, snapshot_b FROM regress_told;

--
-- Snapshots that go away: what somebody is compared with stays, or the next one takes its place
--
SELECT baseline_snapshot_id FROM dashboard_subscriptions WHERE subscriber_id = 'ana';
SELECT regress_day(12, 6100), regress_day(13, 6200);
SELECT prune_snapshots('-100 years') AS pruned;
SELECT array_agg(id ORDER BY id) AS kept FROM dashboard_snapshots;
DELETE FROM dashboard_snapshots WHERE id = 11;
SELECT regress_day(14, 6800), regress_day(15, 6821);
SELECT who, snapshot_a, snapshot_b, summary FROM regress_told WHERE who = 'ana' AND snapshot_b > 11;
DELETE FROM dashboard_snapshots;
SELECT regress_day(16, 9999), regress_day(17, 10000);
SELECT count(*) FROM regress_told WHERE who = 'ana' AND snapshot_b > 15;
SELECT baseline_snapshot_id FROM dashboard_subscriptions WHERE subscriber_id = 'ana';

-- From one baseline to the other: the snapshot last told of counts.
UPDATE dashboard_subscriptions SET baseline = 'last_notified' WHERE subscriber_id = 'cy';
SELECT evaluation_key ~ '^since:17:' AS since_last FROM dashboard_subscriptions WHERE subscriber_id = 'cy';
\set VERBOSITY terse
INSERT INTO dashboard_subscriptions (dashboard_artifact_id, subscriber_kind, subscriber_id, threshold_json, baseline) VALUES ('drift', 'persona', 'ana', '{"set_added_min": 1}', 'yesterday');

DELETE FROM dashboards;
DELETE FROM personas;
DROP VIEW regress_told;
DROP FUNCTION regress_day;
