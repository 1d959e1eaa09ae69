-- Checks by workers outside the database: they claim what is due, and report what they found. They
-- work for every owner, and wait for none.

-- No foreign key: its check is what would wait.
CREATE TABLE @extschema@.put_off_reports (
  dashboard_id text NOT NULL,
  task_id bigint NOT NULL,
  record_id bigint NOT NULL,
  status text NOT NULL,
  summary text NOT NULL,
  issues jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (dashboard_id, task_id)
);
CREATE INDEX put_off_reports_task_idx ON @extschema@.put_off_reports (task_id);
COMMENT ON TABLE @extschema@.put_off_reports IS
'reports of workers on their way to validation_records, of dashboards that a transaction held when they came';
ALTER TABLE @extschema@.put_off_reports ENABLE ROW LEVEL SECURITY;
CREATE POLICY put_off_reports_of_dashboard ON @extschema@.put_off_reports FOR SELECT
  USING (EXISTS (SELECT FROM @extschema@.dashboards d
                  WHERE d.id = dashboard_id AND @extschema@.has_owner_rights(d.owner)));
GRANT SELECT ON @extschema@.put_off_reports TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('@extschema@.put_off_reports', '');

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
SET jit = off
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
  FOR task IN
    SELECT t.*
      FROM @extschema@.validation_tasks t
      JOIN @extschema@.validation_windows w
        ON w.policy_id = t.policy_id AND w.window_date = t.window_date
      JOIN @extschema@.dashboards d ON d.id = t.dashboard_id
     WHERE t.status = 'claimed' AND t.lease_until <= time AND t.attempts >= max_attempts
       AND w.ends_at > time
       AND jsonb_typeof(d.metadata -> 'checks') IS DISTINCT FROM 'array'
       AND NOT EXISTS (SELECT FROM @extschema@.put_off_reports r WHERE r.task_id = t.id)
     ORDER BY t.scheduled_at, t.id
     LIMIT 100
       FOR NO KEY UPDATE OF t SKIP LOCKED
  LOOP
    CONTINUE WHEN NOT @extschema@.lock_for_record(
      task.dashboard_id, task.policy_id, task.window_date, 'UNKNOWN'::text);
    INSERT INTO @extschema@.validation_records
      (dashboard_id, task_id, policy_id, environment_id, status, summary, created_at)
    VALUES (task.dashboard_id, task.id, task.policy_id, task.environment_id, 'UNKNOWN',
            format('claimed %s times and never reported', task.attempts), time);
    UPDATE @extschema@.validation_tasks t SET status = 'done', finished_at = time
     WHERE t.dashboard_id = task.dashboard_id AND t.id = task.id;
  END LOOP;

  SELECT t.* INTO task
    FROM @extschema@.validation_tasks t
    JOIN @extschema@.validation_windows w
      ON w.policy_id = t.policy_id AND w.window_date = t.window_date
    JOIN @extschema@.dashboards d ON d.id = t.dashboard_id
   WHERE (t.status = 'pending' OR t.status = 'claimed')
     AND t.scheduled_at <= time
     AND (w.ends_at > time
          OR t.status = 'pending'
             AND greatest(t.scheduled_at, t.held_at) >= time - @extschema@.validation_patience())
     AND (t.status = 'pending' OR t.lease_until <= time AND t.attempts < max_attempts)
     -- These the database checks itself.
     AND jsonb_typeof(d.metadata -> 'checks') IS DISTINCT FROM 'array'
     AND NOT EXISTS (SELECT FROM @extschema@.put_off_reports r WHERE r.task_id = t.id)
   ORDER BY t.scheduled_at, t.id
   LIMIT 1
     FOR NO KEY UPDATE OF t SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN;
  END IF;

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

