-- How windows become tasks, and what becomes of tasks whose time has passed.
--
-- All of it is done in pieces, of which each call does as many as it is asked for; and no statement
-- waits for a row that somebody holds. What is left, or held, is found again by the next call.

CREATE FUNCTION @extschema@.validation_patience() RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN interval '2 min';
COMMENT ON FUNCTION @extschema@.validation_patience() IS
'how late a planned check may be done as if nothing were: longer than a timer that comes every minute needs';

CREATE FUNCTION @extschema@.note_missed_validations(
  policy_id bigint, window_date date, dashboards text[], reason text, at timestamptz) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT @extschema@.store_events(
           note_missed_validations.dashboards, 'validation_missed',
           array_fill(format('The check by policy "%s" in its window of %s was missed: %s.',
                             p.name, to_char(note_missed_validations.window_date, 'YYYY-MM-DD'),
                             note_missed_validations.reason),
                      ARRAY[cardinality(note_missed_validations.dashboards)]),
           note_missed_validations.at)
    FROM @extschema@.validation_policies p
   WHERE p.id = note_missed_validations.policy_id;
END;
REVOKE ALL ON FUNCTION @extschema@.note_missed_validations(bigint, date, text[], text, timestamptz)
  FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.note_missed_validations(bigint, date, text[], text, timestamptz) IS
'tells the owners of dashboards that checks of theirs were missed';

