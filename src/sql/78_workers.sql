-- Checks by workers outside the database: they claim what is due, and report what they found.

CREATE FUNCTION @extschema@.claim_validation(
  worker text,
  lease interval DEFAULT '5 minutes',
  at timestamptz DEFAULT NULL
) RETURNS TABLE (
  task_id bigint, policy_id bigint, dashboard_id text, environment_id text,
  scheduled_at timestamptz, lease_until timestamptz
)
-- SECURITY DEFINER because workers act for the dashboards of every owner, while their role should
-- hold no right on any table; so is the next function.
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  max_attempts CONSTANT integer := 3;
  time CONSTANT timestamptz := coalesce(claim_validation.at, clock_timestamp());
  task @extschema@.validation_tasks;
BEGIN
  IF coalesce(claim_validation.worker, '') = '' THEN
    RAISE EXCEPTION 'a worker must have a name' USING ERRCODE = 'invalid_parameter_value';
  ELSIF claim_validation.lease IS NULL
        OR claim_validation.lease NOT BETWEEN '1 s' AND '1 day' THEN
    RAISE EXCEPTION 'invalid lease %', claim_validation.lease
      USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'It must be from 1 second to 1 day.';
  END IF;
  LOOP
    SELECT t.* INTO task
      FROM @extschema@.validation_tasks t
      JOIN @extschema@.validation_windows w
        ON w.policy_id = t.policy_id AND w.window_date = t.window_date
      JOIN @extschema@.dashboards d ON d.id = t.dashboard_id
     WHERE (t.status = 'pending' OR t.status = 'claimed')
       AND t.scheduled_at <= time
       AND (w.ends_at > time
            OR t.status = 'pending'
               AND t.scheduled_at >= time - @extschema@.validation_patience())
       AND (t.status = 'pending' OR t.lease_until <= time)
       -- These the database checks itself.
       AND jsonb_typeof(d.metadata -> 'checks') IS DISTINCT FROM 'array'
     ORDER BY t.scheduled_at, t.id
     LIMIT 1
       FOR UPDATE OF t SKIP LOCKED;
    IF NOT FOUND THEN
      RETURN;
    END IF;
    EXIT WHEN task.attempts < max_attempts;

    INSERT INTO @extschema@.validation_records
      (dashboard_id, task_id, policy_id, environment_id, status, summary, created_at)
    VALUES (task.dashboard_id, task.id, task.policy_id, task.environment_id, 'UNKNOWN',
            format('claimed %s times and never reported', task.attempts), time);
    UPDATE @extschema@.validation_tasks t SET status = 'done', finished_at = time
     WHERE t.dashboard_id = task.dashboard_id AND t.id = task.id;
  END LOOP;

  RETURN QUERY
  UPDATE @extschema@.validation_tasks t
     SET status = 'claimed', claimed_by = claim_validation.worker,
         lease_until = time + claim_validation.lease, attempts = t.attempts + 1
   WHERE t.dashboard_id = task.dashboard_id AND t.id = task.id
  RETURNING t.id, t.policy_id, t.dashboard_id, t.environment_id, t.scheduled_at, t.lease_until;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.claim_validation(text, interval, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.claim_validation(text, interval, timestamptz) IS
'for workers: the check that has been due for longest, of the dashboards that declare no checks of their own; nobody else gets it while the lease lasts. at: the time to take for now (for tests; default the clock''s)';

CREATE FUNCTION @extschema@.check_issues(issues jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  wrong text;
BEGIN
  IF jsonb_typeof(issues) IS DISTINCT FROM 'array' THEN
    wrong := '$: must be an array of issues';
  ELSE
    SELECT format('$[%s]%s', issue.place - 1, problem.what) INTO wrong
      FROM jsonb_array_elements(issues) WITH ORDINALITY AS issue (value, place)
     CROSS JOIN LATERAL (
       SELECT CASE WHEN jsonb_typeof(value) = 'object' THEN value ELSE '{}' END) AS object (keys)
     CROSS JOIN LATERAL (
       SELECT CASE
         WHEN jsonb_typeof(value) <> 'object'
           THEN ': must be an object with "severity", "message" and perhaps "location"'
         WHEN coalesce(jsonb_typeof(keys -> 'severity'), 'null') <> 'string'
           THEN '.severity: must be a text'
         WHEN coalesce(jsonb_typeof(keys -> 'message'), 'null') <> 'string'
           THEN '.message: must be a text'
         WHEN coalesce(jsonb_typeof(keys -> 'location'), 'null') NOT IN ('null', 'string')
           THEN '.location: must be a text'
       END) AS problem (what)
     WHERE problem.what IS NOT NULL
     ORDER BY issue.place
     LIMIT 1;
  END IF;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'invalid issues'
      USING ERRCODE = 'invalid_parameter_value', DETAIL = 'at ' || wrong;
  END IF;
  RETURN true;
END
$$;
COMMENT ON FUNCTION @extschema@.check_issues(jsonb) IS
'true for an array of {"severity", "message", "location"}, in the worker''s own words and with whatever keys it adds, otherwise an error (22023) whose DETAIL is the JSON path';

CREATE FUNCTION @extschema@.report_validation(
  task_id bigint,
  status text,
  summary text DEFAULT '',
  issues jsonb DEFAULT '[]'
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  task @extschema@.validation_tasks;
  record_id bigint;
BEGIN
  IF NOT coalesce(
       report_validation.status = ANY (ARRAY['PASS', 'WARN', 'FAIL', 'UNKNOWN']), false) THEN
    RAISE EXCEPTION 'invalid status "%"', report_validation.status
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Use PASS, WARN, FAIL or UNKNOWN.';
  END IF;
  PERFORM @extschema@.check_issues(report_validation.issues);
  SELECT t.* INTO task FROM @extschema@.validation_tasks t
   WHERE t.id = report_validation.task_id
     FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'validation task % does not exist', report_validation.task_id
      USING ERRCODE = 'undefined_object';
  ELSIF task.status = 'done' THEN
    RAISE EXCEPTION 'validation task % is done already', report_validation.task_id
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;

  INSERT INTO @extschema@.validation_records
    (dashboard_id, task_id, policy_id, environment_id, status, summary, issues)
  SELECT d.id, task.id, task.policy_id, d.environment_id, report_validation.status,
         coalesce(report_validation.summary, ''), report_validation.issues
    FROM @extschema@.dashboards d WHERE d.id = task.dashboard_id
  RETURNING id INTO record_id;
  UPDATE @extschema@.validation_tasks t
     SET status = 'done', finished_at = clock_timestamp()
   WHERE t.dashboard_id = task.dashboard_id AND t.id = task.id;
  -- Of a check that counted as missed.
  UPDATE @extschema@.validation_windows w
     SET routed_at = NULL
   WHERE w.policy_id = task.policy_id AND w.window_date = task.window_date
     AND w.routed_at IS NOT NULL;
  RETURN record_id;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.report_validation(bigint, text, text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.report_validation(bigint, text, text, jsonb) IS
'for workers: what a check found; the id of the record. A late report is taken as long as there is no other one of the same check';

CREATE FUNCTION @extschema@.allow_validator(role regrole) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  EXECUTE 'GRANT EXECUTE ON FUNCTION @extschema@.claim_validation, @extschema@.report_validation TO '
          || role;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.allow_validator(regrole) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.allow_validator(regrole) IS
'grants a role what a worker needs: EXECUTE on claim_validation and report_validation, no right on any table';