CREATE FUNCTION @extschema@.lock_for_task(dashboard_id text, policy_id bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  PERFORM FROM @extschema@.dashboards d WHERE d.id = lock_for_task.dashboard_id
    FOR KEY SHARE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM FROM @extschema@.validation_policies p WHERE p.id = lock_for_task.policy_id
    FOR KEY SHARE SKIP LOCKED;
  RETURN FOUND;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.lock_for_task(text, bigint) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.lock_for_task(text, bigint) IS
'keeps the dashboard and the policy of a task as they are until the transaction ends; false where somebody holds one of them, who may be deleting it, and the task with it';

CREATE FUNCTION @extschema@.lock_for_record(
  dashboard_id text, policy_id bigint, window_date date, status text) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  PERFORM FROM @extschema@.dashboards d
    JOIN @extschema@.dashboard_health h ON h.dashboard_id = d.id
   WHERE d.id = lock_for_record.dashboard_id
     FOR KEY SHARE OF d SKIP LOCKED FOR NO KEY UPDATE OF h SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  -- A PASS ends it.
  IF lock_for_record.status = 'PASS' THEN
    PERFORM FROM @extschema@.health_acknowledgements a
      WHERE a.dashboard_id = lock_for_record.dashboard_id
        FOR UPDATE SKIP LOCKED;
    IF NOT FOUND AND EXISTS (SELECT FROM @extschema@.health_acknowledgements a
                              WHERE a.dashboard_id = lock_for_record.dashboard_id) THEN
      RETURN false;
    END IF;
  END IF;
  -- A record of a window of which has been told already makes that anew.
  PERFORM FROM @extschema@.validation_windows w
    WHERE w.policy_id = lock_for_record.policy_id AND w.window_date = lock_for_record.window_date
      AND w.routed_at IS NULL;
  IF FOUND THEN
    RETURN true;
  END IF;
  PERFORM FROM @extschema@.validation_windows w
    WHERE w.policy_id = lock_for_record.policy_id AND w.window_date = lock_for_record.window_date
      FOR NO KEY UPDATE SKIP LOCKED;
  RETURN FOUND;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.lock_for_record(text, bigint, date, text) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.lock_for_record(text, bigint, date, text) IS
'locks all that a record of that status writes, so that storing it waits for nobody; false where somebody else has locked some of it';

CREATE FUNCTION @extschema@.store_put_off_reports(only_task bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  report record;
BEGIN
  IF NOT EXISTS (SELECT FROM @extschema@.put_off_reports) THEN
    RETURN;
  END IF;
  FOR report IN
    SELECT r.*, t.policy_id, t.window_date, t.status AS task_status, d.environment_id
      FROM @extschema@.put_off_reports r
      JOIN @extschema@.validation_tasks t ON t.dashboard_id = r.dashboard_id AND t.id = r.task_id
      JOIN @extschema@.dashboards d ON d.id = r.dashboard_id
      JOIN @extschema@.dashboard_health h ON h.dashboard_id = r.dashboard_id
     WHERE only_task IS NULL OR r.task_id = only_task
     ORDER BY r.created_at
       FOR UPDATE OF r SKIP LOCKED FOR NO KEY UPDATE OF t SKIP LOCKED FOR KEY SHARE OF d SKIP LOCKED
       FOR NO KEY UPDATE OF h SKIP LOCKED
  LOOP
    CONTINUE WHEN NOT @extschema@.lock_for_record(
      report.dashboard_id, report.policy_id, report.window_date, report.status);
    IF report.task_status <> 'done' THEN
      INSERT INTO @extschema@.validation_records
        (dashboard_id, id, task_id, policy_id, environment_id, status, summary, issues, created_at)
      VALUES (report.dashboard_id, report.record_id, report.task_id, report.policy_id,
              report.environment_id, report.status, report.summary, report.issues,
              report.created_at);
      UPDATE @extschema@.validation_tasks t
         SET status = 'done', finished_at = clock_timestamp()
       WHERE t.dashboard_id = report.dashboard_id AND t.id = report.task_id;
      UPDATE @extschema@.validation_windows w
         SET routed_at = NULL
       WHERE w.policy_id = report.policy_id AND w.window_date = report.window_date
         AND w.routed_at IS NOT NULL;
    END IF;
    DELETE FROM @extschema@.put_off_reports r
     WHERE r.dashboard_id = report.dashboard_id AND r.task_id = report.task_id;
  END LOOP;
  -- Those whose task has gone meanwhile, with its dashboard or its policy.
  DELETE FROM @extschema@.put_off_reports r
   USING (SELECT o.dashboard_id, o.task_id FROM @extschema@.put_off_reports o
           WHERE only_task IS NULL
             AND NOT EXISTS (SELECT FROM @extschema@.validation_tasks t
                              WHERE t.dashboard_id = o.dashboard_id AND t.id = o.task_id)
             FOR UPDATE SKIP LOCKED) gone
   WHERE r.dashboard_id = gone.dashboard_id AND r.task_id = gone.task_id;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.store_put_off_reports(bigint) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.store_put_off_reports(bigint) IS
'makes records of the reports that wait, or of one task''s, as far as nobody holds what they write';

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
  is_free boolean;
BEGIN
  IF NOT coalesce(
       report_validation.status = ANY (ARRAY['PASS', 'WARN', 'FAIL', 'UNKNOWN']), false) THEN
    RAISE EXCEPTION 'invalid status "%"', report_validation.status
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Use PASS, WARN, FAIL or UNKNOWN.';
  END IF;
  PERFORM @extschema@.check_issues(report_validation.issues);
  SELECT t.* INTO task FROM @extschema@.validation_tasks t
   WHERE t.id = report_validation.task_id;
  IF FOUND THEN
    is_free := @extschema@.lock_for_task(task.dashboard_id, task.policy_id);
    -- Only somebody who reports it, too, is waited for.
    IF is_free THEN
      SELECT t.* INTO task FROM @extschema@.validation_tasks t
       WHERE t.id = report_validation.task_id
         FOR NO KEY UPDATE;
    END IF;
  END IF;
  IF task.id IS NULL THEN
    RAISE EXCEPTION 'validation task % does not exist', report_validation.task_id
      USING ERRCODE = 'undefined_object';
  ELSIF task.status = 'done'
        OR EXISTS (SELECT FROM @extschema@.put_off_reports r WHERE r.task_id = task.id) THEN
    RAISE EXCEPTION 'validation task % is done already', report_validation.task_id
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;

  record_id := nextval('@extschema@.validation_records_id_seq'::regclass);
  INSERT INTO @extschema@.put_off_reports
    (dashboard_id, task_id, record_id, status, summary, issues, created_at)
  VALUES (task.dashboard_id, task.id, record_id, report_validation.status,
          coalesce(report_validation.summary, ''), report_validation.issues, clock_timestamp());
  -- Nearly always at once.
  IF is_free THEN
    PERFORM @extschema@.store_put_off_reports(task.id);
  END IF;
  RETURN record_id;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.report_validation(bigint, text, text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.report_validation(bigint, text, text, jsonb) IS
'for workers: what a check found; the id of the record, which comes later where somebody holds the dashboard just now. A late report is taken as long as there is no other one of the same check';

CREATE FUNCTION @extschema@.allow_validator(role regrole) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @extschema@.allow_functions(role, ARRAY['claim_validation', 'report_validation']::name[]);
END
$$;
REVOKE ALL ON FUNCTION @extschema@.allow_validator(regrole) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.allow_validator(regrole) IS
'grants a role what a worker needs: EXECUTE on claim_validation and report_validation, no right on any table';
