-- How listeners work the outbox off. A delivery is claimed by a lease in one committed statement;
-- whoever holds the lease sends, then marks the outcome.

CREATE FUNCTION @extschema@.delivery_retry_delay(attempts integer) RETURNS interval
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN (ARRAY['5 s', '5 min', '30 min', '2 h', '5 h', '10 h', '14 h', '20 h', '24 h']
        ::interval[])[attempts];
COMMENT ON FUNCTION @extschema@.delivery_retry_delay(integer) IS
'the wait after so many failed attempts, before jitter (the schedule of Standard Webhooks); null after the last one';

-- Functions of the middle, which listeners do not call: what is due, and what there is to tell of it.
CREATE FUNCTION @extschema@.due_deliveries(
  kinds text[],
  max_rows integer,
  since timestamptz,
  "time" timestamptz,
  parked_kinds text[],
  parked_targets text[],
  parked_rows integer[]
) RETURNS SETOF @extschema@.dashboard_deliveries
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT d.*
    FROM unnest(due_deliveries.parked_kinds, due_deliveries.parked_targets,
                due_deliveries.parked_rows) AS endpoint(kind, target, max_rows)
   CROSS JOIN LATERAL (
     SELECT p.*
       FROM @extschema@.dashboard_deliveries p
      WHERE p.status = 'pending' AND p.parked
        AND p.subscriber_kind = endpoint.kind AND p.target = endpoint.target
        AND p.next_attempt_at <= due_deliveries."time"
        AND (p.dashboard_artifact_id, p.id, p.attempts)
            NOT IN (SELECT h.dashboard_id, h.delivery_id, h.attempts
                      FROM @extschema@.held_deliveries() h)
      ORDER BY p.next_attempt_at
      LIMIT endpoint.max_rows) d
   UNION ALL
  (SELECT d.*
     FROM @extschema@.dashboard_deliveries d
    WHERE d.status = 'pending' AND NOT d.parked
      AND d.next_attempt_at BETWEEN due_deliveries.since AND due_deliveries."time"
      AND d.subscriber_kind = ANY (due_deliveries.kinds)
      AND (d.dashboard_artifact_id, d.id, d.attempts)
          NOT IN (SELECT h.dashboard_id, h.delivery_id, h.attempts
                    FROM @extschema@.held_deliveries() h)
    ORDER BY d.next_attempt_at
    LIMIT due_deliveries.max_rows);
END
$$;
REVOKE ALL ON FUNCTION @extschema@.due_deliveries(text[], integer, timestamptz, timestamptz, text[], text[], integer[])
  FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.due_deliveries(text[], integer, timestamptz, timestamptz, text[], text[], integer[]) IS
'deliveries that are due and nobody holds: of the given kinds, oldest first, and of each given endpoint so many of those that are parked';

