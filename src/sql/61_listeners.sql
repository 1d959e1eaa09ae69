-- The listeners at work, and what each of them has in its hands.

CREATE TABLE @extschema@.dashboard_listeners (
  worker text PRIMARY KEY,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  delivered bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  minute timestamptz NOT NULL DEFAULT clock_timestamp(),
  this_minute bigint NOT NULL DEFAULT 0,
  last_minute bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20);
COMMENT ON TABLE @extschema@.dashboard_listeners IS
'listeners, as long as they are heard of; the row (ended) sums up those that are not any more';
COMMENT ON COLUMN @extschema@.dashboard_listeners.seen_at IS
'its last sign of life: 20 s later what it holds is anybody''s again';
COMMENT ON COLUMN @extschema@.dashboard_listeners.delivered IS 'attempts that succeeded, in all';
COMMENT ON COLUMN @extschema@.dashboard_listeners.failed IS 'attempts that failed, in all';
COMMENT ON COLUMN @extschema@.dashboard_listeners.minute IS 'when the minute that is counted began';

-- One row a claim, not one row version a delivery: deliveries themselves are written only once an
-- outcome is known. A delivery is held in a certain attempt, so that a lease that outlives it does
-- not hold back the next one.
CREATE TABLE @extschema@.dashboard_leases (
  worker text NOT NULL REFERENCES @extschema@.dashboard_listeners ON DELETE CASCADE,
  id bigint GENERATED ALWAYS AS IDENTITY,
  dashboards text[] NOT NULL,
  deliveries bigint[] NOT NULL,
  attempts integer[] NOT NULL,
  PRIMARY KEY (worker, id)
) WITH (fillfactor = 50);
ALTER TABLE @extschema@.dashboard_leases
  ALTER COLUMN dashboards SET STORAGE EXTERNAL,
  ALTER COLUMN deliveries SET STORAGE EXTERNAL,
  ALTER COLUMN attempts SET STORAGE EXTERNAL;
COMMENT ON TABLE @extschema@.dashboard_leases IS
'what listeners have claimed: valid for as long as the listener is seen';
COMMENT ON COLUMN @extschema@.dashboard_leases.deliveries IS
'the deliveries'' ids, in the order of their dashboards';
COMMENT ON COLUMN @extschema@.dashboard_leases.attempts IS
'their attempts when they were claimed';

-- Whatever is granted, what others hold or when they were seen is nobody's to write.
ALTER TABLE @extschema@.dashboard_listeners ENABLE ROW LEVEL SECURITY;
ALTER TABLE @extschema@.dashboard_leases ENABLE ROW LEVEL SECURITY;
CREATE POLICY listeners_to_watch ON @extschema@.dashboard_listeners FOR SELECT TO pg_monitor
  USING (true);
CREATE POLICY leases_to_watch ON @extschema@.dashboard_leases FOR SELECT TO pg_monitor
  USING (true);

CREATE FUNCTION @extschema@.held_deliveries()
RETURNS TABLE (dashboard_id text, delivery_id bigint, attempts integer)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT h.dashboard_id, h.delivery_id, h.attempts
    FROM @extschema@.dashboard_leases l
   CROSS JOIN LATERAL unnest(l.dashboards, l.deliveries, l.attempts)
           AS h(dashboard_id, delivery_id, attempts)
   UNION ALL
  SELECT o.dashboard_artifact_id, o.delivery_id, o.attempts
    FROM @extschema@.dashboard_outcomes_put_off o;
END;
REVOKE ALL ON FUNCTION @extschema@.held_deliveries() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.held_deliveries() IS
'deliveries that listeners hold, and those whose outcome is known but not marked yet, as they were then';

-- The functions of this file and the next are SECURITY DEFINER because a listener serves the
-- subscriptions of every role, while its own role should hold no right on any table. Those that run
-- all the time are in PL/pgSQL, which keeps their plans; the plans are generic ones by indexes, since
-- they are made when the outbox is empty and used when it is full.

CREATE FUNCTION @extschema@.listener_seen(worker text) RETURNS SETOF text
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  behind interval;
  put_off record;