CREATE FUNCTION @extschema@.current_windows(at timestamptz)
RETURNS TABLE (
  policy_id bigint, environment_id text, window_date date, starts_at timestamptz,
  ends_at timestamptz, is_open boolean, is_over boolean, known_key text
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT p.id, p.environment_id, day.on_date, w.starts_at, w.ends_at,
         state.is_open, state.is_over, k.plan_key
    FROM @extschema@.validation_policies p
   CROSS JOIN LATERAL (
     SELECT timezone(p.timezone, current_windows.at)::date + n AS on_date
       FROM generate_series(-2, 2) AS n
      WHERE p.is_active
     UNION
     SELECT x.window_date FROM @extschema@.validation_windows x
      WHERE x.policy_id = p.id AND x.closed_at IS NULL) day
   CROSS JOIN LATERAL @extschema@.local_window(
           day.on_date, p.window_start, p.window_end, p.timezone) w
   CROSS JOIN LATERAL (
     SELECT p.is_active AND extract(dow FROM day.on_date)::integer = ANY (p.schedule_days)
              AS is_planned) policy
   CROSS JOIN LATERAL (
     SELECT policy.is_planned AND w.starts_at <= current_windows.at
              AND current_windows.at < w.ends_at AS is_open,
            policy.is_planned AND w.ends_at <= current_windows.at AS is_over) state
    LEFT JOIN @extschema@.validation_windows k
      ON k.policy_id = p.id AND k.window_date = day.on_date
   WHERE state.is_open OR k.policy_id IS NOT NULL AND k.closed_at IS NULL;
END;
REVOKE ALL ON FUNCTION @extschema@.current_windows(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.current_windows(timestamptz) IS
'the windows that are open, and those that were planned and are not closed yet: as the policies have them now, and the key that they were planned by';

CREATE FUNCTION @extschema@.covered_keys(policies bigint[])
RETURNS TABLE (policy_id bigint, covered_key text)
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  -- The count, and a sum of hashes, which no order matters to.
  SELECT p.id, format('%s %s', count(c.dashboard_id), sum(hashtextextended(c.dashboard_id, 0)))
    FROM unnest(covered_keys.policies) AS p (id)
    LEFT JOIN @extschema@.covered_dashboards(covered_keys.policies) AS c ON c.policy_id = p.id
   GROUP BY p.id;
END;
REVOKE ALL ON FUNCTION @extschema@.covered_keys(bigint[]) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.covered_keys(bigint[]) IS
'tells whether the dashboards of policies have changed';

CREATE FUNCTION @extschema@.plan_key(
  starts_at timestamptz, ends_at timestamptz, covered_key text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN format('%s %s %s', extract(epoch FROM starts_at), extract(epoch FROM ends_at), covered_key);
REVOKE ALL ON FUNCTION @extschema@.plan_key(timestamptz, timestamptz, text) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.plan_key(timestamptz, timestamptz, text) IS
'for validation_windows.plan_key: tells whether a window or the dashboards of its policy have changed';

CREATE FUNCTION @extschema@.replan_windows(
  policies bigint[], dates date[], keys text[], starts_at timestamptz, ends_at timestamptz,
  at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  movable bigint[];
  from_time CONSTANT timestamptz := greatest(replan_windows.at, replan_windows.starts_at);
  missed record;
BEGIN
  INSERT INTO @extschema@.validation_windows AS k
    (policy_id, window_date, starts_at, ends_at, plan_key)
  SELECT w.policy_id, w.window_date, replan_windows.starts_at, replan_windows.ends_at, w.plan_key
    FROM unnest(policies, dates, keys) AS w (policy_id, window_date, plan_key)
  ON CONFLICT (policy_id, window_date) DO UPDATE
    SET starts_at = EXCLUDED.starts_at, ends_at = EXCLUDED.ends_at,
        plan_key = EXCLUDED.plan_key, closed_at = NULL,
        routed_at = NULL;

  -- What somebody is at work on is not waited for: it will be done.
  SELECT array_agg(t.id) INTO movable
    FROM (SELECT t.id FROM @extschema@.validation_tasks t
            JOIN unnest(policies, dates) AS w (policy_id, window_date)
              ON w.policy_id = t.policy_id AND w.window_date = t.window_date
           WHERE t.status = 'pending'
             FOR UPDATE OF t SKIP LOCKED) t;
  WITH covered AS MATERIALIZED (
    SELECT c.policy_id, c.dashboard_id
      FROM @extschema@.covered_dashboards(policies) AS c
  )
  DELETE FROM @extschema@.validation_tasks t
   USING unnest(movable) AS m (id)
   WHERE t.id = m.id
     AND NOT EXISTS (SELECT FROM covered c
                      WHERE c.policy_id = t.policy_id AND c.dashboard_id = t.dashboard_id);

  FOR missed IN
    WITH covered AS MATERIALIZED (
      SELECT w.policy_id, w.window_date, c.dashboard_id
        FROM unnest(policies, dates) AS w (policy_id, window_date)
        JOIN @extschema@.covered_dashboards(policies) AS c ON c.policy_id = w.policy_id
    ), remaining AS MATERIALIZED (
      SELECT c.policy_id, c.window_date, c.dashboard_id,
             (row_number() OVER w - 0.5)::float8 / count(*) OVER (PARTITION BY c.policy_id)
               AS place
        FROM covered c
        LEFT JOIN @extschema@.validation_tasks t
          ON t.dashboard_id = c.dashboard_id AND t.policy_id = c.policy_id
         AND t.window_date = c.window_date
        LEFT JOIN unnest(movable) AS m (id) ON m.id = t.id
       -- What is held is tried all the time.
       WHERE t.id IS NULL OR m.id IS NOT NULL AND t.held_at IS NULL
      -- What workers have been told of and let lie goes behind what has not had its turn.
      WINDOW w AS (PARTITION BY c.policy_id
                   ORDER BY coalesce(t.announced, false), c.dashboard_id COLLATE "C")
    ), span AS (
      -- All in whole microseconds.
      SELECT (SELECT count(*) FROM covered)::numeric AS checks,
             (SELECT count(*) FROM remaining) AS remaining,
             extract(epoch FROM replan_windows.ends_at - replan_windows.starts_at) * 1000000
               AS length,
             extract(epoch FROM replan_windows.ends_at - from_time) * 1000000 AS rest,
             (SELECT extract(epoch FROM max(p.min_gap)) * 1000000
                FROM @extschema@.validation_policies p WHERE p.id = ANY (policies)) AS min_gap
    ), fitting AS (
      SELECT s.rest,
             CASE s.min_gap WHEN 0 THEN s.remaining
               ELSE least(s.remaining, greatest(div(s.rest, s.min_gap),
                                                div(s.rest * s.checks, s.length)))::bigint
             END AS checks
        FROM span s
    ), planned AS (
      INSERT INTO @extschema@.validation_tasks AS t
        (dashboard_id, policy_id, window_date, environment_id, scheduled_at, status, finished_at)
      SELECT r.dashboard_id, r.policy_id, r.window_date, d.environment_id,
             CASE WHEN r.slot < f.checks THEN
               from_time + div((2 * r.slot + 1) * f.rest, 2 * f.checks)::bigint
                           * interval '1 microsecond'
             ELSE from_time END,
             CASE WHEN r.slot < f.checks THEN 'pending' ELSE 'missed' END,
             CASE WHEN r.slot < f.checks THEN NULL ELSE replan_windows.at END
        FROM (SELECT *, row_number() OVER (ORDER BY place, policy_id) - 1 AS slot
                FROM remaining) r
        JOIN @extschema@.dashboards d ON d.id = r.dashboard_id
       CROSS JOIN fitting f
      ON CONFLICT (dashboard_id, policy_id, window_date) DO UPDATE
        SET scheduled_at = EXCLUDED.scheduled_at, status = EXCLUDED.status,
            finished_at = EXCLUDED.finished_at
      RETURNING t.policy_id, t.window_date, t.dashboard_id, t.status
    )
    SELECT p.policy_id, p.window_date, array_agg(p.dashboard_id) AS dashboards
      FROM planned p WHERE p.status = 'missed' GROUP BY p.policy_id, p.window_date
  LOOP
    PERFORM @extschema@.note_missed_validations(
      missed.policy_id, missed.window_date, missed.dashboards,
      'too little of the window was left', replan_windows.at);
  END LOOP;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.replan_windows(
  bigint[], date[], text[], timestamptz, timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.replan_windows(
  bigint[], date[], text[], timestamptz, timestamptz, timestamptz) IS
'spreads what is left to be checked in one window, of one or several policies, over what is left of it';
