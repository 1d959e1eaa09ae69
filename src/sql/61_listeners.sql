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
  held bigint[] NOT NULL,
  PRIMARY KEY (worker, id)
) WITH (fillfactor = 50);
ALTER TABLE @extschema@.dashboard_leases ALTER COLUMN held SET STORAGE EXTERNAL;
COMMENT ON TABLE @extschema@.dashboard_leases IS
'what listeners have claimed: valid for as long as the listener is seen';
COMMENT ON COLUMN @extschema@.dashboard_leases.held IS
'16 times the delivery''s id, and its attempts when it was claimed';

CREATE FUNCTION @extschema@.held_deliveries() RETURNS SETOF bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT unnest(l.held) FROM @extschema@.dashboard_leases l;
END;
REVOKE ALL ON FUNCTION @extschema@.held_deliveries() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.held_deliveries() IS
'deliveries that listeners hold, as in dashboard_leases.held';

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
BEGIN
  PERFORM @extschema@.lock_work('leases');
  -- Somebody was seen in what is the future now: the server's clock was set back. What waits must
  -- not wait for that much longer.
  SELECT max(l.seen_at) - clock_timestamp() INTO behind
    FROM @extschema@.dashboard_listeners l WHERE l.worker <> '(ended)';
  IF behind > '1 s' THEN
    UPDATE @extschema@.dashboard_deliveries d
       SET next_attempt_at = greatest(d.next_attempt_at - behind, clock_timestamp())
     WHERE d.status = 'pending' AND d.next_attempt_at > clock_timestamp();
    UPDATE @extschema@.dashboard_listeners l
       SET seen_at = clock_timestamp(), minute = least(l.minute, clock_timestamp());
  END IF;

  INSERT INTO @extschema@.dashboard_listeners AS l (worker) VALUES (listener_seen.worker)
  ON CONFLICT (worker) DO UPDATE SET seen_at = clock_timestamp();

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
'for listeners: a sign of life, at least every 5 s while anything is held; the other workers that hold something. Notices that the server''s clock was set back';
REVOKE ALL ON FUNCTION @extschema@.listener_seen(text) FROM PUBLIC;

CREATE FUNCTION @extschema@.release_deliveries(worker text, kept bigint[] DEFAULT '{}')
RETURNS integer
LANGUAGE sql VOLATILE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH released AS (
    DELETE FROM @extschema@.dashboard_leases l
     WHERE l.worker = release_deliveries.worker AND l.id <> ALL (release_deliveries.kept)
    RETURNING cardinality(l.held) AS deliveries
  )
  SELECT coalesce(sum(deliveries), 0)::integer FROM released;
END;
COMMENT ON FUNCTION @extschema@.release_deliveries(text, bigint[]) IS
'for listeners: gives back all that the worker claimed but for the leases that are kept, be it its own or that of one that is known to be gone';
REVOKE ALL ON FUNCTION @extschema@.release_deliveries(text, bigint[]) FROM PUBLIC;
