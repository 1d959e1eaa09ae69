-- The outbox as listeners use it: claim, finish, release, and when to come again.
INSERT INTO dashboards (id) VALUES ('sales'), ('stock');
SELECT subscribe('sales', 'webhook', 'https://example.com/a', '{"set_added_min": 1}') AS a,
       subscribe('sales', 'webhook', 'https://example.com/b', '{"set_added_min": 1}') AS b,
       subscribe('sales', 'email', 'ana@example.com', '{"set_added_min": 2}') AS e \gset
-- What is there: the order of the rows is that of their making.
CREATE VIEW regress_outbox AS
  SELECT d.target, a.snapshot_b, d.status, d.attempts, d.parked,
         (SELECT l.worker FROM dashboard_leases l WHERE (d.dashboard_artifact_id, d.id, d.attempts) IN (SELECT * FROM unnest(l.dashboards, l.deliveries, l.attempts))) AS held_by,
         d.last_error, d.http_status, d.finished_at IS NOT NULL AS finished
    FROM dashboard_deliveries d
    JOIN dashboard_alerts a ON a.dashboard_artifact_id = d.dashboard_artifact_id AND a.id = d.alert_id
   ORDER BY d.id;
-- Marks the pending deliveries of a target, all alike, and ends the worker's leases.
CREATE FUNCTION pg_temp.finish(worker text, target text, outcome text, error text DEFAULT NULL, retry_after interval DEFAULT NULL, http_status integer DEFAULT NULL)
RETURNS integer LANGUAGE sql AS $$
  SELECT finish_deliveries(worker, array_agg(d.dashboard_artifact_id), array_agg(d.id), array_agg(d.attempts + 1), array_agg(outcome),
                           array_agg(finish.error), array_agg(finish.retry_after), array_agg(finish.http_status), array_agg(12),
                           ARRAY(SELECT l.id FROM dashboard_leases l WHERE l.worker = finish.worker))
    FROM dashboard_deliveries d WHERE d.target = finish.target AND d.status = 'pending';
$$;
-- As if the worker had not been heard of for so long.
CREATE FUNCTION pg_temp.silent(worker text, since interval) RETURNS void LANGUAGE sql AS $$
  UPDATE dashboard_listeners l SET seen_at = clock_timestamp() - since WHERE l.worker = silent.worker;
$$;

-- Nothing is due.
SELECT * FROM claim_deliveries('w1', '{webhook,email,slack,telegram}', 10);
SELECT next_delivery_due('{webhook}') IS NULL AS none;

INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('sales', 1, '[]'), ('sales', 2, '[{"id": 1}]'), ('sales', 3, '[{"id": 2}, {"id": 3}]');
-- They were made within microseconds; from here on each is due in a second of its own.
UPDATE dashboard_deliveries SET next_attempt_at = timestamptz '2020-01-01' + id * interval '1 s';
TABLE regress_outbox;
SELECT next_delivery_due('{webhook}') <= '0' AS due, next_delivery_due('{slack}') IS NULL AS no_slack, next_delivery_due('{}') IS NULL AS no_kind;

--
-- claim_deliveries()
--

-- Oldest first, as many as asked for, of the kinds asked for; everything that a message needs comes along.
SELECT c.dashboard_id, c.subscription_id = :a AS for_a, c.subscriber_kind, c.target, c.attempt, c.secret_version, c.previous_secret_version,
       c.snapshot_a, c.snapshot_b, c.diff -> 'id_set_added' AS added, c.explanation -> 'result' AS result, c.summary,
       c.created_at = a.created_at AS created_at_is_the_alerts, d.id IS NOT NULL AS ids
  FROM claim_deliveries('w1', '{webhook}', 1) c
  LEFT JOIN dashboard_alerts a ON a.dashboard_artifact_id = c.dashboard_id AND a.id = c.alert_id AND a.subscription_id = c.subscription_id
  LEFT JOIN dashboard_deliveries d ON d.dashboard_artifact_id = c.dashboard_id AND d.id = c.delivery_id AND d.alert_id = c.alert_id;
