-- What is due now, done by whoever calls.

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
  deadline timestamptz := coalesce(clock_timestamp() + time_limit, 'infinity');
  done bigint;
BEGIN
  PERFORM @extschema@.plan_validations(time);
  done := @extschema@.run_due_snapshots(time, deadline, max_items);
  done := done + @extschema@.run_due_validations(time, deadline, (max_items - done)::integer);
  PERFORM @extschema@.route_health_notices(time);
  RETURN done;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.run_due_work(timestamptz, interval, integer) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.run_due_work(timestamptz, interval, integer) IS
'does what is due: snapshots of dashboards with a snapshot_policy, planned checks, notices of what they found; safe to call from several places at once, each thing is done once; the number of snapshots and checks done. at: the time to take for now (for tests; default the clock''s)';
