-- What comes of deliveries, as listeners tell it. A row that somebody else has locked is never
-- waited for: its outcome is put off, and the delivery is nobody's to send until it is marked.

CREATE FUNCTION @extschema@.lockable_places(
  given @extschema@.dashboard_outcomes_put_off[],
  places integer[]
) RETURNS integer[]
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
  dashboards text[];
  subscribed text[]; -- the dashboards of the subscriptions
  subscriptions bigint[];
  kept integer[];
BEGIN
  -- Events and comments refer to their dashboard.
  WITH locked AS MATERIALIZED (
    SELECT b.id FROM @extschema@.dashboards b
     WHERE b.id IN (SELECT o.dashboard_artifact_id FROM unnest(lockable_places.given) o
                     WHERE o.outcome IN ('gone', 'dead'))
       FOR KEY SHARE SKIP LOCKED)
  SELECT coalesce(array_agg(l.id), '{}') INTO dashboards FROM locked l;
  WITH named AS MATERIALIZED (
    SELECT o.dashboard_artifact_id, coalesce(a.subscription_id, d.test_of) AS id
      FROM unnest(lockable_places.given) o
      JOIN @extschema@.dashboard_deliveries d
        ON d.dashboard_artifact_id = o.dashboard_artifact_id AND d.id = o.delivery_id
      LEFT JOIN @extschema@.dashboard_alerts a
        ON a.dashboard_artifact_id = d.dashboard_artifact_id AND a.id = d.alert_id
     WHERE o.outcome = 'gone'
  ), locked AS MATERIALIZED (
    SELECT s.dashboard_artifact_id, s.id FROM @extschema@.dashboard_subscriptions s
     WHERE (s.dashboard_artifact_id, s.id)
           IN (SELECT n.dashboard_artifact_id, n.id FROM named n)
       FOR NO KEY UPDATE SKIP LOCKED)
  SELECT array_agg(l.dashboard_artifact_id), array_agg(l.id) INTO subscribed, subscriptions
    FROM locked l;
  SELECT coalesce(array_agg(o.place::integer), '{}') INTO kept
    FROM unnest(lockable_places.given) WITH ORDINALITY
           AS o(dashboard_artifact_id, delivery_id, attempts, outcome, error, next_attempt_at,
                http_status, duration_ms, known_at, tried_at, place)
    LEFT JOIN @extschema@.dashboard_deliveries d
      ON d.dashboard_artifact_id = o.dashboard_artifact_id AND d.id = o.delivery_id
    LEFT JOIN @extschema@.dashboard_alerts a
      ON a.dashboard_artifact_id = d.dashboard_artifact_id AND a.id = d.alert_id
   WHERE o.place = ANY (lockable_places.places)
     AND (o.outcome NOT IN ('gone', 'dead')
          OR ((o.dashboard_artifact_id = ANY (dashboards)
               OR NOT EXISTS (SELECT FROM @extschema@.dashboards b
                               WHERE b.id = o.dashboard_artifact_id))
              AND (o.outcome = 'dead' OR coalesce(a.subscription_id, d.test_of) IS NULL
                   OR (o.dashboard_artifact_id, coalesce(a.subscription_id, d.test_of))
                      IN (SELECT * FROM unnest(subscribed, subscriptions)))));
  RETURN kept;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.lockable_places(@extschema@.dashboard_outcomes_put_off[], integer[])
  FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.lockable_places(@extschema@.dashboard_outcomes_put_off[], integer[]) IS
'which of the outcomes at those places may be marked, given the other rows that have to be locked for some';

CREATE FUNCTION @extschema@.mark_outcomes(
  given @extschema@.dashboard_outcomes_put_off[],
  OUT successes integer,
  OUT failures integer
)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  places integer[];
  is_said boolean;
  is_all boolean;
  gone_dashboards text[];
  gone_deliveries bigint[];
  gone_reasons text[];