-- What is leased is nobody else's.
SELECT target, attempt, snapshot_b FROM claim_deliveries('w2', '{webhook,slack}', 10);
SELECT target, attempt, snapshot_b FROM claim_deliveries('w3', '{webhook}', 10);
SELECT next_delivery_due('{webhook}') IS NULL AS only_leased_ones, next_delivery_due('{webhook,email}') <= '0' AS mail_is_due;
TABLE regress_outbox;
-- What a worker held that is not heard of any more is due for anybody; the attempt whose outcome nobody knows does not count.
SELECT pg_temp.silent('w1', '19 s');
SELECT target, attempt, snapshot_b FROM claim_deliveries('w3', '{webhook}', 10);
SELECT pg_temp.silent('w1', '21 s');
SELECT target, attempt, snapshot_b FROM claim_deliveries('w3', '{webhook}', 10);
TABLE regress_outbox;

-- Claims in a transaction that sees the past would lease twice.
\set SHOW_CONTEXT never
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM claim_deliveries('w3', '{webhook}', 10);
ROLLBACK;
\set SHOW_CONTEXT errors

--
-- finish_deliveries()
--

-- A failure that is told late, when there was another attempt in between, is none.
SELECT finish_deliveries('w1', array_agg(dashboard_artifact_id), array_agg(id), '{2}', '{retry}', '{x}', '{NULL}', '{500}', '{1}', '{}')
  FROM dashboard_deliveries WHERE target = 'https://example.com/a' AND status = 'pending' GROUP BY id LIMIT 1;
-- Delivered.
SELECT pg_temp.finish('w3', 'https://example.com/a', 'delivered', http_status => 204);
TABLE regress_outbox;
-- A second time nothing happens.
SELECT pg_temp.finish('w3', 'https://example.com/a', 'gone');
-- An outcome that is none is no outcome.
SELECT pg_temp.finish('w2', 'https://example.com/b', 'dead'), pg_temp.finish('w2', 'https://example.com/b', NULL), pg_temp.finish('w2', 'https://example.com/b', 'DELIVERED');
SELECT finish_deliveries('w2', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}');
-- To be tried again: pending, not yet due, free.
SELECT pg_temp.finish('w2', 'https://example.com/b', 'retry', 'connection refused', http_status => NULL);
TABLE regress_outbox;
SELECT target FROM claim_deliveries('w2', '{webhook}', 10);
SELECT next_delivery_due('{webhook}') BETWEEN '0 s' AND '5.5 s' AS in_five_seconds;

-- The waits after each failed attempt, to a tenth more or less; Retry-After can only lengthen them.
SELECT attempts, delivery_retry_delay(attempts) FROM generate_series(0, 11) attempts;
SELECT delivery_retry_delay(NULL) IS NULL AS unknown;
DELETE FROM dashboard_deliveries WHERE target <> 'https://example.com/b' OR alert_id <> (SELECT max(alert_id) FROM dashboard_deliveries WHERE target = 'https://example.com/b');
SELECT count(*) FROM dashboard_deliveries;
CREATE TEMP TABLE waits (attempts integer, retry_after interval, wait interval, status text);
DO $$
DECLARE
  after interval;
  began timestamptz;
BEGIN
  FOR n IN 1..10 LOOP
    FOREACH after IN ARRAY ARRAY[NULL, '0 s', '1 s', '30 hours', '-1 day']::interval[] LOOP
      UPDATE dashboard_deliveries SET status = 'pending', attempts = n - 1, next_attempt_at = '-infinity', finished_at = NULL;
      began := clock_timestamp();
      PERFORM finish_deliveries('w', array_agg(dashboard_artifact_id), array_agg(id), ARRAY[n], ARRAY['retry'], ARRAY['503'], ARRAY[after], ARRAY[503], ARRAY[7], '{}')
         FROM dashboard_deliveries;
      INSERT INTO waits SELECT attempts, after, CASE WHEN isfinite(next_attempt_at) THEN next_attempt_at - began END, status FROM dashboard_deliveries;
    END LOOP;
  END LOOP;
