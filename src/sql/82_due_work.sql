-- What is due now, done by whoever calls.

CREATE FUNCTION @extschema@.run_due_checks(
  at timestamptz, deadline timestamptz, max_items integer) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  piece CONSTANT integer := 100;
  -- Planning and telling are not to wait for ever for a call that has time left for them.
  until CONSTANT timestamptz := greatest(deadline, clock_timestamp() + interval '1 s');
  done integer;
BEGIN
  WHILE @extschema@.plan_windows(at, until, piece) AND clock_timestamp() < until LOOP
  END LOOP;
  PERFORM @extschema@.store_put_off_reports(NULL::bigint);
  done := @extschema@.run_due_validations(at, deadline, max_items);
  WHILE (SELECT r.is_more
           FROM @extschema@.route_windows(
                  at, greatest(deadline, clock_timestamp() + interval '1 s'), piece) r)
        AND clock_timestamp() < deadline LOOP
  END LOOP;
  RETURN done;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.run_due_checks(timestamptz, timestamptz, integer) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.run_due_checks(timestamptz, timestamptz, integer) IS
'plans checks, runs those that are due until the deadline, at most max_items (null: all), and tells what they found; how many it ran';

-- SECURITY DEFINER because the work is that of every owner, while the one who calls (a timer, a
-- scheduler's role) should hold no right on any table.
CREATE FUNCTION @extschema@.run_due_work(
  at timestamptz DEFAULT NULL,
  time_limit interval DEFAULT '50 s',
  max_items integer DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  time timestamptz := coalesce(at, clock_timestamp());
  deadline timestamptz := coalesce(clock_timestamp() + time_limit, 'infinity'::timestamptz);
  snapshots integer;
BEGIN
  IF NOT isfinite(time) OR max_items < 0 THEN
    RAISE EXCEPTION 'at must be finite and max_items must not be negative'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  snapshots := @extschema@.run_due_snapshots(time, deadline, max_items);
  RETURN snapshots + @extschema@.run_due_checks(time, deadline, max_items - snapshots);
END
$$;
REVOKE ALL ON FUNCTION @extschema@.run_due_work(timestamptz, interval, integer) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.run_due_work(timestamptz, interval, integer) IS
'does what is due: snapshots of dashboards with a snapshot_policy, planned checks, notices of what they found; safe to call from several places at once, each thing is done once; the number of snapshots and checks done. at: the time to take for now (for tests; default the clock''s); time_limit: nothing is begun after it (null: no limit); max_items: no more than so many (null: no limit)';

CREATE FUNCTION @extschema@.next_work_due(at timestamptz DEFAULT clock_timestamp())
RETURNS interval
LANGUAGE sql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT greatest(next.at - clock_timestamp(), '0')
    FROM (SELECT least((SELECT min(s.run_at) FROM @extschema@.dashboard_schedules s
                         WHERE s.run_at > next_work_due.at),
                       (SELECT min(t.scheduled_at) FROM @extschema@.validation_tasks t
                         WHERE (t.status = 'pending' OR t.status = 'claimed')
                           AND t.scheduled_at > next_work_due.at))) AS next(at)
   WHERE next.at IS NOT NULL;
END;
REVOKE ALL ON FUNCTION @extschema@.next_work_due(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.next_work_due(timestamptz) IS
'for callers of run_due_work(): how long until a snapshot or a check becomes due that was not at the given time, null where none is known; of windows that are still to be planned nothing is known';

CREATE FUNCTION @extschema@.allow_scheduler(role regrole) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @extschema@.allow_functions(role, ARRAY['run_due_work']::name[]);
END
$$;
REVOKE ALL ON FUNCTION @extschema@.allow_scheduler(regrole) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.allow_scheduler(regrole) IS
'grants a role what it needs to have due work done: EXECUTE on run_due_work(), no right on any table';
