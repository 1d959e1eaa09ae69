-- How listeners work the outbox off. A delivery is claimed by a lease in one committed statement;
-- whoever holds the lease sends, then marks the outcome.

CREATE FUNCTION @extschema@.delivery_retry_delay(attempts integer) RETURNS interval
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN (ARRAY['5 s', '5 min', '30 min', '2 h', '5 h', '10 h', '14 h', '20 h', '24 h']
        ::interval[])[attempts];
COMMENT ON FUNCTION @extschema@.delivery_retry_delay(integer) IS
'the wait after so many failed attempts, before jitter (the schedule of Standard Webhooks); null after the last one';

-- Claims take turns by a lock of their own, so that what one leases the next one sees; no row is
-- locked, and so none is waited for.
CREATE FUNCTION @extschema@.claim_deliveries(
  worker text,
  kinds text[],
  max_rows integer,
  reach interval DEFAULT NULL,
  parked_kinds text[] DEFAULT '{}',
  parked_targets text[] DEFAULT '{}',
  parked_rows integer[] DEFAULT '{}'
) RETURNS TABLE (
  lease bigint,
  dashboard_id text,
  dashboard_title text,
  delivery_id bigint,
  alert_id bigint,
  subscription_id bigint,
  subscriber_kind text,
  target text,
  notification_config_id bigint,
  attempt integer,
  parked boolean,
  secret_version integer,
  previous_secret_version integer,
  created_at timestamptz,
  due_for interval,
  snapshot_a bigint,
  snapshot_b bigint,
  diff jsonb,
  explanation jsonb,
  summary text,
  notice jsonb
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  time timestamptz;
  since timestamptz;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'claim_deliveries() must run in a read committed transaction'
      USING ERRCODE = 'invalid_transaction_state',
            DETAIL = 'It would not see what was leased while it waited for its turn.';
  END IF;
  PERFORM @extschema@.lock_work('leases');
  time := clock_timestamp();
  since := coalesce(time - claim_deliveries.reach, '-infinity');
  INSERT INTO @extschema@.dashboard_listeners (worker) VALUES (claim_deliveries.worker)
  ON CONFLICT DO NOTHING;
  DELETE FROM @extschema@.dashboard_leases l
   USING @extschema@.dashboard_listeners w
   WHERE w.worker = l.worker AND w.seen_at < time - interval '20 s';

  RETURN QUERY
  WITH due AS MATERIALIZED (
    SELECT d.dashboard_artifact_id, d.id, d.alert_id, d.test_of, d.notice_id,
           d.subscriber_kind, d.target, d.attempts, d.parked, d.next_attempt_at
      FROM unnest(claim_deliveries.parked_kinds, claim_deliveries.parked_targets,
                  claim_deliveries.parked_rows) AS endpoint(kind, target, max_rows)
     CROSS JOIN LATERAL (
       SELECT p.*
         FROM @extschema@.dashboard_deliveries p
        WHERE p.status = 'pending' AND p.parked
          AND p.subscriber_kind = endpoint.kind AND p.target = endpoint.target
          AND p.next_attempt_at <= time
          AND p.id * 16 + p.attempts NOT IN (SELECT @extschema@.held_deliveries())
        ORDER BY p.next_attempt_at
        LIMIT endpoint.max_rows) d
     UNION ALL
    (SELECT d.dashboard_artifact_id, d.id, d.alert_id, d.test_of, d.notice_id,
            d.subscriber_kind, d.target, d.attempts, d.parked, d.next_attempt_at
       FROM @extschema@.dashboard_deliveries d
      WHERE d.status = 'pending' AND NOT d.parked
        AND d.next_attempt_at BETWEEN since AND time
        AND d.subscriber_kind = ANY (claim_deliveries.kinds)
        AND d.id * 16 + d.attempts NOT IN (SELECT @extschema@.held_deliveries())
      ORDER BY d.next_attempt_at
      LIMIT claim_deliveries.max_rows)
  ), lease AS (
    INSERT INTO @extschema@.dashboard_leases AS l (worker, held)
    SELECT claim_deliveries.worker, array_agg(d.id * 16 + d.attempts) FROM due d
    HAVING count(*) > 0
    RETURNING l.id
  ), told AS (
    SELECT due.*, a.created_at AS alerted_at, a.snapshot_a, a.snapshot_b, a.finding,
           s.id AS to_subscription, s.secret_version, s.previous_secret_until,
           s.notification_config_id,
           lag(due.dashboard_artifact_id) OVER w = due.dashboard_artifact_id
             AND lag(a.snapshot_a) OVER w = a.snapshot_a
             AND lag(a.snapshot_b) OVER w = a.snapshot_b AS same_pair,
           lag(a.finding) OVER w = a.finding AS same_rule
      FROM due
      -- With a limit, so that each is looked up by its key whatever the planner believes of "due".
      LEFT JOIN LATERAL (
        SELECT * FROM @extschema@.dashboard_alerts x
         WHERE x.dashboard_artifact_id = due.dashboard_artifact_id AND x.id = due.alert_id
         LIMIT 1) a ON true
      LEFT JOIN LATERAL (
        SELECT * FROM @extschema@.dashboard_subscriptions x
         WHERE x.dashboard_artifact_id = due.dashboard_artifact_id
           AND x.id = coalesce(a.subscription_id, due.test_of)
         LIMIT 1) s ON true
    -- Those who are told the same of the same come one after the other.
    WINDOW w AS (ORDER BY due.dashboard_artifact_id, a.snapshot_b, a.snapshot_a, a.finding,
                          due.next_attempt_at)
  )
  SELECT lease.id, t.dashboard_artifact_id, b.title, t.id, t.alert_id, t.to_subscription,
         t.subscriber_kind, t.target, t.notification_config_id, t.attempts + 1, t.parked,
         coalesce(t.secret_version, 1),
         CASE WHEN t.previous_secret_until > time THEN t.secret_version - 1 END,
         coalesce(t.alerted_at, n.created_at, time), time - t.next_attempt_at, t.snapshot_a,
         t.snapshot_b,
         CASE WHEN t.same_pair IS NOT TRUE THEN
           (SELECT coalesce(f.excerpt, f.diff) FROM @extschema@.dashboard_diffs f
             WHERE f.dashboard_artifact_id = t.dashboard_artifact_id
               AND f.snapshot_b = t.snapshot_b AND f.snapshot_a = t.snapshot_a)
         END,
         words.explanation,
         CASE WHEN t.alert_id IS NOT NULL THEN words.summary
              WHEN t.notice_id IS NOT NULL THEN n.summary
              ELSE 'This is a test of subscription ' || t.to_subscription || '.' END,
         n.notice
    FROM told t
   CROSS JOIN lease
    LEFT JOIN LATERAL (
     SELECT x.title FROM @extschema@.dashboards x WHERE x.id = t.dashboard_artifact_id
      LIMIT 1) b ON true
    LEFT JOIN LATERAL (
     SELECT x.created_at, x.summary,
            jsonb_build_object('policy_id', x.policy_id, 'policy', x.policy_name,
                               'window_date', x.window_date, 'title', x.title,
                               'entries', x.entries, 'more', x.more) AS notice
       FROM @extschema@.validation_notices x
      WHERE x.dashboard_artifact_id = t.dashboard_artifact_id AND x.id = t.notice_id
      LIMIT 1) n ON true
    LEFT JOIN LATERAL (
     SELECT x.explanation, x.summary FROM @extschema@.dashboard_alerts x
      WHERE x.dashboard_artifact_id = t.dashboard_artifact_id AND x.id = t.alert_id
        AND (t.same_pair AND t.same_rule) IS NOT TRUE
      LIMIT 1) words ON true;
END
$$;
COMMENT ON FUNCTION @extschema@.claim_deliveries(text, text[], integer, interval, text[], text[], integer[]) IS
'for listeners, each time in a transaction of its own: leases due deliveries of the given kinds, oldest first (those that became due within "reach", if given), and of each given endpoint so many of those that are parked. In no order; a diff, an explanation and a summary are null where they are those of the row before; notice: what there is to tell of dashboards'' health, for a policy instead of a subscription';
REVOKE ALL ON FUNCTION
  @extschema@.claim_deliveries(text, text[], integer, interval, text[], text[], integer[]) FROM PUBLIC;

CREATE FUNCTION @extschema@.finish_deliveries(
  worker text,
  dashboard_ids text[],
  delivery_ids bigint[],
  attempts integer[],
  outcomes text[],
  errors text[],
  retry_after interval[],
  http_status integer[],
  durations integer[],
  ended_leases bigint[]
) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  time timestamptz := clock_timestamp();
  successes integer;
  failures integer := 0;
  gone_dashboards text[];
  gone_deliveries bigint[];
  gone_reasons text[];
BEGIN
  -- A success is one whatever was marked in the meantime.
  UPDATE @extschema@.dashboard_deliveries d
     SET status = 'delivered', attempts = o.attempt, http_status = o.http_status,
         duration_ms = o.duration, last_error = NULL, parked = false, finished_at = time
    FROM unnest(finish_deliveries.dashboard_ids, finish_deliveries.delivery_ids,
                finish_deliveries.attempts, finish_deliveries.outcomes,
                finish_deliveries.http_status, finish_deliveries.durations)
           AS o(dashboard_id, delivery_id, attempt, outcome, http_status, duration)
   WHERE d.dashboard_artifact_id = o.dashboard_id AND d.id = o.delivery_id
     AND d.status = 'pending' AND o.outcome = 'delivered';
  GET DIAGNOSTICS successes = ROW_COUNT;

  IF successes < cardinality(finish_deliveries.delivery_ids) THEN
    WITH finished AS (
      UPDATE @extschema@.dashboard_deliveries d
         SET attempts = o.attempt,
             status = CASE WHEN o.outcome = 'retry'
                                AND @extschema@.delivery_retry_delay(o.attempt) IS NOT NULL
                           THEN 'pending' ELSE 'dead' END,
             next_attempt_at = CASE WHEN o.outcome = 'retry' THEN coalesce(
               time + greatest(
                 @extschema@.delivery_retry_delay(o.attempt) * (0.9 + 0.2 * random()),
                 o.retry_after),
               d.next_attempt_at) ELSE d.next_attempt_at END,
             finished_at = CASE WHEN o.outcome = 'retry'
                                     AND @extschema@.delivery_retry_delay(o.attempt) IS NOT NULL
                                THEN NULL ELSE time END,
             last_error = o.error, http_status = o.http_status, duration_ms = o.duration,
             parked = false
        FROM unnest(finish_deliveries.dashboard_ids, finish_deliveries.delivery_ids,
                    finish_deliveries.attempts, finish_deliveries.outcomes,
                    finish_deliveries.errors, finish_deliveries.retry_after,
                    finish_deliveries.http_status, finish_deliveries.durations)
               AS o(dashboard_id, delivery_id, attempt, outcome, error, retry_after, http_status,
                    duration)
       WHERE d.dashboard_artifact_id = o.dashboard_id AND d.id = o.delivery_id
         AND d.status = 'pending' AND d.attempts = o.attempt - 1
         AND o.outcome IN ('retry', 'refused', 'gone')
      RETURNING d.dashboard_artifact_id, d.id, d.attempts, o.outcome, d.http_status,
                d.duration_ms, d.last_error
    ), logged AS (
      INSERT INTO @extschema@.dashboard_delivery_attempts AS t
        (dashboard_artifact_id, delivery_id, attempt, attempted_at, outcome, http_status,
         duration_ms, error)
      SELECT f.dashboard_artifact_id, f.id, f.attempts,
             time - coalesce(f.duration_ms, 0) * interval '1 ms', f.outcome, f.http_status,
             f.duration_ms, f.last_error
        FROM finished f
      RETURNING t.dashboard_artifact_id, t.delivery_id, t.outcome, t.error
    )
    SELECT count(*), array_agg(l.dashboard_artifact_id) FILTER (WHERE l.outcome = 'gone'),
           array_agg(l.delivery_id) FILTER (WHERE l.outcome = 'gone'),
           array_agg(l.error) FILTER (WHERE l.outcome = 'gone')
      INTO failures, gone_dashboards, gone_deliveries, gone_reasons
      FROM logged l;
    IF gone_deliveries IS NOT NULL THEN
      PERFORM @extschema@.switch_off_subscriptions(gone_dashboards, gone_deliveries, gone_reasons);
      PERFORM @extschema@.report_gone_recipients(gone_dashboards, gone_deliveries, gone_reasons);
    END IF;
  END IF;

  DELETE FROM @extschema@.dashboard_leases l
   WHERE l.worker = finish_deliveries.worker AND l.id = ANY (finish_deliveries.ended_leases);
  -- By a time in the future listener_seen() knows that the clock was set back: it stays.
  UPDATE @extschema@.dashboard_listeners l
     SET seen_at = greatest(l.seen_at, time),
         delivered = l.delivered + successes,
         failed = l.failed + failures,
         minute = CASE WHEN time < l.minute + interval '1 min' THEN l.minute ELSE time END,
         last_minute = CASE WHEN time < l.minute + interval '1 min' THEN l.last_minute
                            WHEN time < l.minute + interval '2 min' THEN l.this_minute
                            ELSE 0 END,
         this_minute = CASE WHEN time < l.minute + interval '1 min' THEN l.this_minute ELSE 0 END
                       + successes
   WHERE l.worker = finish_deliveries.worker;
  RETURN successes + failures;
END
$$;
COMMENT ON FUNCTION @extschema@.finish_deliveries(text, text[], bigint[], integer[], text[], text[], interval[], integer[], integer[], bigint[]) IS
'for listeners: marks the outcomes (delivered, retry, refused or gone) of attempts and ends leases; the server decides when to retry and when to give up; refused is given up at once, and gone switches the subscription off, if it was for one; the number marked';
REVOKE ALL ON FUNCTION
  @extschema@.finish_deliveries(text, text[], bigint[], integer[], text[], text[], interval[], integer[], integer[], bigint[])
  FROM PUBLIC;

CREATE FUNCTION @extschema@.park_deliveries(
  worker text,
  dashboard_ids text[],
  delivery_ids bigint[],
  ended_leases bigint[]
) RETURNS integer
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  n integer;
BEGIN
  UPDATE @extschema@.dashboard_deliveries d
     SET parked = true
    FROM unnest(park_deliveries.dashboard_ids, park_deliveries.delivery_ids)
           AS o(dashboard_id, delivery_id)
   WHERE d.dashboard_artifact_id = o.dashboard_id AND d.id = o.delivery_id
     AND d.status = 'pending' AND NOT d.parked;
  GET DIAGNOSTICS n = ROW_COUNT;
  DELETE FROM @extschema@.dashboard_leases l
   WHERE l.worker = park_deliveries.worker AND l.id = ANY (park_deliveries.ended_leases);
  -- Others of the same lease may be in flight for a while.
  UPDATE @extschema@.dashboard_leases l
     SET held = ARRAY(SELECT h.key FROM unnest(l.held) AS h(key)
                       WHERE h.key / 16 NOT IN (SELECT unnest(park_deliveries.delivery_ids)))
   WHERE l.worker = park_deliveries.worker;
  RETURN n;
END
$$;
COMMENT ON FUNCTION @extschema@.park_deliveries(text, text[], bigint[], bigint[]) IS
'for listeners: gives back deliveries that have to wait for their endpoint, and takes them out of the way of the others; ends leases; the number parked now';
REVOKE ALL ON FUNCTION @extschema@.park_deliveries(text, text[], bigint[], bigint[]) FROM PUBLIC;

CREATE FUNCTION @extschema@.parked_endpoints(
  kinds text[],
  after_kind text,
  after_target text,
  max_rows integer
) RETURNS TABLE (subscriber_kind text, target text)
LANGUAGE sql STABLE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
BEGIN ATOMIC
  -- From endpoint to endpoint through the index: the cost follows them, not what is parked.
  WITH RECURSIVE step AS (
    (SELECT d.subscriber_kind, d.target
       FROM @extschema@.dashboard_deliveries d
      WHERE d.status = 'pending' AND d.parked
        AND (d.subscriber_kind, d.target)
            > (parked_endpoints.after_kind, parked_endpoints.after_target)
      ORDER BY d.subscriber_kind, d.target
      LIMIT 1)
    UNION ALL
    SELECT next.*
      FROM step
     CROSS JOIN LATERAL (
       SELECT d.subscriber_kind, d.target
         FROM @extschema@.dashboard_deliveries d
        WHERE d.status = 'pending' AND d.parked
          AND (d.subscriber_kind, d.target) > (step.subscriber_kind, step.target)
        ORDER BY d.subscriber_kind, d.target
        LIMIT 1) next
  )
  SELECT step.subscriber_kind, step.target
    FROM step
   WHERE step.subscriber_kind = ANY (parked_endpoints.kinds)
   LIMIT parked_endpoints.max_rows;
END;
COMMENT ON FUNCTION @extschema@.parked_endpoints(text[], text, text, integer) IS
'for listeners: endpoints for which something is parked, in their order, after the given one';
REVOKE ALL ON FUNCTION @extschema@.parked_endpoints(text[], text, text, integer) FROM PUBLIC;

CREATE FUNCTION @extschema@.next_delivery_due(kinds text[], reach interval DEFAULT NULL)
RETURNS interval
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
BEGIN
  RETURN (
    SELECT d.next_attempt_at - clock_timestamp()
      FROM @extschema@.dashboard_deliveries d
     WHERE d.status = 'pending' AND NOT d.parked
       AND d.next_attempt_at
           >= coalesce(clock_timestamp() - next_delivery_due.reach, '-infinity')
       AND d.subscriber_kind = ANY (next_delivery_due.kinds)
       AND d.id * 16 + d.attempts NOT IN (SELECT @extschema@.held_deliveries())
     ORDER BY d.next_attempt_at
     LIMIT 1);
END
$$;
COMMENT ON FUNCTION @extschema@.next_delivery_due(text[], interval) IS
'for listeners: how long until the next delivery that nobody holds is due; null where there is none';
REVOKE ALL ON FUNCTION @extschema@.next_delivery_due(text[], interval) FROM PUBLIC;

CREATE FUNCTION @extschema@.webhook_secret_version(subscription_id bigint) RETURNS integer
LANGUAGE sql STABLE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT s.secret_version
    FROM @extschema@.dashboard_subscriptions s
   WHERE s.id = webhook_secret_version.subscription_id;
END;
COMMENT ON FUNCTION @extschema@.webhook_secret_version(bigint) IS
'for listeners: which version of a subscription''s signing key is in force; null where there is no such subscription';
REVOKE ALL ON FUNCTION @extschema@.webhook_secret_version(bigint) FROM PUBLIC;
