-- How windows become tasks, and what becomes of tasks whose time has passed.

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
  INSERT INTO @extschema@.dashboard_events
    (dashboard_artifact_id, event_type, message, created_at)
  SELECT missed.dashboard_id, 'validation_missed',
         format('The check by policy "%s" in its window of %s was missed: %s.',
                p.name, to_char(note_missed_validations.window_date, 'YYYY-MM-DD'),
                note_missed_validations.reason),
         note_missed_validations.at
    FROM @extschema@.validation_policies p
   CROSS JOIN unnest(note_missed_validations.dashboards) AS missed (dashboard_id)
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

CREATE FUNCTION @extschema@.plan_key(
  policy_id bigint, starts_at timestamptz, ends_at timestamptz) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  -- The count, and a sum of hashes, which no order matters to.
  SELECT format('%s %s %s %s', extract(epoch FROM plan_key.starts_at),
                extract(epoch FROM plan_key.ends_at), count(*), sum(hashtextextended(d, 0)))
    FROM @extschema@.policy_dashboards(plan_key.policy_id) AS d;
END;
REVOKE ALL ON FUNCTION @extschema@.plan_key(bigint, timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.plan_key(bigint, timestamptz, timestamptz) IS
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
    SELECT w.policy_id, d.dashboard_id
      FROM unnest(policies) AS w (policy_id)
     CROSS JOIN LATERAL @extschema@.policy_dashboards(w.policy_id) AS d (dashboard_id)
  )
  DELETE FROM @extschema@.validation_tasks t
   USING unnest(movable) AS m (id)
   WHERE t.id = m.id
     AND NOT EXISTS (SELECT FROM covered c
                      WHERE c.policy_id = t.policy_id AND c.dashboard_id = t.dashboard_id);

  FOR missed IN
    WITH covered AS MATERIALIZED (
      SELECT w.policy_id, w.window_date, d.dashboard_id
        FROM unnest(policies, dates) AS w (policy_id, window_date)
       CROSS JOIN LATERAL @extschema@.policy_dashboards(w.policy_id) AS d (dashboard_id)
    ), remaining AS MATERIALIZED (
      SELECT c.policy_id, c.window_date, c.dashboard_id,
             (row_number() OVER w - 0.5)::float8 / count(*) OVER (PARTITION BY c.policy_id)
               AS place
        FROM covered c
        LEFT JOIN @extschema@.validation_tasks t
          ON t.dashboard_id = c.dashboard_id AND t.policy_id = c.policy_id
         AND t.window_date = c.window_date
        LEFT JOIN unnest(movable) AS m (id) ON m.id = t.id
       WHERE t.id IS NULL OR m.id IS NOT NULL
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

CREATE FUNCTION @extschema@.close_windows(at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  patience CONSTANT interval := @extschema@.validation_patience();
  ended record;
  missed record;
BEGIN
  FOR ended IN
    SELECT k.policy_id, k.window_date, k.ends_at FROM @extschema@.validation_windows k
     WHERE k.closed_at IS NULL AND k.ends_at <= close_windows.at
     ORDER BY k.policy_id, k.window_date
  LOOP
    FOR missed IN
      WITH late AS (
        SELECT t.dashboard_id, t.id FROM @extschema@.validation_tasks t
         WHERE t.policy_id = ended.policy_id AND t.window_date = ended.window_date
           AND CASE t.status
                 WHEN 'claimed' THEN t.lease_until <= close_windows.at
                 -- The last ones may fall due between two calls; an edit may have put the end first.
                 WHEN 'pending' THEN t.scheduled_at < close_windows.at - patience
                                     OR t.scheduled_at >= ended.ends_at
                 ELSE false
               END
           FOR UPDATE SKIP LOCKED
      ), marked AS (
        UPDATE @extschema@.validation_tasks t
           SET status = 'missed', finished_at = close_windows.at
          FROM late l
         WHERE t.dashboard_id = l.dashboard_id AND t.id = l.id
        RETURNING t.dashboard_id, t.claimed_by
      )
      SELECT array_agg(m.dashboard_id) AS dashboards,
             CASE WHEN m.claimed_by IS NULL THEN 'nobody had done it when the window ended'
                  ELSE format('worker "%s" had not reported when the window ended', m.claimed_by)
             END AS reason
        FROM marked m GROUP BY m.claimed_by
    LOOP
      PERFORM @extschema@.note_missed_validations(
        ended.policy_id, ended.window_date, missed.dashboards, missed.reason, close_windows.at);
    END LOOP;
    UPDATE @extschema@.validation_windows k SET closed_at = close_windows.at
     WHERE k.policy_id = ended.policy_id AND k.window_date = ended.window_date
       AND NOT EXISTS (SELECT FROM @extschema@.validation_tasks t
                        WHERE t.policy_id = k.policy_id AND t.window_date = k.window_date
                          AND (t.status = 'pending' OR t.status = 'claimed'));
  END LOOP;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.close_windows(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.close_windows(timestamptz) IS
'marks as missed what was not done in windows that have ended, and closes those in which nothing is left to be done';

-- Only the last window: after a long stop nobody wants to read of each.
CREATE FUNCTION @extschema@.note_missed_windows(at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  slept record;
BEGIN
  FOR slept IN
    WITH last_window AS (
      SELECT DISTINCT ON (p.id) p.id AS policy_id, day.on_date, w.starts_at, w.ends_at
        FROM @extschema@.validation_policies p
       CROSS JOIN LATERAL (
         SELECT timezone(p.timezone, note_missed_windows.at)::date - n AS on_date
           FROM generate_series(-1, 8) AS n) day
       CROSS JOIN LATERAL @extschema@.local_window(
               day.on_date, p.window_start, p.window_end, p.timezone) w
       WHERE p.is_active AND extract(dow FROM day.on_date)::integer = ANY (p.schedule_days)
         AND w.ends_at <= note_missed_windows.at
         AND w.ends_at > note_missed_windows.at - interval '7 days'
         AND w.starts_at >= p.scheduled_since
       ORDER BY p.id, w.ends_at DESC
    )
    SELECT l.* FROM last_window l
     WHERE NOT EXISTS (SELECT FROM @extschema@.validation_windows k
                        WHERE k.policy_id = l.policy_id AND k.window_date = l.on_date)
  LOOP
    INSERT INTO @extschema@.validation_windows
      (policy_id, window_date, starts_at, ends_at, plan_key, closed_at)
    VALUES (slept.policy_id, slept.on_date, slept.starts_at, slept.ends_at, '',
            note_missed_windows.at);
    PERFORM @extschema@.note_missed_validations(
      slept.policy_id, slept.on_date,
      ARRAY(SELECT @extschema@.policy_dashboards(slept.policy_id)),
      CASE WHEN slept.starts_at = slept.ends_at THEN 'the clock skipped the window'
           ELSE 'nothing ran while the window was open' END,
      note_missed_windows.at);
  END LOOP;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.note_missed_windows(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.note_missed_windows(timestamptz) IS
'notes the last window of each policy if it passed without having been planned';

CREATE FUNCTION @extschema@.plan_validations(at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  patience CONSTANT interval := @extschema@.validation_patience();
  w record;
BEGIN
  IF NOT @extschema@.lock_work('planning', wait => false) THEN
    RETURN;
  END IF;

  -- Windows that were planned, and are not open: switched off, moved, or over.
  FOR w IN
    SELECT * FROM @extschema@.current_windows(plan_validations.at) c
     WHERE NOT c.is_open AND c.known_key <> ''
  LOOP
    IF w.is_over THEN
      UPDATE @extschema@.validation_windows k SET starts_at = w.starts_at, ends_at = w.ends_at
       WHERE k.policy_id = w.policy_id AND k.window_date = w.window_date
         AND (k.starts_at, k.ends_at) IS DISTINCT FROM (w.starts_at, w.ends_at);
    ELSE
      DELETE FROM @extschema@.validation_tasks t
       USING (SELECT x.id FROM @extschema@.validation_tasks x
               WHERE x.policy_id = w.policy_id AND x.window_date = w.window_date
                 AND x.status = 'pending'
                 FOR UPDATE SKIP LOCKED) off
       WHERE t.id = off.id;
      UPDATE @extschema@.validation_windows k SET plan_key = ''
       WHERE k.policy_id = w.policy_id AND k.window_date = w.window_date;
      DELETE FROM @extschema@.validation_windows k
       WHERE k.policy_id = w.policy_id AND k.window_date = w.window_date
         AND NOT EXISTS (SELECT FROM @extschema@.validation_tasks t
                          WHERE t.policy_id = k.policy_id AND t.window_date = k.window_date);
    END IF;
  END LOOP;

  PERFORM @extschema@.close_windows(plan_validations.at);
  PERFORM @extschema@.note_missed_windows(plan_validations.at);

  -- Those that have just opened are planned as foreseen.
  FOR w IN
    SELECT * FROM @extschema@.current_windows(plan_validations.at) c
     WHERE c.is_open AND c.known_key IS NULL AND plan_validations.at - c.starts_at <= patience
  LOOP
    INSERT INTO @extschema@.validation_windows
      (policy_id, window_date, starts_at, ends_at, plan_key)
    VALUES (w.policy_id, w.window_date, w.starts_at, w.ends_at,
            @extschema@.plan_key(w.policy_id, w.starts_at, w.ends_at));
    INSERT INTO @extschema@.validation_tasks
      (dashboard_id, policy_id, window_date, environment_id, scheduled_at)
    SELECT d.id, w.policy_id, w.window_date, d.environment_id, p.scheduled_at
      FROM @extschema@.plan_policy(w.policy_id, w.window_date) p
      JOIN @extschema@.dashboards d ON d.id = p.dashboard_id;
  END LOOP;

  -- For the rest it is too late for that, or the plan holds no more.
  FOR w IN
    WITH late AS MATERIALIZED (
      -- But for what somebody is at work on: it would be late, and the rest put off, again and again.
      SELECT t.policy_id, t.window_date FROM @extschema@.validation_tasks t
       WHERE t.status = 'pending' AND t.scheduled_at < plan_validations.at - patience
         FOR UPDATE SKIP LOCKED
    ), open_windows AS MATERIALIZED (
      SELECT c.*, @extschema@.plan_key(c.policy_id, c.starts_at, c.ends_at) AS plan_key
        FROM @extschema@.current_windows(plan_validations.at) c
       WHERE c.is_open
    )
    SELECT o.starts_at, o.ends_at, array_agg(o.policy_id ORDER BY o.policy_id) AS policies,
           array_agg(o.window_date ORDER BY o.policy_id) AS dates,
           array_agg(o.plan_key ORDER BY o.policy_id) AS keys
      FROM open_windows o
     WHERE o.known_key IS DISTINCT FROM o.plan_key
        OR (o.policy_id, o.window_date) IN (SELECT l.policy_id, l.window_date FROM late l)
     GROUP BY o.environment_id, o.starts_at, o.ends_at
     ORDER BY min(o.policy_id)
  LOOP
    PERFORM @extschema@.replan_windows(
      w.policies, w.dates, w.keys, w.starts_at, w.ends_at, plan_validations.at);
  END LOOP;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.plan_validations(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.plan_validations(timestamptz) IS
'for run_due_work(): makes the tasks of the windows that are open at a time, spreads them anew where it is late or what is to be checked has changed, and marks what was missed; nothing where somebody else is doing it';
