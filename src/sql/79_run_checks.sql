-- Checks that the database does itself: those of dashboards that declare them.

CREATE FUNCTION @extschema@.store_check(
  dashboard_id text, task_id bigint, policy_id bigint, window_date date, environment_id text,
  result jsonb, at timestamptz) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  BEGIN
    IF @extschema@.lock_for_record(
         store_check.dashboard_id, store_check.policy_id, store_check.window_date,
         store_check.result ->> 'status') THEN
      INSERT INTO @extschema@.validation_records
        (dashboard_id, task_id, policy_id, environment_id, status, summary, issues, created_at)
      VALUES (store_check.dashboard_id, store_check.task_id, store_check.policy_id,
              store_check.environment_id, store_check.result ->> 'status',
              store_check.result ->> 'summary', store_check.result -> 'issues', store_check.at);
      UPDATE @extschema@.validation_tasks t
         SET status = 'done', finished_at = store_check.at
       WHERE t.dashboard_id = store_check.dashboard_id AND t.id = store_check.task_id;
      UPDATE @extschema@.validation_windows w
         SET routed_at = NULL
       WHERE w.policy_id = store_check.policy_id AND w.window_date = store_check.window_date
         AND w.routed_at IS NOT NULL;
      RETURN true;
    END IF;
  EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    NULL;
  END;
  UPDATE @extschema@.validation_tasks t
     SET held_at = clock_timestamp()
   WHERE t.dashboard_id = store_check.dashboard_id AND t.id = store_check.task_id;
  RETURN false;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.store_check(
  text, bigint, bigint, date, text, jsonb, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.store_check(
  text, bigint, bigint, date, text, jsonb, timestamptz) IS
'stores what a check found, and the task is done; false, and the task is put off, where somebody holds what that writes';

-- What is held is tried again every ten seconds in its turn, and whenever there is nothing else to
-- be done. The locks are asked for beforehand; a short wait is the net below that.
CREATE FUNCTION @extschema@.run_due_validations(
  at timestamptz, deadline timestamptz, max_items integer
) RETURNS integer
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
SET lock_timeout = '200 ms'
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  started CONSTANT timestamptz := clock_timestamp();
  is_retry boolean := false;
  retried_since timestamptz := started - interval '10 s';
  task record;
  found jsonb;
  seen integer;
  done integer := 0;
  waiting bigint;
BEGIN
  LOOP
    EXIT WHEN done >= max_items OR clock_timestamp() >= deadline;
    seen := 0;
    FOR task IN
      SELECT t.dashboard_id, t.id, t.policy_id, t.window_date, t.environment_id, t.scheduled_at
        FROM @extschema@.validation_tasks t
        JOIN @extschema@.dashboards d ON d.id = t.dashboard_id
        JOIN @extschema@.dashboard_health h ON h.dashboard_id = t.dashboard_id
       WHERE t.status = 'pending' AND t.scheduled_at <= run_due_validations.at
         AND d.metadata ? 'checks'
         AND coalesce(t.held_at NOT BETWEEN retried_since AND clock_timestamp(), true)
       ORDER BY t.scheduled_at, t.dashboard_id, t.id
       LIMIT run_due_validations.max_items - done
         FOR NO KEY UPDATE OF t SKIP LOCKED FOR KEY SHARE OF d SKIP LOCKED
         FOR NO KEY UPDATE OF h SKIP LOCKED
    LOOP
      EXIT WHEN clock_timestamp() >= run_due_validations.deadline;
      seen := seen + 1;
      BEGIN
        found := @extschema@.check_dashboard(task.dashboard_id, run_due_validations.at);
      EXCEPTION WHEN OTHERS THEN -- but not a cancel: that is meant for the caller
        found := jsonb_build_object(
          'status', 'UNKNOWN', 'summary', 'could not be checked: ' || SQLERRM,
          'issues', jsonb_build_array(jsonb_build_object(
            'severity', 'UNKNOWN', 'message', SQLERRM || ' (SQLSTATE ' || SQLSTATE || ')',
            'location', '$.checks')));
      END;
      done := done + @extschema@.store_check(
        task.dashboard_id, task.id, task.policy_id, task.window_date, task.environment_id,
        found, run_due_validations.at)::integer;
    END LOOP;
    EXIT WHEN clock_timestamp() >= deadline;
    -- What was passed over is held by somebody.
    IF NOT is_retry THEN
      UPDATE @extschema@.validation_tasks t
         SET held_at = clock_timestamp()
        FROM (SELECT x.dashboard_id, x.id
                FROM @extschema@.validation_tasks x
                JOIN @extschema@.dashboards d ON d.id = x.dashboard_id
               WHERE x.status = 'pending' AND x.scheduled_at <= run_due_validations.at
                 AND d.metadata ? 'checks'
                 AND coalesce(x.held_at NOT BETWEEN retried_since AND clock_timestamp(), true)
                 AND (seen = 0 OR (x.scheduled_at, x.dashboard_id, x.id)
                                  < (task.scheduled_at, task.dashboard_id, task.id))
                 FOR NO KEY UPDATE OF x SKIP LOCKED) passed
       WHERE t.dashboard_id = passed.dashboard_id AND t.id = passed.id;
    END IF;
    EXIT WHEN seen = 0 AND is_retry;
    IF seen = 0 THEN
      is_retry := true;
      retried_since := started;
    END IF;
  END LOOP;

  WITH due AS (
    SELECT t.dashboard_id, t.id
      FROM @extschema@.validation_tasks t
      JOIN @extschema@.dashboards d ON d.id = t.dashboard_id
     WHERE t.status = 'pending' AND t.scheduled_at <= run_due_validations.at
       AND NOT t.announced
       AND NOT d.metadata ? 'checks'
       FOR NO KEY UPDATE OF t SKIP LOCKED
  )
  UPDATE @extschema@.validation_tasks t
     SET announced = true
    FROM due
   WHERE t.dashboard_id = due.dashboard_id AND t.id = due.id;
  GET DIAGNOSTICS waiting = ROW_COUNT;
  IF waiting > 0
     AND coalesce(nullif(current_setting('dashboard_diff.notify', true), ''), 'on')::boolean THEN
    PERFORM pg_notify('dashboard_validation_due',
                      jsonb_build_object('schema', '@extschema@', 'due', waiting)::text);
  END IF;
  RETURN done;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.run_due_validations(timestamptz, timestamptz, integer)
  FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.run_due_validations(timestamptz, timestamptz, integer) IS
'does the tasks due of dashboards that declare checks, until the deadline; tells outside workers of the others (NOTIFY dashboard_validation_due), once each; the number of checks done';
