-- The pieces of planning, one after the other.

CREATE FUNCTION @extschema@.close_windows(
  at timestamptz, deadline timestamptz, max_windows integer) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  patience CONSTANT interval := @extschema@.validation_patience();
  ended record;
  missed record;
  is_changed boolean;
  done integer := 0;
BEGIN
  FOR ended IN
    SELECT k.policy_id, k.window_date, k.ends_at FROM @extschema@.validation_windows k
     WHERE k.closed_at IS NULL AND k.ends_at <= close_windows.at
     ORDER BY k.policy_id, k.window_date
  LOOP
    EXIT WHEN done >= max_windows OR clock_timestamp() >= deadline;
    PERFORM FROM @extschema@.validation_windows k
      WHERE k.policy_id = ended.policy_id AND k.window_date = ended.window_date
        FOR NO KEY UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    is_changed := false;
    FOR missed IN
      WITH late AS (
        SELECT t.dashboard_id, t.id
          FROM @extschema@.validation_tasks t
          JOIN @extschema@.dashboards d ON d.id = t.dashboard_id
         WHERE t.policy_id = ended.policy_id AND t.window_date = ended.window_date
           AND CASE t.status
                 WHEN 'claimed' THEN t.lease_until <= close_windows.at
                 WHEN 'pending' THEN
                   CASE WHEN t.held_at IS NULL
                        -- The last ones may fall due between two calls; an edit may have put the
                        -- end first.
                        THEN t.scheduled_at < close_windows.at - patience
                             OR t.scheduled_at >= ended.ends_at
                        -- What the database does itself, it tries until it is done.
                        ELSE NOT d.metadata ? 'checks' AND t.held_at < close_windows.at - patience
                   END
                 ELSE false
               END
           AND NOT EXISTS (SELECT FROM @extschema@.put_off_reports r WHERE r.task_id = t.id)
           FOR NO KEY UPDATE OF t SKIP LOCKED
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
      is_changed := true;
    END LOOP;
    UPDATE @extschema@.validation_windows k SET closed_at = close_windows.at
     WHERE k.policy_id = ended.policy_id AND k.window_date = ended.window_date
       AND NOT EXISTS (SELECT FROM @extschema@.validation_tasks t
                        WHERE t.policy_id = k.policy_id AND t.window_date = k.window_date
                          AND (t.status = 'pending' OR t.status = 'claimed'));
    done := done + (is_changed OR FOUND)::integer;
  END LOOP;
  RETURN done;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.close_windows(timestamptz, timestamptz, integer) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.close_windows(timestamptz, timestamptz, integer) IS
'marks as missed what was not done in windows that have ended, and closes those in which nothing is left to be done; the number of windows that changed';

-- Only the last window: after a long stop nobody wants to read of each.
CREATE FUNCTION @extschema@.note_missed_windows(
  at timestamptz, deadline timestamptz, max_windows integer) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  slept record;
  done integer := 0;
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
    EXIT WHEN done >= max_windows OR clock_timestamp() >= deadline;
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
    done := done + 1;
  END LOOP;
  RETURN done;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.note_missed_windows(timestamptz, timestamptz, integer)
  FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.note_missed_windows(timestamptz, timestamptz, integer) IS
'notes the last window of each policy if it passed without having been planned; how many';

CREATE FUNCTION @extschema@.remove_orphans() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  DELETE FROM @extschema@.validation_tasks t
   USING (SELECT x.dashboard_id, x.id FROM @extschema@.validation_tasks x
           WHERE (x.status = 'pending' OR x.status = 'claimed')
             AND NOT EXISTS (SELECT FROM @extschema@.dashboards d WHERE d.id = x.dashboard_id)
             FOR UPDATE SKIP LOCKED) orphan
   WHERE t.dashboard_id = orphan.dashboard_id AND t.id = orphan.id;
  IF EXISTS (SELECT FROM @extschema@.validation_windows k
              WHERE k.closed_at IS NULL
                AND NOT EXISTS (SELECT FROM @extschema@.validation_policies p
                                 WHERE p.id = k.policy_id)) THEN
    DELETE FROM @extschema@.validation_tasks t
     USING (SELECT x.dashboard_id, x.id FROM @extschema@.validation_tasks x
             WHERE NOT EXISTS (SELECT FROM @extschema@.validation_policies p
                                WHERE p.id = x.policy_id)
               FOR UPDATE SKIP LOCKED) orphan
     WHERE t.dashboard_id = orphan.dashboard_id AND t.id = orphan.id;
    DELETE FROM @extschema@.validation_windows k
     USING (SELECT x.policy_id, x.window_date FROM @extschema@.validation_windows x
             WHERE NOT EXISTS (SELECT FROM @extschema@.validation_policies p
                                WHERE p.id = x.policy_id)
               AND NOT EXISTS (SELECT FROM @extschema@.validation_tasks t
                                WHERE t.policy_id = x.policy_id
                                  AND t.window_date = x.window_date)
               FOR UPDATE SKIP LOCKED) orphan
     WHERE k.policy_id = orphan.policy_id AND k.window_date = orphan.window_date;
  END IF;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.remove_orphans() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.remove_orphans() IS
'deletes what was planned for a dashboard or a policy while that was being deleted';

-- Tasks that are due and that an open transaction deletes cannot be written, nor done; only the
-- window can tell of them. If they are still there afterwards, they are due then.
CREATE FUNCTION @extschema@.put_off_deleted_tasks(at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  UPDATE @extschema@.validation_tasks t
     SET held_at = put_off_deleted_tasks.at
    FROM (SELECT x.dashboard_id, x.id
            FROM @extschema@.validation_windows k
            JOIN @extschema@.validation_tasks x
              ON x.policy_id = k.policy_id AND x.window_date = k.window_date
           WHERE k.held_at IS NOT NULL AND k.closed_at IS NULL
             AND x.status = 'pending' AND x.scheduled_at <= k.held_at AND x.held_at IS NULL
             FOR NO KEY UPDATE OF k SKIP LOCKED FOR NO KEY UPDATE OF x SKIP LOCKED) free
   WHERE t.dashboard_id = free.dashboard_id AND t.id = free.id;
  -- Nothing that is not deleted is locked as much as that.
  WITH due AS MATERIALIZED (
    SELECT t.dashboard_id, t.id, t.policy_id, t.window_date FROM @extschema@.validation_tasks t
     WHERE t.status = 'pending' AND t.scheduled_at <= put_off_deleted_tasks.at
  ), free AS MATERIALIZED (
    SELECT t.dashboard_id, t.id FROM @extschema@.validation_tasks t
     WHERE t.status = 'pending' AND t.scheduled_at <= put_off_deleted_tasks.at
       FOR KEY SHARE SKIP LOCKED
  ), deleted AS MATERIALIZED (
    SELECT DISTINCT d.policy_id, d.window_date FROM due d
     WHERE NOT EXISTS (SELECT FROM free f WHERE f.dashboard_id = d.dashboard_id AND f.id = d.id)
  ), marked AS MATERIALIZED (
    SELECT k.policy_id, k.window_date,
           EXISTS (SELECT FROM deleted d
                    WHERE d.policy_id = k.policy_id AND d.window_date = k.window_date) AS is_held
      FROM @extschema@.validation_windows k
     WHERE k.closed_at IS NULL
       AND (k.held_at IS NOT NULL OR (k.policy_id, k.window_date) IN (
             SELECT d.policy_id, d.window_date FROM deleted d))
       FOR NO KEY UPDATE SKIP LOCKED
  )
  UPDATE @extschema@.validation_windows k
     SET held_at = CASE WHEN m.is_held THEN put_off_deleted_tasks.at END
    FROM marked m
   WHERE k.policy_id = m.policy_id AND k.window_date = m.window_date
     AND (m.is_held OR k.held_at IS NOT NULL);
END
$$;
REVOKE ALL ON FUNCTION @extschema@.put_off_deleted_tasks(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.put_off_deleted_tasks(timestamptz) IS
'notes the windows of which a transaction deletes tasks that are due, and puts off those that it did not delete after all';

-- Windows that were planned, and are not open: switched off, moved, or over.
CREATE FUNCTION @extschema@.withdraw_windows(
  at timestamptz, deadline timestamptz, max_windows integer) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  w record;
  done integer := 0;
BEGIN
  FOR w IN
    SELECT * FROM @extschema@.current_windows(withdraw_windows.at) c
     WHERE NOT c.is_open AND c.known_key <> ''
  LOOP
    EXIT WHEN done >= max_windows OR clock_timestamp() >= deadline;
    PERFORM FROM @extschema@.validation_windows k
      WHERE k.policy_id = w.policy_id AND k.window_date = w.window_date
        FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    IF w.is_over THEN
      UPDATE @extschema@.validation_windows k SET starts_at = w.starts_at, ends_at = w.ends_at
       WHERE k.policy_id = w.policy_id AND k.window_date = w.window_date
         AND (k.starts_at, k.ends_at) IS DISTINCT FROM (w.starts_at, w.ends_at);
      CONTINUE WHEN NOT FOUND;
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
    done := done + 1;
  END LOOP;
  RETURN done;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.withdraw_windows(timestamptz, timestamptz, integer) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.withdraw_windows(timestamptz, timestamptz, integer) IS
'takes back the plans of windows that are not open any more, and notes where those that are over have been moved to; how many';

CREATE FUNCTION @extschema@.open_windows(
  at timestamptz, deadline timestamptz, max_windows integer) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  w record;
  done integer := 0;
BEGIN
  FOR w IN
    SELECT o.window_date, array_agg(o.policy_id) AS policies,
           array_agg(o.starts_at) AS starts, array_agg(o.ends_at) AS ends
      FROM (SELECT c.* FROM @extschema@.current_windows(open_windows.at) c
             WHERE c.is_open AND c.known_key IS NULL
               AND open_windows.at - c.starts_at <= @extschema@.validation_patience()
             ORDER BY c.starts_at, c.environment_id, c.window_date, c.policy_id
             LIMIT max_windows) o
     GROUP BY o.environment_id, o.window_date
     ORDER BY min(o.starts_at), min(o.policy_id)
  LOOP
    EXIT WHEN clock_timestamp() >= deadline;
    INSERT INTO @extschema@.validation_windows
      (policy_id, window_date, starts_at, ends_at, plan_key)
    SELECT u.policy_id, w.window_date, u.starts_at, u.ends_at,
           @extschema@.plan_key(u.starts_at, u.ends_at, c.covered_key)
      FROM unnest(w.policies, w.starts, w.ends) AS u (policy_id, starts_at, ends_at)
      JOIN @extschema@.covered_keys(w.policies) AS c ON c.policy_id = u.policy_id;
    INSERT INTO @extschema@.validation_tasks
      (dashboard_id, policy_id, window_date, environment_id, scheduled_at)
    SELECT d.id, p.policy_id, w.window_date, d.environment_id, p.scheduled_at
      FROM @extschema@.plan_policies(w.policies, w.window_date) p
      JOIN @extschema@.dashboards d ON d.id = p.dashboard_id;
    done := done + cardinality(w.policies);
  END LOOP;
  RETURN done;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.open_windows(timestamptz, timestamptz, integer) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.open_windows(timestamptz, timestamptz, integer) IS
'plans windows that have just opened as foreseen; how many';

-- For the rest it is too late for that, or the plan holds no more.
CREATE FUNCTION @extschema@.spread_windows(
  at timestamptz, deadline timestamptz, max_windows integer) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  patience CONSTANT interval := @extschema@.validation_patience();
  w record;
  free record;
  done integer := 0;
BEGIN
  FOR w IN
    WITH late AS MATERIALIZED (
      -- But for what somebody is at work on: it would be late, and the rest put off, again and again.
      SELECT t.policy_id, t.window_date FROM @extschema@.validation_tasks t
       WHERE t.status = 'pending' AND t.scheduled_at < spread_windows.at - patience
         AND t.held_at IS NULL
         AND NOT EXISTS (SELECT FROM @extschema@.put_off_reports r WHERE r.task_id = t.id)
         FOR NO KEY UPDATE SKIP LOCKED
    ), opened AS MATERIALIZED (
      SELECT c.* FROM @extschema@.current_windows(spread_windows.at) c WHERE c.is_open
    ), keyed AS MATERIALIZED (
      SELECT o.*, @extschema@.plan_key(o.starts_at, o.ends_at, c.covered_key) AS plan_key
        FROM opened o
        JOIN @extschema@.covered_keys(ARRAY(SELECT DISTINCT x.policy_id FROM opened x)) AS c
          ON c.policy_id = o.policy_id
       -- These are for open_windows().
       WHERE o.known_key IS NOT NULL OR spread_windows.at - o.starts_at > patience
    )
    SELECT o.starts_at, o.ends_at, array_agg(o.policy_id ORDER BY o.policy_id) AS policies,
           array_agg(o.window_date ORDER BY o.policy_id) AS dates,
           array_agg(o.plan_key ORDER BY o.policy_id) AS keys,
           array_agg(o.known_key IS NOT NULL ORDER BY o.policy_id) AS known
      FROM keyed o
     WHERE o.known_key IS DISTINCT FROM o.plan_key
        OR (o.policy_id, o.window_date) IN (SELECT l.policy_id, l.window_date FROM late l)
     GROUP BY o.environment_id, o.starts_at, o.ends_at
     ORDER BY min(o.policy_id)
  LOOP
    EXIT WHEN done >= max_windows OR clock_timestamp() >= deadline;
    SELECT array_agg(u.policy_id ORDER BY u.policy_id) AS policies,
           array_agg(u.window_date ORDER BY u.policy_id) AS dates,
           array_agg(u.key ORDER BY u.policy_id) AS keys
      INTO free
      FROM unnest(w.policies, w.dates, w.keys, w.known) AS u (policy_id, window_date, key, is_known)
      LEFT JOIN (SELECT k.policy_id, k.window_date
                   FROM @extschema@.validation_windows k
                   JOIN unnest(w.policies, w.dates) AS x (policy_id, window_date)
                     ON x.policy_id = k.policy_id AND x.window_date = k.window_date
                    FOR NO KEY UPDATE OF k SKIP LOCKED) locked
        ON locked.policy_id = u.policy_id AND locked.window_date = u.window_date
     WHERE NOT u.is_known OR locked.policy_id IS NOT NULL;
    CONTINUE WHEN free.policies IS NULL;
    PERFORM @extschema@.replan_windows(
      free.policies, free.dates, free.keys, w.starts_at, w.ends_at, spread_windows.at);
    done := done + cardinality(free.policies);
  END LOOP;
  RETURN done;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.spread_windows(timestamptz, timestamptz, integer) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.spread_windows(timestamptz, timestamptz, integer) IS
'spreads anew what is left to be checked in windows that are open, where it is late or has changed; of how many';

CREATE FUNCTION @extschema@.plan_windows(
  at timestamptz, deadline timestamptz, max_windows integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
  rest integer := coalesce(max_windows, 2147483647);
BEGIN
  IF NOT @extschema@.lock_work('planning', false) THEN
    RETURN false;
  END IF;
  PERFORM @extschema@.store_put_off_events();
  PERFORM @extschema@.remove_orphans();
  PERFORM @extschema@.refresh_periods();
  PERFORM @extschema@.put_off_deleted_tasks(at);
  rest := rest - @extschema@.withdraw_windows(at, deadline, rest);
  rest := rest - @extschema@.close_windows(at, deadline, rest);
  rest := rest - @extschema@.note_missed_windows(at, deadline, rest);
  rest := rest - @extschema@.open_windows(at, deadline, rest);
  rest := rest - @extschema@.spread_windows(at, deadline, rest);
  RETURN rest <= 0 OR clock_timestamp() >= deadline;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.plan_windows(timestamptz, timestamptz, integer) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.plan_windows(timestamptz, timestamptz, integer) IS
'a piece of planning, of about max_windows windows (null: all): makes the tasks of the windows that are open at a time, spreads them anew where it is late or what is to be checked has changed, and marks what was missed; whether something may be left. Nothing where somebody else is doing it';

CREATE FUNCTION @extschema@.plan_validations(at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @extschema@.plan_windows(at, 'infinity'::timestamptz, NULL::integer);
END
$$;
REVOKE ALL ON FUNCTION @extschema@.plan_validations(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.plan_validations(timestamptz) IS
'all planning that there is to be done at a time, as plan_windows() does it';