END $$;
SELECT attempts, status,
       bool_and(wait BETWEEN delivery_retry_delay(attempts) * 0.9 AND delivery_retry_delay(attempts) * 1.1 + interval '1 s')
         FILTER (WHERE retry_after IS NULL OR retry_after <= '1 s') AS as_scheduled,
       bool_and(wait BETWEEN '30 hours' AND '30 hours 1 s') FILTER (WHERE retry_after = '30 hours') AS as_asked
  FROM waits GROUP BY 1, 2 ORDER BY 1;
-- After the tenth it is dead, and says why.
TABLE regress_outbox;
SELECT target FROM claim_deliveries('w', '{webhook}', 10);

--
-- Gone: the subscription is switched off, and what else is pending for it given up
--
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('sales', 4, '[]'), ('sales', 5, '[{"id": 1}]'), ('sales', 6, '[{"id": 2}]');
DELETE FROM dashboard_deliveries WHERE status = 'dead';
UPDATE dashboard_deliveries SET next_attempt_at = timestamptz '2020-01-01' + id * interval '1 s';
SELECT target, snapshot_b FROM claim_deliveries('w1', '{webhook}', 2);
SELECT pg_temp.finish('w1', 'https://example.com/b', 'gone', 'HTTP 410', http_status => 410);
TABLE regress_outbox;
SELECT subscriber_id, is_active FROM dashboard_subscriptions ORDER BY id;
-- The dashboard's owner is told.
SELECT comment_type, author_type, regexp_replace(content, '\d+', 'N') AS content FROM artifact_comments WHERE comment_type = 'subscription_off';
SELECT event_type, regexp_replace(message, '\d+', 'N') AS message FROM dashboard_events;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('sales', 7, '[{"id": 3}]');
SELECT target FROM regress_outbox WHERE snapshot_b = 7;

--
-- release_deliveries(): what was claimed and not begun is anybody's again
--
DELETE FROM dashboard_deliveries WHERE status <> 'pending';
SELECT release_deliveries('w1');
TABLE regress_outbox;
UPDATE dashboard_deliveries SET next_attempt_at = timestamptz '2020-01-01' + id * interval '1 s';
SELECT target, attempt, snapshot_b FROM claim_deliveries('w4', '{webhook}', 1);
SELECT release_deliveries('w4', array_agg(id)) AS kept FROM dashboard_leases WHERE worker = 'w4';
SELECT release_deliveries('w5') AS of_another, release_deliveries('w4') AS own, release_deliveries('w4') AS again;
TABLE regress_outbox;

--
-- park_deliveries(): what has to wait for its endpoint is out of the way of the others
--
SELECT lease AS lease FROM claim_deliveries('w1', '{webhook}', 10) LIMIT 1 \gset
SELECT park_deliveries('w1', array_agg(dashboard_artifact_id), array_agg(id), ARRAY[:lease]) AS parked
  FROM dashboard_deliveries WHERE subscriber_kind = 'webhook' AND status = 'pending';
TABLE regress_outbox;
SELECT target FROM claim_deliveries('w1', '{webhook}', 10);
SELECT next_delivery_due('{webhook}') IS NULL AS nothing_else;
SELECT * FROM parked_endpoints('{webhook}', '', '', 10);
SELECT * FROM parked_endpoints('{webhook}', 'webhook', 'https://example.com/a', 10);
SELECT * FROM parked_endpoints('{email}', '', '', 10);
-- An endpoint that can take them gets as many as it can take, oldest first.
SELECT target, parked, snapshot_b FROM claim_deliveries('w1', '{webhook}', 10, NULL, '{webhook,webhook,email}', '{https://example.com/a,https://example.com/none,https://example.com/a}', '{1,5,5}');
-- What fails has its next attempt as any other; what is given back stays parked.
SELECT pg_temp.finish('w1', 'https://example.com/a', 'retry', 'timeout');
TABLE regress_outbox;
UPDATE dashboard_deliveries SET attempts = 0, next_attempt_at = timestamptz '2020-01-01' + id * interval '1 s';
-- Claims may look only at what became due lately.
SELECT count(*) FROM claim_deliveries('w1', '{webhook}', 10, '1 hour');
SELECT next_delivery_due('{webhook}', '1 hour') IS NULL AS none, next_delivery_due('{webhook}') < '0' AS one;
SELECT count(*) > 0 AS some FROM claim_deliveries('w1', '{webhook}', 10);
SELECT release_deliveries('w1') > 0 AS released;

