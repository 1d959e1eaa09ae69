-- Snapshots that are due: which is next, taking it, what is missed after a stop, and what fails.
--
-- A snapshot is taken in two steps, which the background worker runs in a transaction each: a query
-- that ends its process has had its turn then, and does not have it again at once.

CREATE FUNCTION @extschema@.missed_snapshots_text(
  period interval, first_missed timestamptz, next_due timestamptz) RETURNS text
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT CASE m.snapshots
           WHEN 1 THEN format('missed the snapshot of %s UTC', m.first_time)
           ELSE format('missed %s snapshots, from that of %s UTC to that of %s UTC',
                       m.snapshots, m.first_time, m.last_time)
         END
    FROM (SELECT ceil(extract(epoch FROM next_due - first_missed) / extract(epoch FROM period))
                   AS snapshots,
                 to_char(first_missed AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS first_time,
                 to_char((next_due - period) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')
                   AS last_time) AS m;
END;
REVOKE ALL ON FUNCTION @extschema@.missed_snapshots_text(interval, timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.missed_snapshots_text(interval, timestamptz, timestamptz) IS
'tells a dashboard''s owner of the snapshots that were not taken: all that were due before next_due, beginning with the first';

-- Here and below the dashboard is locked before its schedule, as by whoever deletes it, so that the
-- two never wait for each other. What is locked already is somebody else's, and left to him.
CREATE FUNCTION @extschema@.postpone_late_snapshots(at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  PERFORM FROM @extschema@.dashboard_schedules s
    WHERE s.run_at < postpone_late_snapshots.at - interval '2 min' AND s.begun_at IS NULL
      AND s.postponed < 2 AND s.period >= interval '4 min'
    LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN;
  END IF;

  -- Of those of one period the one that is late most goes first; the others follow as they would have.
  -- What was put off twice has its turn now: the caller may be one that looks seldom.
  WITH waiting AS MATERIALIZED (
    SELECT s.dashboard_artifact_id, s.period, s.due, s.run_at, s.is_new,
           CASE WHEN s.is_new THEN s.due
                ELSE @extschema@.snapshot_due(s.period, s.slot, postpone_late_snapshots.at)
           END AS last_due
      FROM @extschema@.dashboard_schedules s
      JOIN @extschema@.dashboards d ON d.id = s.dashboard_artifact_id
     WHERE s.run_at <= postpone_late_snapshots.at AND s.begun_at IS NULL
       AND s.postponed < 2 AND s.period >= interval '4 min'
       FOR KEY SHARE OF d SKIP LOCKED FOR UPDATE OF s SKIP LOCKED
  ), judged AS (
    -- A first snapshot is never too late.
    SELECT w.*, lateness, w.is_new OR lateness <= w.period / 2 AS is_worth_it,
           bool_or(w.run_at < postpone_late_snapshots.at - interval '2 min')
             OVER of_period AS is_period_late,
           max(lateness) FILTER (WHERE NOT w.is_new AND lateness <= w.period / 2)
             OVER of_period AS most_late,
           row_number() OVER (of_kind ORDER BY w.run_at, w.dashboard_artifact_id) - 1 AS place,
           count(*) OVER of_kind AS kind_count
      FROM waiting w
     CROSS JOIN LATERAL (SELECT postpone_late_snapshots.at - w.last_due) AS l(lateness)
    WINDOW of_period AS (PARTITION BY w.period), of_kind AS (PARTITION BY w.period, w.is_new)
  ), planned AS (
    SELECT j.dashboard_artifact_id, j.period, j.due AS first_missed,
           CASE WHEN j.is_worth_it THEN j.last_due ELSE j.last_due + j.period END AS due,
           CASE WHEN j.is_new THEN
                  postpone_late_snapshots.at + j.place * (j.period / greatest(j.kind_count, 300))
                WHEN j.is_worth_it THEN postpone_late_snapshots.at + (j.most_late - j.lateness)
                ELSE j.last_due + j.period END AS run_at
      FROM judged j
     WHERE j.is_period_late
  ), moved AS (
    UPDATE @extschema@.dashboard_schedules s
       SET due = p.due, run_at = p.run_at, postponed = s.postponed + 1
      FROM planned p
     WHERE s.dashboard_artifact_id = p.dashboard_artifact_id
  )
  INSERT INTO @extschema@.dashboard_events (dashboard_artifact_id, event_type, message)
  SELECT p.dashboard_artifact_id, 'snapshot_missed',
         @extschema@.missed_snapshots_text(p.period, p.first_missed, p.due)
    FROM planned p
   WHERE p.first_missed < p.due;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.postpone_late_snapshots(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.postpone_late_snapshots(timestamptz) IS
'after a stop of more than 2 minutes: what was due is missed, but for each dashboard''s last one if that was within half a period; those are taken at the pace at which they would have been, first snapshots of new schedules one after the other. Periods under 4 minutes just go on';

CREATE FUNCTION @extschema@.record_failed_snapshot(
  dashboard_id text, reason text, at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  is_news boolean;
BEGIN
  SELECT s.last_error IS DISTINCT FROM reason
         OR s.last_error_told_at <= record_failed_snapshot.at - interval '1 day'
    INTO is_news
    FROM @extschema@.dashboard_schedules s
    JOIN @extschema@.dashboards d ON d.id = s.dashboard_artifact_id
   WHERE s.dashboard_artifact_id = dashboard_id
     FOR KEY SHARE OF d FOR UPDATE OF s;
  UPDATE @extschema@.dashboard_schedules s
     SET begun_at = NULL, begun_by = NULL, failures = s.failures + 1, last_error = reason,
         last_error_told_at = CASE WHEN is_news THEN record_failed_snapshot.at
                                   ELSE s.last_error_told_at END
   WHERE s.dashboard_artifact_id = dashboard_id;
  IF is_news THEN
    INSERT INTO @extschema@.dashboard_events (dashboard_artifact_id, event_type, message)
    VALUES (dashboard_id, 'snapshot_failed', reason);
  END IF;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.record_failed_snapshot(text, text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.record_failed_snapshot(text, text, timestamptz) IS
'a snapshot that was begun has failed; the dashboard''s events tell of it where it is news: another reason than the last time, or a day later';

-- A session takes one snapshot at a time: what it has begun before it begins another one has ended.
CREATE FUNCTION @extschema@.record_ended_snapshots(at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  ended text;
BEGIN
  IF NOT EXISTS (SELECT FROM @extschema@.dashboard_schedules s WHERE s.begun_at IS NOT NULL) THEN
    RETURN;
  END IF;
  -- Else the sessions might be those of a look earlier in this transaction.
  PERFORM pg_stat_clear_snapshot();
  FOR ended IN
    SELECT s.dashboard_artifact_id
      FROM @extschema@.dashboard_schedules s
      JOIN @extschema@.dashboards d ON d.id = s.dashboard_artifact_id
     WHERE s.begun_at IS NOT NULL
       AND (s.begun_by = pg_backend_pid()
            OR NOT EXISTS (SELECT FROM pg_stat_get_activity(s.begun_by) a
                            WHERE coalesce(a.backend_start <= s.begun_at, true)))
       FOR KEY SHARE OF d SKIP LOCKED FOR UPDATE OF s SKIP LOCKED
  LOOP
    PERFORM @extschema@.record_failed_snapshot(
      ended,
      format('could not take a snapshot of dashboard "%s": the background worker ended or was interrupted while it took this snapshot', ended),
      record_ended_snapshots.at);
  END LOOP;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.record_ended_snapshots(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.record_ended_snapshots(timestamptz) IS
'snapshots that were begun by a session that is gone, or does something else by now, have failed';

CREATE FUNCTION @extschema@.begin_due_snapshot(at timestamptz) RETURNS text
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  schedule record;
BEGIN
  PERFORM @extschema@.record_ended_snapshots(begin_due_snapshot.at);
  PERFORM @extschema@.postpone_late_snapshots(begin_due_snapshot.at);

  SELECT s.dashboard_artifact_id AS dashboard_id, s.period, s.due, s.is_new,
         @extschema@.snapshot_due(s.period, s.slot, begin_due_snapshot.at) AS last_due
    INTO schedule
    FROM @extschema@.dashboard_schedules s
    JOIN @extschema@.dashboards d ON d.id = s.dashboard_artifact_id
   WHERE s.run_at <= begin_due_snapshot.at AND s.begun_at IS NULL
   ORDER BY s.run_at, s.dashboard_artifact_id
   LIMIT 1
     FOR KEY SHARE OF d SKIP LOCKED FOR UPDATE OF s SKIP LOCKED;
  IF NOT FOUND THEN
    -- None is due so late unless the clock was set back. It must not wait for that much longer.
    UPDATE @extschema@.dashboard_schedules s
       SET due = next.due, run_at = next.due
      FROM (SELECT o.dashboard_artifact_id,
                   @extschema@.snapshot_due(o.period, o.slot, clock_timestamp()) + o.period AS due
              FROM @extschema@.dashboard_schedules o
             WHERE o.run_at > greatest(begin_due_snapshot.at, clock_timestamp()) + o.period
               FOR UPDATE SKIP LOCKED) AS next
     WHERE s.dashboard_artifact_id = next.dashboard_artifact_id;
    RETURN NULL;
  END IF;

  -- It is taken late enough to be the one that was due last.
  IF schedule.due < schedule.last_due AND NOT schedule.is_new THEN
    INSERT INTO @extschema@.dashboard_events (dashboard_artifact_id, event_type, message)
    VALUES (schedule.dashboard_id, 'snapshot_missed',
            @extschema@.missed_snapshots_text(
              schedule.period, schedule.due, schedule.last_due));
  END IF;
  UPDATE @extschema@.dashboard_schedules s
     SET due = schedule.last_due + schedule.period, run_at = schedule.last_due + schedule.period,
         postponed = 0, is_new = false,
         begun_at = clock_timestamp(), begun_by = pg_backend_pid()
   WHERE s.dashboard_artifact_id = schedule.dashboard_id;
  RETURN schedule.dashboard_id;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.begin_due_snapshot(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.begin_due_snapshot(timestamptz) IS
'gives the session the dashboard whose snapshot has been due longest, to be taken by take_begun_snapshot(); null where none is due';

-- Whoever has inserted a snapshot of the dashboard and does not commit must not hold up the others.
CREATE FUNCTION @extschema@.take_begun_snapshot(dashboard_id text, at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '30 s'
AS $$
#variable_conflict use_column
DECLARE
  message text;
  detail text;
BEGIN
  -- The policy may have been changed in between.
  IF NOT EXISTS (SELECT FROM @extschema@.dashboard_schedules s
                  WHERE s.dashboard_artifact_id = dashboard_id
                    AND s.begun_by = pg_backend_pid()) THEN
    RETURN;
  END IF;
  BEGIN
    PERFORM @extschema@.take_snapshot(dashboard_id);
  EXCEPTION WHEN OTHERS OR query_canceled THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    IF NOT starts_with(message, 'could not take a snapshot of dashboard') THEN
      -- Whoever cancels this session means all that it does, and not the dashboard's query alone.
      IF SQLSTATE = '57014' THEN
        RAISE;
      END IF;
      message := format('could not take a snapshot of dashboard "%s": %s', dashboard_id, message);
    END IF;
    PERFORM @extschema@.record_failed_snapshot(
      dashboard_id, left(concat_ws(': ', message, nullif(detail, '')), 2000),
      take_begun_snapshot.at);
    RETURN;
  END;
  UPDATE @extschema@.dashboard_schedules s
     SET begun_at = NULL, begun_by = NULL, failures = 0, last_error = NULL,
         last_error_told_at = NULL, last_snapshot_at = clock_timestamp()
   WHERE s.dashboard_artifact_id = dashboard_id;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.take_begun_snapshot(text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.take_begun_snapshot(text, timestamptz) IS
'takes the snapshot that this session has begun; a failure is recorded, not raised';

CREATE FUNCTION @extschema@.run_due_snapshots(
  at timestamptz, deadline timestamptz, max_items integer) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  dashboard text;
  done integer := 0;
BEGIN
  WHILE (max_items IS NULL OR done < max_items) AND clock_timestamp() < deadline LOOP
    dashboard := @extschema@.begin_due_snapshot(at);
    EXIT WHEN dashboard IS NULL;
    PERFORM @extschema@.take_begun_snapshot(dashboard, at);
    done := done + 1;
  END LOOP;
  RETURN done;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.run_due_snapshots(timestamptz, timestamptz, integer) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.run_due_snapshots(timestamptz, timestamptz, integer) IS
'takes the snapshots that are due until the deadline, at most max_items (null: all); how many it tried';