BEGIN
  SELECT w.successes, w.failures INTO put_off FROM @extschema@.work_off_outcomes() w;
  -- Nothing that could wait for somebody may happen from here on.
  PERFORM @extschema@.lock_work('leases'::text, true);
  PERFORM @extschema@.set_aside_timeless(1000);
  -- Somebody was seen in what is the future now: the server's clock was set back. What waits must
  -- not wait for that much longer.
  SELECT max(l.seen_at) - clock_timestamp() INTO behind
    FROM @extschema@.dashboard_listeners l WHERE l.worker <> '(ended)';
  IF behind > '1 s' THEN
    WITH later AS MATERIALIZED (
      SELECT d.dashboard_artifact_id, d.id
        FROM @extschema@.dashboard_deliveries d
       WHERE d.status = 'pending' AND d.next_attempt_at > clock_timestamp()
         FOR NO KEY UPDATE SKIP LOCKED
    ), moved AS (
      UPDATE @extschema@.dashboard_deliveries d
         SET next_attempt_at = greatest(d.next_attempt_at - behind, clock_timestamp())
        FROM later l
       WHERE d.dashboard_artifact_id = l.dashboard_artifact_id AND d.id = l.id
    )
    INSERT INTO @extschema@.dashboard_outcomes_put_off
      (dashboard_artifact_id, delivery_id, attempts, outcome, next_attempt_at, known_at, tried_at)
    SELECT d.dashboard_artifact_id, d.id, d.attempts, 'moved',
           greatest(d.next_attempt_at - behind, clock_timestamp()), clock_timestamp(),
           clock_timestamp()
      FROM @extschema@.dashboard_deliveries d
     WHERE d.status = 'pending' AND d.next_attempt_at > clock_timestamp()
       AND (d.dashboard_artifact_id, d.id)
           NOT IN (SELECT l.dashboard_artifact_id, l.id FROM later l)
    ON CONFLICT DO NOTHING;
    UPDATE @extschema@.dashboard_listeners l
       SET seen_at = clock_timestamp(), minute = least(l.minute, clock_timestamp());
  END IF;

  INSERT INTO @extschema@.dashboard_listeners AS l (worker, delivered, failed)
  VALUES (listener_seen.worker, put_off.successes, put_off.failures)
  ON CONFLICT (worker) DO UPDATE
    SET seen_at = clock_timestamp(), delivered = l.delivered + EXCLUDED.delivered,
        failed = l.failed + EXCLUDED.failed;

  WITH ended AS (
    DELETE FROM @extschema@.dashboard_listeners l
     WHERE l.seen_at < clock_timestamp() - interval '1 hour' AND l.worker <> '(ended)'
    RETURNING l.delivered, l.failed
  )
  INSERT INTO @extschema@.dashboard_listeners AS l (worker, delivered, failed)
  SELECT '(ended)', sum(e.delivered), sum(e.failed) FROM ended e HAVING count(*) > 0
  ON CONFLICT (worker) DO UPDATE
    SET delivered = l.delivered + EXCLUDED.delivered, failed = l.failed + EXCLUDED.failed;

  RETURN QUERY SELECT DISTINCT h.worker FROM @extschema@.dashboard_leases h
                WHERE h.worker <> listener_seen.worker;
END
$$;
COMMENT ON FUNCTION @extschema@.listener_seen(text) IS
'for listeners: a sign of life, at least every 5 s while anything is held; the other workers that hold something. Notices that the server''s clock was set back, and marks what was put off';
REVOKE ALL ON FUNCTION @extschema@.listener_seen(text) FROM PUBLIC;

CREATE FUNCTION @extschema@.release_deliveries(worker text, kept bigint[] DEFAULT '{}')
RETURNS integer
LANGUAGE sql VOLATILE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH released AS (
    DELETE FROM @extschema@.dashboard_leases l
     WHERE l.worker = release_deliveries.worker AND l.id <> ALL (release_deliveries.kept)
    RETURNING cardinality(l.deliveries) AS deliveries
  )
  SELECT coalesce(sum(deliveries), 0)::integer FROM released;
END;
COMMENT ON FUNCTION @extschema@.release_deliveries(text, bigint[]) IS
'for listeners: gives back all that the worker claimed but for the leases that are kept, be it its own or that of one that is known to be gone';
REVOKE ALL ON FUNCTION @extschema@.release_deliveries(text, bigint[]) FROM PUBLIC;