--
-- listener_seen(): signs of life, and a clock that is set back
--
SELECT count(*) FROM claim_deliveries('w6', '{webhook}', 10);
SELECT listener_seen('w7');
SELECT pg_temp.silent('w6', '1 min'), listener_seen('w6');
UPDATE dashboard_deliveries SET next_attempt_at = clock_timestamp() + interval '1 hour';
UPDATE dashboard_listeners SET seen_at = clock_timestamp() + interval '55 min' WHERE worker = 'w7';
-- What it reports in between does not hide it.
SELECT finish_deliveries('w7', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}') AS finished;
SELECT listener_seen('w7');
SELECT count(*) AS in_the_future FROM dashboard_listeners WHERE seen_at > clock_timestamp();
SELECT release_deliveries('w6') AS released;
SELECT next_delivery_due('{webhook}') BETWEEN '4 min' AND '5 min' AS in_five_minutes;
-- Listeners that ended long ago live on as a sum.
UPDATE dashboard_listeners SET seen_at = clock_timestamp() - interval '2 hours', delivered = 2, failed = 1 WHERE worker IN ('w1', 'w2');
SELECT listener_seen('w7');
SELECT worker, delivered, failed FROM dashboard_listeners WHERE worker IN ('w1', 'w2', '(ended)');

--
-- next_delivery_due()
--
UPDATE dashboard_deliveries SET next_attempt_at = clock_timestamp() + interval '1 hour';
SELECT next_delivery_due('{webhook}') BETWEEN '59 min' AND '1 hour' AS in_an_hour;
UPDATE dashboard_deliveries SET next_attempt_at = clock_timestamp() - interval '1 hour' WHERE id = (SELECT max(id) FROM dashboard_deliveries);
SELECT next_delivery_due('{webhook}') BETWEEN '-61 min' AND '-1 hour' AS overdue;

--
-- Rotation: the previous secret goes along while its grace lasts, no longer
--
UPDATE dashboard_deliveries SET next_attempt_at = clock_timestamp();
SELECT rotate_webhook_secret(:a);
SELECT DISTINCT secret_version, previous_secret_version FROM claim_deliveries('w1', '{webhook}', 10);
SELECT release_deliveries('w1') > 0 AS released;
SELECT rotate_webhook_secret(:a, '1 hour');
SELECT DISTINCT secret_version, previous_secret_version FROM claim_deliveries('w1', '{webhook}', 10);
SELECT release_deliveries('w1') > 0 AS released;
UPDATE dashboard_subscriptions SET previous_secret_until = clock_timestamp() - interval '1 s' WHERE id = :a;
SELECT DISTINCT secret_version, previous_secret_version FROM claim_deliveries('w1', '{webhook}', 10);
SELECT release_deliveries('w1') > 0 AS released;
SELECT rotate_webhook_secret(:a, '0 s');
SELECT DISTINCT secret_version, previous_secret_version FROM claim_deliveries('w1', '{webhook}', 10);

--
-- A large diff is claimed as its excerpt
--
DELETE FROM dashboard_deliveries;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content)
SELECT 'sales', 8, jsonb_agg(jsonb_build_object('id', 'row ' || i)) FROM generate_series(1, 2000) i;
-- It is sent once: the other row's diff is the same.
SELECT count(*), bool_and(length(diff::text) <= 10000) AS short, max(diff -> 'counts' ->> 'id_set_added') AS added, count(diff) AS diffs, count(explanation) AS explanations, count(summary) AS summaries
  FROM claim_deliveries('w1', '{webhook,email}', 10);

