-- Deliveries that cannot be read or never come: they are given up, and said to be, so that the others
-- do not wait for them.

CREATE FUNCTION @extschema@.set_aside_unreadable(
  worker text,
  kinds text[],
  max_rows integer,
  reach interval,
  parked_kinds text[],
  parked_targets text[],
  parked_rows integer[]
) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  time timestamptz;
  d record;
  unreadable @extschema@.dashboard_outcomes_put_off[] := '{}';
BEGIN
  PERFORM @extschema@.lock_work('leases'::text, true);
  time := clock_timestamp();
  FOR d IN
    SELECT x.dashboard_artifact_id, x.id, x.attempts
      FROM @extschema@.due_deliveries(
             set_aside_unreadable.kinds, least(set_aside_unreadable.max_rows, 2000),
             coalesce(time - set_aside_unreadable.reach, '-infinity'), time,
             set_aside_unreadable.parked_kinds, set_aside_unreadable.parked_targets,
             set_aside_unreadable.parked_rows) x
  LOOP
    BEGIN
      PERFORM octet_length(convert_to(t::text, 'UTF8'))
         FROM @extschema@.tell_deliveries(ARRAY[d.dashboard_artifact_id], ARRAY[d.id], time) t;
    EXCEPTION WHEN OTHERS THEN
      -- Not the row's fault: locks, resources, somebody's intervention.
      IF left(SQLSTATE, 2) IN ('08', '25', '40', '53', '55', '57', '58') THEN
        RAISE;
      END IF;
      unreadable := unreadable
        || ROW(d.dashboard_artifact_id, d.id, d.attempts, 'dead',
               format('it cannot be read: %s (SQLSTATE %s)',
                      @extschema@.sendable(SQLERRM, 200), SQLSTATE),
               NULL, NULL, NULL, time, time)::@extschema@.dashboard_outcomes_put_off;
    END;
  END LOOP;
  PERFORM @extschema@.mark_outcomes(unreadable);
  RETURN cardinality(unreadable);
END
$$;
REVOKE ALL ON FUNCTION
  @extschema@.set_aside_unreadable(text, text[], integer, interval, text[], text[], integer[])
  FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.set_aside_unreadable(text, text[], integer, interval, text[], text[], integer[]) IS
'for listeners, after claim_deliveries() failed with these arguments: gives up the deliveries that made it fail; how many';

CREATE FUNCTION @extschema@.set_aside_timeless(max_rows integer) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
  timeless @extschema@.dashboard_outcomes_put_off[];
BEGIN
  SELECT array_agg(ROW(d.dashboard_artifact_id, d.id, d.attempts, 'dead',
                       'its time never comes', NULL, NULL, NULL, clock_timestamp(),
                       clock_timestamp())::@extschema@.dashboard_outcomes_put_off)
    INTO timeless
    FROM (SELECT x.dashboard_artifact_id, x.id, x.attempts
            FROM @extschema@.dashboard_deliveries x
           WHERE x.status = 'pending' AND x.next_attempt_at = 'infinity'
             AND (x.dashboard_artifact_id, x.id, x.attempts)
                 NOT IN (SELECT h.dashboard_id, h.delivery_id, h.attempts
                           FROM @extschema@.held_deliveries() h)
           LIMIT set_aside_timeless.max_rows) d;
  IF timeless IS NOT NULL THEN
    PERFORM @extschema@.mark_outcomes(timeless);
  END IF;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.set_aside_timeless(integer) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.set_aside_timeless(integer) IS
'gives up deliveries that would wait forever';
