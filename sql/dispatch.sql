-- The dispatch budget: what the insert does not get done is left pending, and finished later.
\set VERBOSITY terse
INSERT INTO dashboards (id) VALUES ('big'), ('other');
INSERT INTO personas (id) VALUES ('ana');
SELECT validate_threshold('{"set_added_min": 1}') AS loaded;
SELECT current_setting('dashboard_diff.dispatch_budget') AS budget;
SET dashboard_diff.dispatch_budget = -2;
SET dashboard_diff.dispatch_badget = 1;
CREATE VIEW regress_pending AS
  SELECT dashboard_artifact_id AS dashboard, snapshot_id, captured_at, previous_snapshot_id AS previous, next_key ~ '^previous:' AS in_previous,
         after_subscription_id > -9223372036854775808 AS in_group FROM dashboard_pending_snapshots ORDER BY id;
CREATE FUNCTION regress_shot(dashboard text, day integer, document jsonb) RETURNS void LANGUAGE sql AS $$
  INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content)
  VALUES (dashboard, day, '2030-01-01 00:00+00'::timestamptz + day * interval '1 day', document)
$$;

--
-- 0 leaves everything; dispatch_pending() does what the insert would have done
--
SELECT count(subscribe('big', 'webhook', 'https://example.com/' || i, jsonb_build_object('set_added_min', 1 + i % 3), CASE i % 2 WHEN 0 THEN 'previous' ELSE 'last_notified' END))
  FROM generate_series(1, 1200) i;
SELECT subscribe('big', 'persona', 'ana', '{"set_removed_min": 1}') IS NOT NULL AS ana;
SELECT regress_shot('big', 1, '[{"id": 1}]');
SELECT dispatch_pending() AS nothing_to_do;
SET dashboard_diff.dispatch_budget = 0;
SELECT regress_shot('big', 2, '[{"id": 1}, {"id": 2}]'), regress_shot('big', 3, '[{"id": 1}, {"id": 3}, {"id": 4}]');
TABLE regress_pending;
SELECT count(*) AS alerts FROM dashboard_alerts;
-- Nothing is judged, but what is not valid is refused all the same.
SELECT regress_shot('big', 4, '[{"id": 1}, {"id": 1}]');
-- Whoever subscribes now is not meant.
SELECT subscribe('big', 'webhook', 'https://example.com/late', '{"set_added_min": 1}') IS NOT NULL AS late;
SELECT dispatch_pending() AS worked_on;
TABLE regress_pending;
CREATE TEMP TABLE regress_later AS
  SELECT s.subscriber_id, a.snapshot_a, a.snapshot_b, a.explanation, a.summary FROM dashboard_alerts a JOIN dashboard_subscriptions s ON s.id = a.subscription_id;
SELECT snapshot_a, snapshot_b, count(*) FROM dashboard_alerts GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) AS deliveries, count(DISTINCT alert_id) AS alerts FROM dashboard_deliveries;
SELECT content FROM artifact_comments;
SELECT count(*) AS late FROM regress_later WHERE subscriber_id ~ 'late';
SELECT dispatch_pending() AS nothing_left;

-- The same history with all the time in the world.
DELETE FROM dashboards;
INSERT INTO dashboards (id) VALUES ('big'), ('other');
SELECT count(subscribe('big', 'webhook', 'https://example.com/' || i, jsonb_build_object('set_added_min', 1 + i % 3), CASE i % 2 WHEN 0 THEN 'previous' ELSE 'last_notified' END))
  FROM generate_series(1, 1200) i;
SELECT subscribe('big', 'persona', 'ana', '{"set_removed_min": 1}') IS NOT NULL AS ana;
SET dashboard_diff.dispatch_budget = -1;
SELECT regress_shot('big', 1, '[{"id": 1}]'), regress_shot('big', 2, '[{"id": 1}, {"id": 2}]'), regress_shot('big', 3, '[{"id": 1}, {"id": 3}, {"id": 4}]');
TABLE regress_pending;
CREATE TEMP TABLE regress_at_once AS
  SELECT s.subscriber_id, a.snapshot_a, a.snapshot_b, a.explanation, a.summary FROM dashboard_alerts a JOIN dashboard_subscriptions s ON s.id = a.subscription_id;
SELECT count(*) AS differences FROM ((TABLE regress_later EXCEPT ALL TABLE regress_at_once) UNION ALL (TABLE regress_at_once EXCEPT ALL TABLE regress_later)) d;