-- Two dashboards: the ids of deliveries need not be told apart by number.
DELETE FROM dashboards;
INSERT INTO dashboards (id) VALUES ('sales'), ('stock');
SELECT subscribe('sales', 'webhook', 'https://example.com/sales', '{"set_added_min": 1}') IS NOT NULL AND subscribe('stock', 'webhook', 'https://example.com/stock', '{"set_added_min": 1}') IS NOT NULL AS subscribed;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content)
VALUES ('sales', 1, '[]'), ('stock', 1, '[]'), ('sales', 2, '[{"id": 1}]'), ('stock', 2, '[{"id": 1}]');
UPDATE dashboard_deliveries SET id = 7;
SELECT dashboard_id, delivery_id FROM claim_deliveries('w1', '{webhook}', 10) ORDER BY 1;
SELECT finish_deliveries('w1', '{sales}', '{7}', '{1}', '{delivered}', '{NULL}', '{NULL}', '{200}', '{3}', '{}');
SELECT target, status FROM regress_outbox ORDER BY target;
SELECT finish_deliveries('w1', '{sales,stock}', '{7,7}', '{2,1}', '{gone,gone}', '{x,y}', '{NULL,NULL}', '{410,410}', '{3,4}', '{}');
SELECT target, status, last_error, http_status FROM regress_outbox ORDER BY target;
SELECT dashboard_artifact_id, is_active FROM dashboard_subscriptions ORDER BY 1;

--
-- What no delivery of today can hold, but a restored one may: the others do not wait for it
--
DELETE FROM dashboards;
INSERT INTO dashboards (id, title) VALUES ('sales', repeat('title ', 10000000)), ('stock', 'Stock');
SELECT subscribe('sales', 'webhook', 'https://example.com/sales', '{"set_added_min": 1}') AS sales, subscribe('stock', 'webhook', 'https://example.com/stock', '{"set_added_min": 1}') AS stock \gset
SELECT send_test(:sales) > 0 AS sent FROM generate_series(1, 8);
SELECT array_agg(id ORDER BY id) AS ids FROM dashboard_deliveries \gset
UPDATE dashboard_deliveries d
   SET id = v.id, attempts = v.attempts, next_attempt_at = v.due
  FROM (VALUES (1, 9000000000000000000, 0, timestamptz '2020-01-01'), (2, -9000000000000000000, 3, '2020-01-02'), (3, 103, 2147483647, '2020-01-03'), (4, 104, -1, '2020-01-04'),
               (5, 105, 0, 'infinity'), (6, 106, 0, '-infinity'), (7, 107, 0, '294276-12-31'), (8, 108, -2147483648, '4713-01-01 BC')) v (n, id, attempts, due)
 WHERE d.id = (:'ids'::bigint[])[v.n];
UPDATE dashboard_subscriptions SET secret_version = -2147483648, previous_secret_until = 'infinity' WHERE id = :sales;
SELECT send_test(:stock) > 0 AS sent;
SELECT next_delivery_due('{webhook}') <= '0' AS due;
SELECT subscriber_kind, pending, due, oldest_due_for > '0' AS oldest FROM dashboard_delivery_stats WHERE pending > 0;
SELECT c.delivery_id = d.id AS it, CASE WHEN c.dashboard_id = 'sales' THEN c.delivery_id END AS id, c.attempt, length(c.dashboard_title) AS title, c.secret_version, c.previous_secret_version, c.due_for > '0' AS due_for
  FROM claim_deliveries('w1', '{webhook}', 100) c JOIN dashboard_deliveries d ON d.dashboard_artifact_id = c.dashboard_id AND d.id = c.delivery_id ORDER BY 2;
