-- What people do with deliveries: send one again, send a test, look at the queue, clear old ones.
-- They act with the caller's own rights: row-level security says which deliveries, and the right to
-- UPDATE (for a test, to INSERT) has to be granted.

CREATE FUNCTION @extschema@.wake_listeners() RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT pg_notify('dashboard_delivery', '@extschema@');
END;
COMMENT ON FUNCTION @extschema@.wake_listeners() IS
'tells listeners that there may be something to deliver (NOTIFY dashboard_delivery)';

CREATE FUNCTION @extschema@.redeliver(delivery_id bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  former @extschema@.dashboard_deliveries;
BEGIN
  SELECT * INTO former FROM @extschema@.dashboard_deliveries d
   WHERE d.id = redeliver.delivery_id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  UPDATE @extschema@.dashboard_deliveries d
     SET status = 'pending', attempts = 0, next_attempt_at = clock_timestamp(), parked = false,
         finished_at = NULL
   WHERE d.dashboard_artifact_id = former.dashboard_artifact_id AND d.id = former.id;
  PERFORM @extschema@.wake_listeners();
  RETURN true;
END
$$;
COMMENT ON FUNCTION @extschema@.redeliver(bigint) IS
'sends a delivery again, under the same webhook-id and with a new schedule of attempts, whatever became of it; false where there is none';

CREATE FUNCTION @extschema@.redeliver_dead(subscription_id bigint) RETURNS bigint
LANGUAGE sql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT count(*) FILTER (WHERE @extschema@.redeliver(dead.id))
    FROM (SELECT d.id
            FROM @extschema@.dashboard_subscriptions s
            JOIN @extschema@.dashboard_alerts a
              ON a.dashboard_artifact_id = s.dashboard_artifact_id AND a.subscription_id = s.id
            JOIN @extschema@.dashboard_deliveries d
              ON d.dashboard_artifact_id = a.dashboard_artifact_id AND d.alert_id = a.id
           WHERE s.id = redeliver_dead.subscription_id AND d.status = 'dead'
           ORDER BY d.id) dead;
END;
COMMENT ON FUNCTION @extschema@.redeliver_dead(bigint) IS
'sends again, oldest first, whatever was given up for a subscription; how many deliveries';

CREATE FUNCTION @extschema@.send_test(subscription_id bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  test bigint;
BEGIN
  INSERT INTO @extschema@.dashboard_deliveries AS d
    (dashboard_artifact_id, test_of, subscriber_kind, target)
  SELECT s.dashboard_artifact_id, s.id, s.subscriber_kind, s.subscriber_id
    FROM @extschema@.dashboard_subscriptions s
   WHERE s.id = send_test.subscription_id AND s.subscriber_kind <> 'persona'
  RETURNING d.id INTO test;
  IF test IS NULL THEN
    IF EXISTS (SELECT FROM @extschema@.dashboard_subscriptions s
                WHERE s.id = send_test.subscription_id) THEN
      RAISE EXCEPTION 'a persona cannot be sent a test'
        USING ERRCODE = 'invalid_parameter_value',
              DETAIL = 'Personas are told by comments that the alerting transaction writes.';
    END IF;
    RAISE EXCEPTION 'subscription % does not exist', send_test.subscription_id
      USING ERRCODE = 'undefined_object';
  END IF;
  PERFORM @extschema@.wake_listeners();
  RETURN test;
END
$$;
COMMENT ON FUNCTION @extschema@.send_test(bigint) IS
'sends a message that says it is a test to a subscriber, whatever the state of the subscription; the id of the delivery';

CREATE VIEW @extschema@.dashboard_delivery_stats AS
  WITH queue AS (
    SELECT d.subscriber_kind, count(*) AS pending,
           count(*) FILTER (WHERE d.parked) AS parked,
           count(*) FILTER (WHERE d.next_attempt_at <= clock_timestamp()) AS due,
           min(d.next_attempt_at) FILTER (WHERE d.next_attempt_at <= clock_timestamp()
                                              AND isfinite(d.next_attempt_at))
             AS oldest_due
      FROM @extschema@.dashboard_deliveries d
     WHERE d.status = 'pending'
     GROUP BY d.subscriber_kind
  ), failures AS (
    SELECT r.subscriber_kind, sum(r.n) AS failures, jsonb_object_agg(r.reason, r.n) AS reasons
      FROM (SELECT d.subscriber_kind, coalesce(t.error, t.outcome) AS reason, count(*) AS n
              FROM @extschema@.dashboard_delivery_attempts t
              JOIN @extschema@.dashboard_deliveries d
                ON d.dashboard_artifact_id = t.dashboard_artifact_id AND d.id = t.delivery_id
             WHERE t.attempted_at > clock_timestamp() - interval '1 hour'
               AND t.outcome <> 'delivered'
             GROUP BY 1, 2) r
     GROUP BY r.subscriber_kind
  ), work AS (
    SELECT count(*) FILTER (WHERE l.seen_at > clock_timestamp() - interval '20 s'
                              AND l.worker <> '(ended)') AS listeners,
           sum(l.delivered) AS delivered_total, sum(l.failed) AS failed_total,
           sum(CASE WHEN clock_timestamp() < l.minute + interval '1 min' THEN l.last_minute
                    WHEN clock_timestamp() < l.minute + interval '2 min' THEN l.this_minute
                    ELSE 0 END) AS delivered_last_minute
      FROM @extschema@.dashboard_listeners l
  )
  SELECT k.subscriber_kind, coalesce(q.pending, 0) AS pending, coalesce(q.due, 0) AS due,
         coalesce(q.parked, 0) AS parked, clock_timestamp() - q.oldest_due AS oldest_due_for,
         coalesce(f.failures, 0)::bigint AS failures_last_hour,
         coalesce(f.reasons, '{}') AS failures_by_reason,
         w.listeners, coalesce(w.delivered_last_minute, 0)::bigint AS delivered_last_minute,
         coalesce(w.delivered_total, 0)::bigint AS delivered_total,
         coalesce(w.failed_total, 0)::bigint AS failed_total
    FROM unnest(ARRAY['webhook', 'email', 'slack', 'telegram']) AS k(subscriber_kind)
   CROSS JOIN work w
    LEFT JOIN queue q ON q.subscriber_kind = k.subscriber_kind
    LEFT JOIN failures f ON f.subscriber_kind = k.subscriber_kind;
COMMENT ON VIEW @extschema@.dashboard_delivery_stats IS
'for monitoring, over all owners: the queue by kind, failures of the last hour by reason, and, the same in every row, what all listeners did';
COMMENT ON COLUMN @extschema@.dashboard_delivery_stats.due IS 'pending ones whose time has come';
COMMENT ON COLUMN @extschema@.dashboard_delivery_stats.parked IS
'due ones that wait for a slow or broken endpoint';
COMMENT ON COLUMN @extschema@.dashboard_delivery_stats.listeners IS
'listeners seen within 20 s; an idle one shows itself once a poll';
COMMENT ON COLUMN @extschema@.dashboard_delivery_stats.delivered_last_minute IS
'deliveries of the last full minute that was counted';

CREATE FUNCTION @extschema@.prune_deliveries(keep interval, max_rows integer DEFAULT 100000)
RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  before timestamptz := clock_timestamp() - keep;
  pruned bigint;
  more bigint;
BEGIN
  IF keep < '0' OR max_rows < 1 THEN
    RAISE EXCEPTION 'keep must not be negative and max_rows must be at least 1'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  WITH old AS (
    SELECT a.dashboard_artifact_id, a.id
      FROM @extschema@.dashboard_alerts a
     WHERE a.created_at < before
       AND NOT EXISTS (SELECT FROM @extschema@.dashboard_deliveries d
                        WHERE d.dashboard_artifact_id = a.dashboard_artifact_id
                          AND d.alert_id = a.id
                          AND (d.status = 'pending' OR d.finished_at >= before))
     LIMIT max_rows
  ), gone AS (
    DELETE FROM @extschema@.dashboard_alerts a
     USING old
     WHERE a.dashboard_artifact_id = old.dashboard_artifact_id AND a.id = old.id
    RETURNING 1
  )
  SELECT count(*) INTO pruned FROM gone;

  WITH gone AS (
    DELETE FROM @extschema@.dashboard_deliveries d
     WHERE d.test_of IS NOT NULL AND d.status <> 'pending' AND d.finished_at < before
    RETURNING 1
  )
  SELECT count(*) INTO more FROM gone;
  pruned := pruned + more;

  WITH old AS (
    SELECT n.dashboard_artifact_id, n.id
      FROM @extschema@.validation_notices n
     WHERE n.created_at < before
       AND NOT EXISTS (SELECT FROM @extschema@.dashboard_deliveries d
                        WHERE d.dashboard_artifact_id = n.dashboard_artifact_id
                          AND d.notice_id = n.id
                          AND (d.status = 'pending' OR d.finished_at >= before))
     LIMIT max_rows
  ), gone AS (
    DELETE FROM @extschema@.validation_notices n
     USING old
     WHERE n.dashboard_artifact_id = old.dashboard_artifact_id AND n.id = old.id
    RETURNING 1
  )
  SELECT count(*) INTO more FROM gone;
  pruned := pruned + more;

  DELETE FROM @extschema@.dashboard_diffs f
   WHERE f.created_at < before
     AND NOT EXISTS (SELECT FROM @extschema@.dashboard_alerts a
                      WHERE a.dashboard_artifact_id = f.dashboard_artifact_id
                        AND a.snapshot_b = f.snapshot_b AND a.snapshot_a = f.snapshot_a)
     AND NOT EXISTS (SELECT FROM @extschema@.dashboard_pending_snapshots p
                      WHERE p.dashboard_artifact_id = f.dashboard_artifact_id);
  DELETE FROM @extschema@.dashboard_events e WHERE e.created_at < before;
  RETURN pruned;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.prune_deliveries(interval, integer) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.prune_deliveries(interval, integer) IS
'deletes alerts and notices that were made, and delivered or given up, longer than keep ago, with their deliveries and log; tests, diffs and events as old; at most max_rows alerts and as many notices at a time; the number of alerts, notices and tests deleted. Comments in threads stay';