--
-- In pieces: a time limit that is up at once still gets something done at each call, and nothing twice
--
SET dashboard_diff.dispatch_budget = 0;
SELECT regress_shot('big', 4, '[]'), regress_shot('big', 5, '[{"id": 1}, {"id": 3}, {"id": 4}]');
-- A snapshot with time enough takes its place behind those that are pending, and goes on with them.
SELECT regress_shot('other', 1, '[]');
TABLE regress_pending;
DO $$
DECLARE calls integer := 0;
BEGIN
  WHILE EXISTS (SELECT FROM dashboard_pending_snapshots) LOOP
    PERFORM dispatch_pending('0');
    calls := calls + 1;
    IF calls > 10000 THEN RAISE 'no end of it'; END IF;
  END LOOP;
END $$;
SELECT snapshot_a, snapshot_b, count(*), count(DISTINCT subscription_id) FROM dashboard_alerts WHERE snapshot_b > 3 GROUP BY 1, 2 ORDER BY 1, 2;

-- With a little time, however far that goes.
SET dashboard_diff.dispatch_budget = 5;
SELECT regress_shot('big', 51, '[]'), regress_shot('big', 52, '[{"id": 51}, {"id": 52}, {"id": 53}]');
DO $$ BEGIN WHILE dispatch_pending('5 ms') > 0 LOOP END LOOP; END $$;
SELECT snapshot_a, snapshot_b, count(*), count(DISTINCT subscription_id) FROM dashboard_alerts WHERE snapshot_b > 50 GROUP BY 1, 2 ORDER BY 1, 2;
SET dashboard_diff.dispatch_budget = 0;
DELETE FROM dashboard_snapshots WHERE id > 50;

-- Rolled back, it is all still to be done; and what the next insert finds pending it does first.
SELECT regress_shot('big', 6, '[]'), regress_shot('big', 7, '[{"id": 7}]');
BEGIN;
SELECT dispatch_pending() AS worked_on;
SELECT count(*) AS told FROM dashboard_alerts WHERE snapshot_b > 5;
ROLLBACK;
TABLE regress_pending;
SET dashboard_diff.dispatch_budget = -1;
SELECT regress_shot('big', 8, '[{"id": 7}, {"id": 8}]');
TABLE regress_pending;
SELECT snapshot_a, snapshot_b, count(*), count(DISTINCT subscription_id) FROM dashboard_alerts WHERE snapshot_b > 5 GROUP BY 1, 2 ORDER BY 1, 2;

--
-- What cannot be finished is told to the owner, and holds nobody up
--
SET dashboard_diff.dispatch_budget = 0;
SELECT regress_shot('big', 9, '[{"id": 9}]'), regress_shot('big', 10, '[{"id": 10}]');
SELECT prune_snapshots('-100 years') AS pruned_while_pending;
DELETE FROM dashboard_snapshots WHERE id = 9;
-- Too large a difference for a numeric: while inserting it refuses the snapshot.
SELECT subscribe('other', 'persona', 'ana', '{"value_delta_pct": 1}') IS NOT NULL AS ana;
SELECT regress_shot('other', 2, jsonb_build_array(jsonb_build_object('id', 1, 'v', '9e131071'::numeric)));
SELECT regress_shot('other', 3, jsonb_build_array(jsonb_build_object('id', 1, 'v', '-9e131071'::numeric)));
SELECT dispatch_pending() AS worked_on;
TABLE regress_pending;
SELECT dashboard_artifact_id, event_type, snapshot_id, message FROM dashboard_events ORDER BY id;
SELECT count(*) FROM dashboard_alerts WHERE snapshot_b = 10;

