-- The Health Center's data. Reading is left to row-level security; deleting and acknowledging act
-- with the caller's own rights, which have to be granted.

CREATE TYPE @extschema@.health_report AS (
  dashboard_id text,
  environment_id text,
  title text,
  status text,
  summary text,
  issues jsonb,
  checked_at timestamptz,
  is_stale boolean,
  acknowledged_by name,
  acknowledged_note text,
  acknowledged_at timestamptz
);
COMMENT ON TYPE @extschema@.health_report IS 'a row of health_summary()';
COMMENT ON COLUMN @extschema@.health_report.is_stale IS
'whether there should be a later record: by the policy''s schedule, or after 25 hours where no policy asked for one; true for a dashboard that was never checked';
COMMENT ON COLUMN @extschema@.health_report.acknowledged_by IS
'who acknowledged this status; null where nobody did';

-- Without a SET of its own, so that the planner puts it into the statement that calls it.
CREATE FUNCTION @extschema@.health_summary(environment_id text DEFAULT NULL)
RETURNS SETOF @extschema@.health_report
LANGUAGE sql STABLE ROWS 1000
BEGIN ATOMIC
  SELECT h.dashboard_id, h.environment_id, h.title, h.status, h.summary, h.issues, h.checked_at,
         coalesce(h.checked_at < statement_timestamp() - coalesce(h.stale_after, '25 h'), true),
         a.acknowledged_by, a.note, a.acknowledged_at
    FROM @extschema@.dashboard_health h
    LEFT JOIN @extschema@.health_acknowledgements a
      ON a.dashboard_id = h.dashboard_id AND a.status = h.status
   WHERE health_summary.environment_id IS NULL OR h.environment_id = health_summary.environment_id
   ORDER BY CASE h.status WHEN 'PASS' THEN 4 WHEN 'FAIL' THEN 1 WHEN 'WARN' THEN 2 ELSE 3 END,
            h.dashboard_id COLLATE "C";
END;
COMMENT ON FUNCTION @extschema@.health_summary(text) IS
'the health of all dashboards, or of an environment''s: each one''s latest record, the worst first, then by id; UNKNOWN for one that was never checked';

CREATE FUNCTION @extschema@.failing_count(environment_id text DEFAULT NULL) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT count(*)
    FROM @extschema@.dashboard_health h
   WHERE h.status = 'FAIL'
     AND (failing_count.environment_id IS NULL
          OR h.environment_id = failing_count.environment_id);
END;
COMMENT ON FUNCTION @extschema@.failing_count(text) IS
'how many dashboards, of all or of an environment, fail by their latest record';

CREATE FUNCTION @extschema@.health_history(dashboard_id text, max_rows integer DEFAULT 100)
RETURNS TABLE (
  id bigint, task_id bigint, policy_id bigint, environment_id text, status text, summary text,
  issues jsonb, created_at timestamptz)
LANGUAGE sql STABLE ROWS 100 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT r.id, r.task_id, r.policy_id, r.environment_id, r.status, r.summary, r.issues, r.created_at
    FROM @extschema@.validation_records r
   WHERE r.dashboard_id = health_history.dashboard_id
   ORDER BY r.created_at DESC, r.id DESC
   LIMIT health_history.max_rows;
END;
COMMENT ON FUNCTION @extschema@.health_history(text, integer) IS
'the records of a dashboard, newest first';

CREATE FUNCTION @extschema@.delete_health_reports(dashboard_id text, environment_id text)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  deleted bigint;
BEGIN
  DELETE FROM @extschema@.validation_records r
   WHERE r.dashboard_id = delete_health_reports.dashboard_id
     AND (delete_health_reports.environment_id IS NULL
          OR r.environment_id = delete_health_reports.environment_id);
  GET DIAGNOSTICS deleted = ROW_COUNT;
  DELETE FROM @extschema@.health_acknowledgements a
   WHERE a.dashboard_id = delete_health_reports.dashboard_id
     AND NOT EXISTS (SELECT FROM @extschema@.validation_records r
                      WHERE r.dashboard_id = a.dashboard_id AND r.id = a.record_id);
  RETURN deleted;
END
$$;
COMMENT ON FUNCTION @extschema@.delete_health_reports(text, text) IS
'deletes what checks of a dashboard found in an environment (null: in any), with its acknowledgement; the planned tasks stay; the number of records';

CREATE FUNCTION @extschema@.acknowledge_health(dashboard_id text, note text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  latest @extschema@.dashboard_health;
BEGIN
  SELECT * INTO latest FROM @extschema@.dashboard_health h
   WHERE h.dashboard_id = acknowledge_health.dashboard_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'dashboard "%" does not exist', acknowledge_health.dashboard_id
      USING ERRCODE = 'undefined_object';
  END IF;
  IF latest.record_id IS NULL OR latest.status = 'PASS' THEN
    RAISE EXCEPTION 'dashboard "%" has nothing to acknowledge', acknowledge_health.dashboard_id
      USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = CASE WHEN latest.record_id IS NULL THEN 'It was never checked.'
                          ELSE 'Its latest result is PASS.' END;
  END IF;
  INSERT INTO @extschema@.health_acknowledgements AS a
    (dashboard_id, record_id, checked_at, status, note)
  VALUES (latest.dashboard_id, latest.record_id, latest.checked_at, latest.status,
          acknowledge_health.note)
  ON CONFLICT (dashboard_id) DO UPDATE
     SET (record_id, checked_at, status, note, acknowledged_by, acknowledged_at) =
         (excluded.record_id, excluded.checked_at, excluded.status, excluded.note,
          excluded.acknowledged_by, excluded.acknowledged_at);
END
$$;
COMMENT ON FUNCTION @extschema@.acknowledge_health(text, text) IS
'notes that the caller knows of a dashboard''s latest result, which is not PASS; shown until its status changes or it passes';

CREATE FUNCTION @extschema@.prune_validations(keep interval) RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  before timestamptz := clock_timestamp() - keep;
  -- The ledger of the last days is what keeps a window from being planned twice.
  ledger_before timestamptz := least(before, clock_timestamp() - interval '8 days');
  pruned bigint;
  more bigint;
BEGIN
  IF keep < '0' THEN
    RAISE EXCEPTION 'keep must not be negative' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  DELETE FROM @extschema@.validation_records r
   WHERE r.created_at < before
     AND NOT EXISTS (SELECT FROM @extschema@.dashboard_health h
                      WHERE h.dashboard_id = r.dashboard_id AND h.record_id = r.id);
  GET DIAGNOSTICS pruned = ROW_COUNT;

  DELETE FROM @extschema@.validation_tasks t
   USING @extschema@.validation_windows w
   WHERE w.policy_id = t.policy_id AND w.window_date = t.window_date
     AND w.ends_at < ledger_before AND (t.status = 'done' OR t.status = 'missed');
  GET DIAGNOSTICS more = ROW_COUNT;
  DELETE FROM @extschema@.validation_windows w
   WHERE w.ends_at < ledger_before
     AND NOT EXISTS (SELECT FROM @extschema@.validation_tasks t
                      WHERE t.policy_id = w.policy_id AND t.window_date = w.window_date);
  RETURN pruned + more;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.prune_validations(interval) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.prune_validations(interval) IS
'deletes records older than keep, but for each dashboard''s latest, and finished tasks and windows as old, though never younger than 8 days; the number of records and tasks deleted';