BEGIN
  -- A success is one whatever was marked in the meantime.
  WITH locked AS MATERIALIZED (
    SELECT o.place, o.outcome
      FROM unnest(mark_outcomes.given) WITH ORDINALITY
             AS o(dashboard_artifact_id, delivery_id, attempts, outcome, error, next_attempt_at,
                  http_status, duration_ms, known_at, tried_at, place)
      JOIN @extschema@.dashboard_deliveries d
        ON d.dashboard_artifact_id = o.dashboard_artifact_id AND d.id = o.delivery_id
     WHERE d.status = 'pending' AND (o.outcome = 'delivered' OR d.attempts = o.attempts)
       FOR NO KEY UPDATE OF d SKIP LOCKED)
  SELECT coalesce(array_agg(l.place::integer), '{}'),
         coalesce(bool_or(l.outcome IN ('gone', 'dead')), false)
    INTO places, is_said
    FROM locked l;
  IF is_said THEN
    places := @extschema@.lockable_places(mark_outcomes.given, places);
  END IF;
  is_all := cardinality(places) = cardinality(mark_outcomes.given);
  IF NOT is_all THEN
    INSERT INTO @extschema@.dashboard_outcomes_put_off AS p
    SELECT o.dashboard_artifact_id, o.delivery_id, d.attempts, o.outcome, o.error,
           o.next_attempt_at, o.http_status, o.duration_ms, o.known_at, clock_timestamp()
      FROM unnest(mark_outcomes.given) WITH ORDINALITY
             AS o(dashboard_artifact_id, delivery_id, attempts, outcome, error, next_attempt_at,
                  http_status, duration_ms, known_at, tried_at, place)
      JOIN @extschema@.dashboard_deliveries d
        ON d.dashboard_artifact_id = o.dashboard_artifact_id AND d.id = o.delivery_id
     WHERE o.place <> ALL (places)
       AND d.status = 'pending' AND (o.outcome = 'delivered' OR d.attempts = o.attempts)
       AND NOT (o.outcome = 'parked' AND d.parked)
    ON CONFLICT (dashboard_artifact_id, delivery_id, attempts) DO UPDATE
      SET outcome = EXCLUDED.outcome, error = NULL, next_attempt_at = NULL,
          http_status = EXCLUDED.http_status, duration_ms = EXCLUDED.duration_ms,
          known_at = EXCLUDED.known_at, tried_at = EXCLUDED.tried_at
      WHERE EXCLUDED.outcome = 'delivered';
  END IF;

  UPDATE @extschema@.dashboard_deliveries d
     SET status = 'delivered', attempts = o.attempts + 1, http_status = o.http_status,
         duration_ms = o.duration_ms, last_error = NULL, parked = false, finished_at = o.known_at
    FROM unnest(mark_outcomes.given) WITH ORDINALITY
           AS o(dashboard_artifact_id, delivery_id, attempts, outcome, error, next_attempt_at,
                http_status, duration_ms, known_at, tried_at, place)
   WHERE d.dashboard_artifact_id = o.dashboard_artifact_id AND d.id = o.delivery_id
     AND d.status = 'pending' AND o.outcome = 'delivered' AND (is_all OR o.place = ANY (places));
  GET DIAGNOSTICS successes = ROW_COUNT;
  failures := 0;
  IF successes = cardinality(mark_outcomes.given) THEN
    RETURN;
  END IF;

  -- Neither is an attempt.
  UPDATE @extschema@.dashboard_deliveries d
     SET parked = (o.outcome = 'parked'),
         next_attempt_at = CASE o.outcome WHEN 'moved' THEN o.next_attempt_at
                                          ELSE d.next_attempt_at END
    FROM unnest(mark_outcomes.given) WITH ORDINALITY
           AS o(dashboard_artifact_id, delivery_id, attempts, outcome, error, next_attempt_at,
                http_status, duration_ms, known_at, tried_at, place)
   WHERE d.dashboard_artifact_id = o.dashboard_artifact_id AND d.id = o.delivery_id
     AND d.status = 'pending' AND d.attempts = o.attempts AND (is_all OR o.place = ANY (places))
     AND (o.outcome = 'moved' OR (o.outcome = 'parked' AND NOT d.parked));

  WITH finished AS (
    UPDATE @extschema@.dashboard_deliveries d
       SET attempts = CASE o.outcome WHEN 'dead' THEN d.attempts ELSE o.attempts + 1 END,
           status = CASE WHEN o.next_attempt_at IS NULL THEN 'dead' ELSE 'pending' END,
           next_attempt_at = coalesce(o.next_attempt_at, d.next_attempt_at),
           finished_at = CASE WHEN o.next_attempt_at IS NULL THEN o.known_at END,
           last_error = o.error, http_status = o.http_status, duration_ms = o.duration_ms,
           parked = false
      FROM unnest(mark_outcomes.given) WITH ORDINALITY
             AS o(dashboard_artifact_id, delivery_id, attempts, outcome, error, next_attempt_at,
                  http_status, duration_ms, known_at, tried_at, place)
     WHERE d.dashboard_artifact_id = o.dashboard_artifact_id AND d.id = o.delivery_id
       AND d.status = 'pending' AND d.attempts = o.attempts AND (is_all OR o.place = ANY (places))
       AND o.outcome IN ('retry', 'refused', 'gone', 'dead')
    RETURNING d.dashboard_artifact_id, d.id, d.attempts, o.outcome, d.http_status,
              d.duration_ms, d.last_error, o.known_at
  ), logged AS (
    INSERT INTO @extschema@.dashboard_delivery_attempts AS t
      (dashboard_artifact_id, delivery_id, attempt, attempted_at, outcome, http_status,
       duration_ms, error)
    SELECT f.dashboard_artifact_id, f.id, f.attempts,
           f.known_at - coalesce(f.duration_ms, 0) * interval '1 ms', f.outcome, f.http_status,
           f.duration_ms, f.last_error
      FROM finished f
     WHERE f.outcome <> 'dead'
  ), given_up AS (
    INSERT INTO @extschema@.dashboard_events (dashboard_artifact_id, event_type, message)
    SELECT f.dashboard_artifact_id, 'delivery_dead',
           format(CASE count(*) WHEN 1 THEN 'Delivery %1$s was given up: %3$s.'
                                ELSE 'Delivery %1$s and %2$s more were given up: %3$s.' END,
                  min(f.id), count(*) - 1, f.last_error)
      FROM finished f
      -- A notice outlives its dashboard.
      JOIN @extschema@.dashboards b ON b.id = f.dashboard_artifact_id
     WHERE f.outcome = 'dead'
     GROUP BY f.dashboard_artifact_id, f.last_error
  )
  SELECT count(*) FILTER (WHERE f.outcome <> 'dead'),
         array_agg(f.dashboard_artifact_id) FILTER (WHERE f.outcome = 'gone'),
         array_agg(f.id) FILTER (WHERE f.outcome = 'gone'),
         array_agg(f.last_error) FILTER (WHERE f.outcome = 'gone')
    INTO failures, gone_dashboards, gone_deliveries, gone_reasons
    FROM finished f;
  IF gone_deliveries IS NOT NULL THEN
    PERFORM @extschema@.switch_off_subscriptions(gone_dashboards, gone_deliveries, gone_reasons);
    PERFORM @extschema@.report_gone_recipients(gone_dashboards, gone_deliveries, gone_reasons);
  END IF;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.mark_outcomes(@extschema@.dashboard_outcomes_put_off[]) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.mark_outcomes(@extschema@.dashboard_outcomes_put_off[]) IS