SELECT CASE WHEN dashboard_artifact_id = 'sales' THEN id END AS id, status, attempts, last_error FROM dashboard_deliveries ORDER BY 1;
-- Signs of life set aside what would wait forever, parked or not.
UPDATE dashboard_deliveries SET parked = true, next_attempt_at = 'infinity' WHERE id = 107;
SELECT listener_seen('w1');
SELECT id, status, last_error FROM dashboard_deliveries WHERE id IN (105, 107) ORDER BY 1;
SELECT dashboard_artifact_id, event_type, message FROM dashboard_events ORDER BY message;
-- What they hold is known to a hair: large ids are held, and others of the same remainder are not.
SELECT count(*) FROM claim_deliveries('w2', '{webhook}', 100);
UPDATE dashboard_subscriptions SET secret_version = 2147483647 WHERE id = :sales;
SELECT release_deliveries('w1') AS released;
SELECT DISTINCT secret_version, previous_secret_version FROM claim_deliveries('w1', '{webhook}', 100) WHERE dashboard_id = 'sales';
SELECT finish_deliveries('w1', '{sales,sales}', '{9000000000000000000,-9000000000000000000}', '{1,4}', '{delivered,gone}', '{NULL,HTTP 410}', '{NULL,NULL}', '{200,410}', '{1,1}', '{}');
SELECT id, status, attempts, last_error FROM dashboard_deliveries WHERE dashboard_artifact_id = 'sales' ORDER BY 1;
-- Sent again, it begins anew.
SELECT redeliver(103), release_deliveries('w1') > 0 AS released;
SELECT delivery_id, attempt FROM claim_deliveries('w1', '{webhook}', 100) WHERE dashboard_id = 'sales';

--
-- A delivery that cannot be read, for whatever reason, is found among the others
--
SELECT release_deliveries('w1') > 0 AS released;
UPDATE dashboards SET title = 'damaged' WHERE id = 'sales';
SELECT pg_get_functiondef('sendable(text, integer)'::regprocedure) AS definition \gset
CREATE OR REPLACE FUNCTION sendable(given text, max_chars integer) RETURNS text LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
  IF given = 'damaged' THEN
    RAISE data_corrupted USING MESSAGE = 'missing chunk number 0';
  END IF;
  RETURN left(given, max_chars);
END $$;
\set VERBOSITY sqlstate
\set SHOW_CONTEXT never
SELECT count(*) FROM claim_deliveries('w1', '{webhook}', 100);
\set VERBOSITY default
\set SHOW_CONTEXT errors
SELECT set_aside_unreadable('w1', '{webhook}', 100, NULL, '{}', '{}', '{}') AS set_aside, set_aside_unreadable('w1', '{webhook}', 100, NULL, '{}', '{}', '{}') AS again;
SELECT id, status, attempts, last_error FROM dashboard_deliveries WHERE id = 103;
SELECT dashboard_id FROM claim_deliveries('w1', '{webhook}', 100);
:definition;
SELECT prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') AS as_it_was FROM pg_proc WHERE oid = 'sendable(text, integer)'::regprocedure;

-- Notices are bounded, too.
SELECT length(sendable_entries(jsonb_build_array(jsonb_build_object('title', repeat('x', 1000000), 'issue_count', 1e100, 'issues', (SELECT jsonb_agg(jsonb_build_object('message', repeat('y', 1000))) FROM generate_series(1, 100)))))::text) < 2000 AS short,
       sendable_entries('{}') AS none, sendable_entries('[1, "x", {"issues": 1, "issue_count": 2}]') AS odd;
SELECT sendable('abc', 2), sendable('äöü', 2), sendable('äöü', 3), sendable('', 0), sendable('x', 0), sendable('x', -1), sendable('[1]'::jsonb, 100), sendable('[1]'::jsonb, 5);
-- Of a URL others learn the host.
SELECT loggable_target(t) FROM unnest('{https://example.com/secret?token=secret,https://user:pw@example.com:8443/secret,https://example.com,ana@example.com,#sales,-100}'::text[]) t;

DROP VIEW regress_outbox;
DELETE FROM dashboards;