-- Computes nothing that a value in a row could make fail.
CREATE FUNCTION @extschema@.tell_deliveries(
  dashboard_ids text[],
  delivery_ids bigint[],
  "time" timestamptz
) RETURNS TABLE (
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
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH told AS (
    SELECT due.*, a.created_at AS alerted_at, a.snapshot_a, a.snapshot_b, a.finding,
           s.id AS to_subscription, s.secret_version, s.previous_secret_until,
           s.notification_config_id, s.owner,
           lag(due.dashboard_artifact_id) OVER w = due.dashboard_artifact_id
             AND lag(a.snapshot_a) OVER w = a.snapshot_a
             AND lag(a.snapshot_b) OVER w = a.snapshot_b AS same_pair,
           lag(a.finding) OVER w = a.finding AS same_rule
      FROM unnest(tell_deliveries.dashboard_ids, tell_deliveries.delivery_ids)
             AS given(dashboard_id, id)
      -- With a limit, so that each is looked up by its key whatever the planner believes.
     CROSS JOIN LATERAL (
        SELECT * FROM @extschema@.dashboard_deliveries x
         WHERE x.dashboard_artifact_id = given.dashboard_id AND x.id = given.id
         LIMIT 1) due
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
  SELECT t.dashboard_artifact_id, b.title, t.id, t.alert_id, t.to_subscription,
         t.subscriber_kind, t.target,
         CASE WHEN t.subscriber_kind <> 'webhook' THEN
           @extschema@.config_to_use(t.subscriber_kind, t.notification_config_id,
                                     coalesce(t.owner, n.owner))
         END,
         t.attempts + 1, t.parked, coalesce(t.secret_version, 1),
         CASE WHEN t.previous_secret_until > tell_deliveries."time" AND t.secret_version > 1
              THEN t.secret_version - 1 END,
         coalesce(t.alerted_at, n.created_at, tell_deliveries."time"),
         -- Infinite times have no distance.
         tell_deliveries."time"
           - greatest(t.next_attempt_at, tell_deliveries."time" - interval '10 years'),
         t.snapshot_a, t.snapshot_b,
         CASE WHEN t.same_pair IS NOT TRUE AND t.alert_id IS NOT NULL THEN
           coalesce((SELECT @extschema@.sendable(coalesce(f.excerpt, f.diff), 262144)
                       FROM @extschema@.dashboard_diffs f
                      WHERE f.dashboard_artifact_id = t.dashboard_artifact_id
                        AND f.snapshot_b = t.snapshot_b AND f.snapshot_a = t.snapshot_a), '{}')
         END,
         words.explanation,
         CASE WHEN t.alert_id IS NOT NULL THEN words.summary
              WHEN t.notice_id IS NOT NULL THEN n.summary
              ELSE 'This is a test of subscription ' || t.to_subscription || '.' END,
         n.notice
    FROM told t
    LEFT JOIN LATERAL (
     SELECT @extschema@.sendable(x.title, 200) AS title
       FROM @extschema@.dashboards x WHERE x.id = t.dashboard_artifact_id
      LIMIT 1) b ON true
    LEFT JOIN LATERAL (
     SELECT x.created_at, x.owner, @extschema@.sendable(x.summary, 2000) AS summary,
            jsonb_build_object('policy_id', x.policy_id,
                               'policy', @extschema@.sendable(x.policy_name, 200),
                               'window_date', x.window_date,
                               'title', @extschema@.sendable(x.title, 500),
                               'entries', coalesce(
                                 @extschema@.sendable(x.entries, 20000),
                                 @extschema@.sendable_entries(
                                   @extschema@.sendable(x.entries, 1000000)), '[]'),
                               'more', x.more) AS notice
       FROM @extschema@.validation_notices x
      WHERE x.dashboard_artifact_id = t.dashboard_artifact_id AND x.id = t.notice_id
      LIMIT 1) n ON true
    LEFT JOIN LATERAL (
     SELECT coalesce(@extschema@.sendable(x.explanation, 262144), '{}') AS explanation,
            @extschema@.sendable(x.summary, 2000) AS summary
       FROM @extschema@.dashboard_alerts x
      WHERE x.dashboard_artifact_id = t.dashboard_artifact_id AND x.id = t.alert_id
        AND (t.same_pair AND t.same_rule) IS NOT TRUE
      LIMIT 1) words ON true;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.tell_deliveries(text[], bigint[], timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.tell_deliveries(text[], bigint[], timestamptz) IS
'what listeners have to know of deliveries to send them, bounded. In no order; a diff, an explanation and a summary are null where they are those of the row before';

-- Claims take turns by a lock of their own, so that what one leases the next one sees; no row is
-- waited for.
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
AS $$
#variable_conflict use_column
DECLARE
  time timestamptz;
  dashboards text[];
  deliveries bigint[];
  attempts integer[];
  unfit @extschema@.dashboard_outcomes_put_off[];
  new_lease bigint;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'claim_deliveries() must run in a read committed transaction'
      USING ERRCODE = 'invalid_transaction_state',
            DETAIL = 'It would not see what was leased while it waited for its turn.';
  END IF;
  PERFORM @extschema@.lock_work('leases'::text, true);
  time := clock_timestamp();
  INSERT INTO @extschema@.dashboard_listeners (worker) VALUES (claim_deliveries.worker)
  ON CONFLICT DO NOTHING;
  DELETE FROM @extschema@.dashboard_leases l
   USING @extschema@.dashboard_listeners w
   WHERE w.worker = l.worker AND w.seen_at < time - interval '20 s';

  SELECT array_agg(d.dashboard_artifact_id) FILTER (WHERE d.unfit IS NULL),
         array_agg(d.id) FILTER (WHERE d.unfit IS NULL),
         array_agg(d.attempts) FILTER (WHERE d.unfit IS NULL),
         array_agg(ROW(d.dashboard_artifact_id, d.id, d.attempts, 'dead', d.unfit, NULL, NULL,
                       NULL, time, time)::@extschema@.dashboard_outcomes_put_off)
           FILTER (WHERE d.unfit IS NOT NULL)
    INTO dashboards, deliveries, attempts, unfit
    FROM (SELECT x.dashboard_artifact_id, x.id, x.attempts,
                 CASE WHEN x.attempts NOT BETWEEN 0 AND 1000000 THEN 'its attempts are out of range'
                      -- An outcome is told by the one, a message goes to the other: both as they
                      -- are or not at all.
                      WHEN @extschema@.sendable(x.dashboard_artifact_id, 10000)
                           <> x.dashboard_artifact_id
                      THEN 'its dashboard''s id cannot be converted to UTF-8'
                      WHEN @extschema@.sendable(x.target, 10000) <> x.target
                      THEN 'its target cannot be converted to UTF-8' END AS unfit
            FROM @extschema@.due_deliveries(
                   claim_deliveries.kinds, claim_deliveries.max_rows,
                   coalesce(time - claim_deliveries.reach, '-infinity'), time,
                   claim_deliveries.parked_kinds, claim_deliveries.parked_targets,
                   claim_deliveries.parked_rows) x) d;
  IF unfit IS NOT NULL THEN
    PERFORM @extschema@.mark_outcomes(unfit);
  END IF;
  IF deliveries IS NULL THEN
    RETURN;
  END IF;
  INSERT INTO @extschema@.dashboard_leases AS l (worker, dashboards, deliveries, attempts)
  VALUES (claim_deliveries.worker, dashboards, deliveries, attempts)
  RETURNING l.id INTO new_lease;
  RETURN QUERY
  SELECT new_lease, t.* FROM @extschema@.tell_deliveries(dashboards, deliveries, time) t;
END
$$;
COMMENT ON FUNCTION @extschema@.claim_deliveries(text, text[], integer, interval, text[], text[], integer[]) IS
'for listeners, each time in a transaction of its own: leases due deliveries of the given kinds, oldest first (those that became due within "reach", if given), and of each given endpoint so many of those that are parked. In no order; a diff, an explanation and a summary are null where they are those of the row before; notice: what there is to tell of dashboards'' health, for a policy instead of a subscription; notification_config_id: through what, null where there is none that the owner may use';
REVOKE ALL ON FUNCTION
  @extschema@.claim_deliveries(text, text[], integer, interval, text[], text[], integer[]) FROM PUBLIC;

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
     AND @extschema@.sendable(step.target, 10000) = step.target
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
    SELECT greatest(d.next_attempt_at, clock_timestamp() - interval '10 years')
           - clock_timestamp()
      FROM @extschema@.dashboard_deliveries d
     WHERE d.status = 'pending' AND NOT d.parked
       AND d.next_attempt_at
           >= coalesce(clock_timestamp() - next_delivery_due.reach, '-infinity')
       AND d.next_attempt_at < 'infinity'
       AND d.subscriber_kind = ANY (next_delivery_due.kinds)
       AND (d.dashboard_artifact_id, d.id, d.attempts)
           NOT IN (SELECT h.dashboard_id, h.delivery_id, h.attempts
                     FROM @extschema@.held_deliveries() h)
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