'marks outcomes, and puts off those that would have to wait for somebody else''s lock; how many attempts it marked';

CREATE FUNCTION @extschema@.work_off_outcomes(OUT successes integer, OUT failures integer)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
#variable_conflict use_column
DECLARE
  taken @extschema@.dashboard_outcomes_put_off[];
BEGIN
  successes := 0;
  failures := 0;
  -- Nearly always there is none.
  PERFORM FROM @extschema@.dashboard_outcomes_put_off p
    WHERE p.tried_at NOT BETWEEN clock_timestamp() - interval '2 s' AND clock_timestamp() LIMIT 1;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  WITH due AS MATERIALIZED (
    SELECT p.dashboard_artifact_id, p.delivery_id, p.attempts
      FROM @extschema@.dashboard_outcomes_put_off p
     WHERE p.tried_at NOT BETWEEN clock_timestamp() - interval '2 s' AND clock_timestamp()
     ORDER BY p.tried_at
     LIMIT 1000
       FOR UPDATE SKIP LOCKED
  ), gone AS (
    DELETE FROM @extschema@.dashboard_outcomes_put_off p
     USING due
     WHERE p.dashboard_artifact_id = due.dashboard_artifact_id
       AND p.delivery_id = due.delivery_id AND p.attempts = due.attempts
    RETURNING p
  )
  SELECT array_agg(g.p) INTO taken FROM gone g;
  IF taken IS NULL THEN
    RETURN;
  END IF;
  -- What still cannot be marked is put off again.
  SELECT m.successes, m.failures INTO successes, failures
    FROM @extschema@.mark_outcomes(taken) m;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.work_off_outcomes() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.work_off_outcomes() IS
'marks outcomes that were put off, as far as that is possible by now; how many attempts';

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
  patience CONSTANT text := '1ms';
  usual_patience CONSTANT text := current_setting('lock_timeout');
  told @extschema@.dashboard_outcomes_put_off[];
  marked record;
  put_off record;
  successes integer;
  failures integer := 0;