-- A table of one's own, which is gone before its turn.
CREATE TABLE regress_shots (id integer, dash name, at timestamp, doc jsonb);
CREATE TRIGGER alert AFTER INSERT ON regress_shots FOR EACH ROW EXECUTE FUNCTION dashboard_snapshot_alert('id', 'dash', 'at', 'doc');
INSERT INTO regress_shots VALUES (101, 'big', '2031-01-01', '[]'), (102, 'big', '2031-01-02', '[{"id": 1}]');
SELECT source, source_columns, snapshot_id, previous_snapshot_id FROM dashboard_pending_snapshots ORDER BY id;
SELECT dispatch_pending() AS worked_on;
SELECT snapshot_a, snapshot_b, count(*) FROM dashboard_alerts WHERE snapshot_b > 100 GROUP BY 1, 2 ORDER BY 1, 2;
INSERT INTO regress_shots VALUES (103, 'big', '2031-01-03', '[{"id": 1}, {"id": 2}]');
ALTER TABLE regress_shots RENAME doc TO document;
SELECT dispatch_pending() AS worked_on;
-- What may be mended is kept, and tried again, but not at once.
SELECT dispatch_pending() AS worked_on;
SELECT snapshot_id, failures, last_error, retry_at - clock_timestamp() BETWEEN '50 s' AND '60 s' AS in_a_minute FROM dashboard_pending_snapshots;
UPDATE dashboard_pending_snapshots SET retry_at = clock_timestamp();
SELECT dispatch_pending() AS worked_on;
SELECT failures, retry_at - clock_timestamp() BETWEEN '110 s' AND '120 s' AS in_two_minutes FROM dashboard_pending_snapshots;
UPDATE dashboard_pending_snapshots SET failures = 1000000, retry_at = clock_timestamp();
SELECT dispatch_pending() AS worked_on;
SELECT failures, retry_at - clock_timestamp() BETWEEN '3590 s' AND '1 hour' AS in_an_hour FROM dashboard_pending_snapshots;
ALTER TABLE regress_shots RENAME document TO doc;
UPDATE dashboard_pending_snapshots SET retry_at = clock_timestamp();
SELECT dispatch_pending() AS worked_on;
SELECT snapshot_a, snapshot_b, count(*) FROM dashboard_alerts WHERE snapshot_b = 103 GROUP BY 1, 2;
INSERT INTO regress_shots VALUES (104, 'big', '2031-01-04', '[]');
DROP TABLE regress_shots;
SELECT dispatch_pending() AS worked_on;
SELECT event_type, snapshot_id, message FROM dashboard_events WHERE snapshot_id > 100 ORDER BY id;
TABLE regress_pending;

-- A pending snapshot is judged by the rules as they are when its turn comes.
DELETE FROM dashboards;
INSERT INTO dashboards (id) VALUES ('big');
CREATE TABLE regress_subscribed AS
  SELECT change, subscribe('big', 'persona', 'ana', '{"set_added_min": 1}', baseline) AS id
    FROM (VALUES ('none', 'previous'), ('none', 'last_notified'), ('unsubscribed', 'previous'), ('another rule', 'previous'),
                 ('inactive', 'previous'), ('muted', 'last_notified')) v(change, baseline);
SET dashboard_diff.dispatch_budget = -1;
SELECT regress_shot('big', 1, '[]');
SET dashboard_diff.dispatch_budget = 0;
SELECT regress_shot('big', 2, '[{"id": 1}]');
SELECT unsubscribe(id) FROM regress_subscribed WHERE change = 'unsubscribed';
UPDATE dashboard_subscriptions s SET threshold_json = '{"set_removed_min": 1}' FROM regress_subscribed r WHERE r.id = s.id AND change = 'another rule';
UPDATE dashboard_subscriptions s SET is_active = false FROM regress_subscribed r WHERE r.id = s.id AND change = 'inactive';
UPDATE dashboard_subscriptions s SET muted_until = 'infinity' FROM regress_subscribed r WHERE r.id = s.id AND change = 'muted';
SELECT dispatch_pending() AS worked_on;
SELECT r.change, s.baseline, a.snapshot_a, a.snapshot_b
  FROM regress_subscribed r LEFT JOIN dashboard_subscriptions s USING (id) LEFT JOIN dashboard_alerts a ON a.subscription_id = r.id ORDER BY r.id;
DROP TABLE regress_subscribed;

-- Many snapshots in one statement.
RESET dashboard_diff.dispatch_budget;
DELETE FROM dashboards;
INSERT INTO dashboards (id) VALUES ('big');
SELECT subscribe('big', 'persona', 'ana', '{"set_added_min": 1}') IS NOT NULL AS ana;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content)
SELECT 'big', i, '2030-01-01 00:00+00'::timestamptz + i * interval '1 h', jsonb_build_array(jsonb_build_object('id', i / 2)) FROM generate_series(1, 1000) i;
SELECT count(*), min(snapshot_b - snapshot_a), max(snapshot_b - snapshot_a) FROM dashboard_alerts;
-- In another order than that of the times, which is the one that counts.
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content)
SELECT 'big', i, '2031-01-01 00:00+00'::timestamptz + i * interval '1 h', jsonb_build_array(jsonb_build_object('id', -i)) FROM generate_series(1503, 1501, -1) i;
SELECT snapshot_a, snapshot_b FROM dashboard_alerts WHERE snapshot_b > 1000 ORDER BY id;
BEGIN;
SAVEPOINT one;
SELECT regress_shot('big', 10001, '[{"id": -10001}]');
ROLLBACK TO one;
SELECT regress_shot('big', 10000, '[{"id": -10000}]');
COMMIT;
SELECT snapshot_a, snapshot_b FROM dashboard_alerts WHERE snapshot_b >= 10000 ORDER BY id;

DELETE FROM dashboards;
DELETE FROM personas;
DROP VIEW regress_pending;
DROP FUNCTION regress_shot;
