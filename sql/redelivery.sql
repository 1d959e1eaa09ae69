-- What people do with deliveries: see what was sent, send again, send a test, watch the queue, clear old ones.
INSERT INTO dashboards (id) VALUES ('sales');
INSERT INTO personas (id) VALUES ('ana');
SELECT subscribe('sales', 'webhook', 'https://example.com/a', '{"set_added_min": 1}') AS a,
       subscribe('sales', 'persona', 'ana', '{"set_added_min": 1}') AS p \gset
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content)
VALUES ('sales', 1, '[]'), ('sales', 2, '[{"id": 1}]'), ('sales', 3, '[{"id": 2}]'), ('sales', 4, '[{"id": 3}]');
CREATE VIEW regress_log AS
  SELECT l.target, a.snapshot_b, l.attempt, l.outcome, l.http_status, l.duration_ms, l.error
    FROM dashboard_delivery_log l
    LEFT JOIN dashboard_alerts a ON a.dashboard_artifact_id = l.dashboard_artifact_id AND a.id = l.alert_id
   ORDER BY l.attempted_at, l.delivery_id;
-- Claims all and marks the delivery of one snapshot, in the name of a listener.
CREATE FUNCTION pg_temp.attempt(snapshot bigint, outcome text, error text, http_status integer, duration integer) RETURNS integer LANGUAGE sql AS $$
  SELECT finish_deliveries('w', ARRAY[d.dashboard_artifact_id], ARRAY[d.id], ARRAY[d.attempts + 1], ARRAY[outcome], ARRAY[attempt.error],
                           ARRAY[NULL]::interval[], ARRAY[attempt.http_status], ARRAY[duration], '{}')
    FROM dashboard_deliveries d JOIN dashboard_alerts a ON a.id = d.alert_id WHERE a.snapshot_b = snapshot;
$$;
DELETE FROM dashboard_listeners;
SELECT listener_seen('w');

--
-- dashboard_delivery_log: every attempt, the successful ones too
--
SELECT pg_temp.attempt(2, 'delivered', NULL, 204, 5);
SELECT pg_temp.attempt(3, 'retry', 'HTTP 503', 503, 7), pg_temp.attempt(3, 'delivered', NULL, 200, 9);
-- Refused is given up at once.
SELECT pg_temp.attempt(4, 'refused', 'channel_not_found', NULL, 3);
SELECT * FROM regress_log ORDER BY snapshot_b, attempt;
SELECT status, attempts, last_error, http_status, duration_ms FROM dashboard_deliveries ORDER BY id;
SELECT is_active FROM dashboard_subscriptions WHERE id = :a;

--
-- redeliver(), redeliver_dead()
--
SELECT redeliver(min(id)) FROM dashboard_deliveries;
SELECT redeliver(0), redeliver(NULL);
SELECT redeliver_dead(:a), redeliver_dead(0);
SELECT status, attempts, next_attempt_at <= clock_timestamp() AS due, parked FROM dashboard_deliveries ORDER BY id;
-- The log keeps what was.
SELECT snapshot_b, attempt, outcome, http_status FROM regress_log ORDER BY 1, 2;
SELECT pg_temp.attempt(2, 'delivered', NULL, 202, 6);
SELECT snapshot_b, attempt, outcome, http_status FROM regress_log ORDER BY 1, 2, 4;

--
-- send_test()
--
SELECT send_test(:a) AS test \gset
SELECT subscriber_kind, target, status, alert_id IS NULL AS no_alert, test_of = :a AS of_subscription FROM dashboard_deliveries WHERE id = :test;
SELECT subscription_id = :a AS of_subscription, alert_id, snapshot_b, diff, explanation, regexp_replace(summary, '\d+', 'N') AS summary
  FROM claim_deliveries('w', '{webhook}', 10) WHERE alert_id IS NULL;
-- Also for one that is switched off: that is when one wants to try.
UPDATE dashboard_subscriptions SET is_active = false WHERE id = :a;
SELECT send_test(:a) > 0 AS sent;
\set VERBOSITY sqlstate
\set SHOW_CONTEXT never
SELECT send_test(:p);
SELECT send_test(0);
SELECT prune_deliveries('-1 s');
\set VERBOSITY default
SELECT send_test(:p);
SELECT send_test(0);
SELECT prune_deliveries('-1 s');
-- A test's end is not the subscription's history.
SELECT count(*) FROM regress_log WHERE snapshot_b IS NULL;