BEGIN
  -- Nearly always all are successes, and locked by nobody: all at once, without a look first. A
  -- success is one whatever was marked in the meantime.
  BEGIN
    PERFORM set_config('lock_timeout', patience, true);
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
    PERFORM set_config('lock_timeout', usual_patience, true);
  EXCEPTION WHEN lock_not_available THEN
    successes := 0;
  END;
  IF successes < cardinality(finish_deliveries.delivery_ids) THEN
    SELECT coalesce(array_agg(
             ROW(o.dashboard_id, o.delivery_id, o.attempt - 1, o.outcome, o.error,
                 CASE WHEN o.outcome = 'retry'
                           AND @extschema@.delivery_retry_delay(o.attempt) IS NOT NULL
                      THEN time + greatest(
                        @extschema@.delivery_retry_delay(o.attempt) * (0.9 + 0.2 * random()),
                        o.retry_after) END,
                 o.http_status, o.duration, time, time)::@extschema@.dashboard_outcomes_put_off), '{}')
      INTO told
      FROM unnest(finish_deliveries.dashboard_ids, finish_deliveries.delivery_ids,
                  finish_deliveries.attempts, finish_deliveries.outcomes,
                  finish_deliveries.errors, finish_deliveries.retry_after,
                  finish_deliveries.http_status, finish_deliveries.durations)
             AS o(dashboard_id, delivery_id, attempt, outcome, error, retry_after, http_status,
                  duration)
     WHERE o.outcome IN ('delivered', 'retry', 'refused', 'gone');
    SELECT m.successes, m.failures INTO marked FROM @extschema@.mark_outcomes(told) m;
    successes := successes + marked.successes;
    failures := marked.failures;
  END IF;

  SELECT w.successes, w.failures INTO put_off FROM @extschema@.work_off_outcomes() w;
  DELETE FROM @extschema@.dashboard_leases l
   WHERE l.worker = finish_deliveries.worker AND l.id = ANY (finish_deliveries.ended_leases);
  -- By a time in the future listener_seen() knows that the clock was set back: it stays.
  UPDATE @extschema@.dashboard_listeners l
     SET seen_at = greatest(l.seen_at, time),
         delivered = l.delivered + successes + put_off.successes,
         failed = l.failed + failures + put_off.failures,
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
'for listeners: marks the outcomes (delivered, retry, refused or gone) of attempts and ends leases; the server decides when to retry and when to give up; refused is given up at once, and gone switches the subscription off, if it was for one; the number marked now: what somebody else has locked is marked later';
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
  told @extschema@.dashboard_outcomes_put_off[];
BEGIN
  SELECT coalesce(array_agg(
           ROW(d.dashboard_artifact_id, d.id, d.attempts, 'parked', NULL, NULL, NULL, NULL,
               clock_timestamp(), clock_timestamp())::@extschema@.dashboard_outcomes_put_off), '{}')
    INTO told
    FROM unnest(park_deliveries.dashboard_ids, park_deliveries.delivery_ids)
           AS o(dashboard_id, delivery_id)
    JOIN @extschema@.dashboard_deliveries d
      ON d.dashboard_artifact_id = o.dashboard_id AND d.id = o.delivery_id
   WHERE d.status = 'pending' AND NOT d.parked;
  PERFORM @extschema@.mark_outcomes(told);
  DELETE FROM @extschema@.dashboard_leases l
   WHERE l.worker = park_deliveries.worker AND l.id = ANY (park_deliveries.ended_leases);
  -- Others of the same lease may be in flight for a while.
  UPDATE @extschema@.dashboard_leases l
     SET (dashboards, deliveries, attempts) = (
           SELECT coalesce(array_agg(h.dashboard_id), '{}'), coalesce(array_agg(h.delivery_id), '{}'),
                  coalesce(array_agg(h.attempts), '{}')
             FROM unnest(l.dashboards, l.deliveries, l.attempts)
                    AS h(dashboard_id, delivery_id, attempts)
            WHERE (h.dashboard_id, h.delivery_id)
                  NOT IN (SELECT o.dashboard_id, o.delivery_id
                            FROM unnest(park_deliveries.dashboard_ids,
                                        park_deliveries.delivery_ids)
                                   AS o(dashboard_id, delivery_id)))
   WHERE l.worker = park_deliveries.worker;
  RETURN cardinality(told);
END
$$;
COMMENT ON FUNCTION @extschema@.park_deliveries(text, text[], bigint[], bigint[]) IS
'for listeners: gives back deliveries that have to wait for their endpoint, and takes them out of the way of the others; ends leases; the number parked now';
REVOKE ALL ON FUNCTION @extschema@.park_deliveries(text, text[], bigint[], bigint[]) FROM PUBLIC;