--
-- With the caller's rights, and the grants that the README names
--
CREATE ROLE regress_owner;
CREATE ROLE regress_other;
GRANT UPDATE (status, attempts, next_attempt_at, parked, finished_at), INSERT ON dashboard_deliveries TO regress_owner, regress_other;
GRANT INSERT ON dashboard_delivery_attempts TO regress_owner, regress_other;
SELECT min(id) AS delivery FROM dashboard_deliveries WHERE status = 'delivered' \gset
UPDATE dashboards SET owner = 'regress_owner';
SET ROLE regress_other;
SELECT redeliver(:delivery), redeliver_dead(:a);
\set VERBOSITY sqlstate
SELECT send_test(:a);
\set VERBOSITY default
SET ROLE regress_owner;
SELECT redeliver(:delivery);
SELECT send_test(:a) > 0 AS sent;
-- But not to anybody else.
INSERT INTO dashboard_deliveries (dashboard_artifact_id, test_of, subscriber_kind, target) SELECT 'sales', :a, 'webhook', 'https://elsewhere.example.com';
SELECT prune_deliveries('1 day');
RESET ROLE;
-- Whatever is granted, they write no more than that.
GRANT ALL ON dashboard_deliveries, dashboard_delivery_attempts TO regress_owner;
SET ROLE regress_owner;
INSERT INTO dashboard_deliveries (dashboard_artifact_id, id, test_of, subscriber_kind, target, status, attempts, next_attempt_at, parked, last_error, http_status, duration_ms, created_at, finished_at)
SELECT 'sales', 9000000000000000000, :a, 'webhook', 'https://example.com/a', 'delivered', 2147483647, 'infinity', true, 'x', 1, 2, '-infinity', 'infinity'
RETURNING id < 1000000 AS id, status, attempts, isfinite(next_attempt_at) AS finite, parked, last_error, http_status, duration_ms, isfinite(created_at) AS created, finished_at;
\set VERBOSITY terse
INSERT INTO dashboard_deliveries (dashboard_artifact_id, test_of, subscriber_kind, target) VALUES ('sales', :p, 'persona', 'ana');
INSERT INTO dashboard_deliveries (dashboard_artifact_id, alert_id, subscriber_kind, target) SELECT 'sales', min(alert_id), 'webhook', 'https://example.com/a' FROM dashboard_deliveries;
UPDATE dashboard_deliveries SET attempts = 2147483647 WHERE id = :delivery;
UPDATE dashboard_deliveries SET attempts = -1 WHERE id = :delivery;
UPDATE dashboard_deliveries SET attempts = 0, next_attempt_at = 'infinity' WHERE id = :delivery;
UPDATE dashboard_deliveries SET attempts = 0, next_attempt_at = '-infinity' WHERE id = :delivery;
UPDATE dashboard_deliveries SET attempts = 0, next_attempt_at = '2001-01-01' WHERE id = :delivery;
UPDATE dashboard_deliveries SET parked = true WHERE id = :delivery;
UPDATE dashboard_deliveries SET status = 'dead' WHERE id = :delivery;
UPDATE dashboard_deliveries SET status = 'delivered', finished_at = now() WHERE id = :delivery;
UPDATE dashboard_deliveries SET finished_at = now() WHERE id = :delivery;
UPDATE dashboard_deliveries SET id = 9000000000000000000 WHERE id = :delivery;
UPDATE dashboard_deliveries SET target = 'https://elsewhere.example.com' WHERE id = :delivery;
UPDATE dashboard_deliveries SET test_of = :a, alert_id = NULL WHERE id = :delivery;
UPDATE dashboard_deliveries SET dashboard_artifact_id = 'x' WHERE false;
UPDATE dashboard_deliveries SET last_error = 'x', http_status = 1, duration_ms = 2 WHERE id = :delivery;
-- The log is not theirs: an id in it would be in the way of all that follow.
INSERT INTO dashboard_delivery_attempts (dashboard_artifact_id, id, delivery_id, attempt, attempted_at, outcome) VALUES ('sales', 1000, :delivery, 1, now(), 'retry');
WITH u AS (UPDATE dashboard_delivery_attempts SET outcome = 'gone' RETURNING 1) SELECT count(*) AS updated FROM u;
WITH d AS (DELETE FROM dashboard_delivery_attempts RETURNING 1) SELECT count(*) AS deleted FROM d;
\set VERBOSITY default
UPDATE dashboard_deliveries SET status = 'pending', attempts = 0, next_attempt_at = clock_timestamp(), parked = false, finished_at = NULL WHERE id = :delivery;
RESET ROLE;
DELETE FROM dashboard_deliveries WHERE test_of IS NOT NULL;
SELECT pg_temp.attempt(a.snapshot_b, 'delivered', NULL, 204, 5) FROM dashboard_alerts a JOIN dashboard_deliveries d ON d.alert_id = a.id WHERE d.id = :delivery;
UPDATE dashboards SET owner = current_user;
REVOKE ALL ON dashboard_deliveries, dashboard_delivery_attempts FROM regress_owner, regress_other;
DROP ROLE regress_owner, regress_other;

--
-- dashboard_delivery_stats
--
SELECT subscriber_kind, pending, due, parked, oldest_due_for >= '0' AS oldest, failures_last_hour, failures_by_reason, listeners, delivered_total, failed_total
  FROM dashboard_delivery_stats ORDER BY 1;

--
-- prune_deliveries(): what is old and done, with all that hangs on it
--
SELECT prune_deliveries('1 day');
UPDATE dashboard_alerts SET created_at = created_at - interval '3 days';
UPDATE dashboard_diffs SET created_at = created_at - interval '3 days';
UPDATE dashboard_deliveries SET finished_at = finished_at - interval '2 days' WHERE status <> 'pending';
SELECT a.snapshot_b, d.status FROM dashboard_alerts a LEFT JOIN dashboard_deliveries d ON d.alert_id = a.id ORDER BY 1, 2;
-- Finished two days ago, or a persona's.
SELECT prune_deliveries('2 days 12 hours'), prune_deliveries('1 day', 2), prune_deliveries('1 day'), prune_deliveries('1 day');
SELECT a.snapshot_b, d.status FROM dashboard_alerts a LEFT JOIN dashboard_deliveries d ON d.alert_id = a.id ORDER BY 1, 2;
SELECT snapshot_b FROM dashboard_diffs ORDER BY 1;
SELECT count(*) FROM artifact_comments;

DROP VIEW regress_log;
DELETE FROM dashboards;
DELETE FROM personas;
