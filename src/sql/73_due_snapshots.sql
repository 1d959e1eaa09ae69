-- Snapshots that are due: which is next, taking it, what is missed after a stop, and what fails.
--
-- A snapshot is taken in two steps, which the background worker runs in a transaction each: a query
-- that ends its process has had its turn then, and does not have it again at once.
--
-- No transaction of a dashboard's owner holds up the snapshots of others: what it holds is put off,
-- which is neither a failure nor a snapshot missed.

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
   WHERE s.dashboard_artifact_id = dashboard_id
     FOR UPDATE;
  UPDATE @extschema@.dashboard_schedules s
     SET begun_at = NULL, begun_by = NULL, held = 0, failures = s.failures + 1,
         last_error = reason,
         last_error_told_at = CASE WHEN is_news THEN record_failed_snapshot.at
                                   ELSE s.last_error_told_at END
   WHERE s.dashboard_artifact_id = dashboard_id;
  IF is_news THEN
    PERFORM @extschema@.store_events(ARRAY[dashboard_id], 'snapshot_failed', ARRAY[reason],
                                     clock_timestamp());
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

CREATE FUNCTION @extschema@.put_off_delay(times integer) RETURNS interval
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
RETURN make_interval(secs => least(5 * 2 ^ least(times, 3), 30));
REVOKE ALL ON FUNCTION @extschema@.put_off_delay(integer) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.put_off_delay(integer) IS
'when a snapshot that somebody holds up is tried again, having been put off so many times';

CREATE FUNCTION @extschema@.put_off_snapshots(
  at timestamptz, before timestamptz, before_id text, only_id text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  missed record;
BEGIN
  FOR missed IN
    WITH held AS MATERIALIZED (
      SELECT s.dashboard_artifact_id AS dashboard_id, s.due AS first_missed, s.period,
             s.held > 0 OR s.is_new AS is_told,
             CASE WHEN s.is_new THEN s.due
                  ELSE greatest(s.due, @extschema@.snapshot_due(s.period, s.slot,
                                                                put_off_snapshots.at))
             END AS due
        FROM @extschema@.dashboard_schedules s
       WHERE s.run_at <= put_off_snapshots.at AND s.begun_at IS NULL
         AND (put_off_snapshots.before IS NULL
              OR (s.run_at, s.dashboard_artifact_id)
                 < (put_off_snapshots.before, put_off_snapshots.before_id))
         AND (put_off_snapshots.only_id IS NULL
              OR s.dashboard_artifact_id = put_off_snapshots.only_id)
         FOR UPDATE SKIP LOCKED
    ), moved AS (
      UPDATE @extschema@.dashboard_schedules s
         SET due = h.due, run_at = put_off_snapshots.at + @extschema@.put_off_delay(s.held),
             held = s.held + 1
        FROM held h
       WHERE s.dashboard_artifact_id = h.dashboard_id
    )
    -- What passes from now on is missed by nobody's fault.
    SELECT array_agg(h.dashboard_id) AS dashboards,
           array_agg(@extschema@.missed_snapshots_text(h.period, h.first_missed, h.due)) AS messages
      FROM held h
     WHERE NOT h.is_told AND h.first_missed < h.due
  LOOP
    PERFORM @extschema@.store_events(missed.dashboards, 'snapshot_missed', missed.messages,
                                     clock_timestamp());
  END LOOP;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.put_off_snapshots(timestamptz, timestamptz, text, text)
  FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.put_off_snapshots(timestamptz, timestamptz, text, text) IS
'puts off the snapshots that are due before a place in their order (null: all), or one dashboard''s: somebody holds what they need';

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
  is_found boolean;
BEGIN
  PERFORM @extschema@.record_ended_snapshots(begin_due_snapshot.at);
  PERFORM @extschema@.postpone_late_snapshots(begin_due_snapshot.at);

  LOOP
    SELECT s.dashboard_artifact_id AS dashboard_id, s.run_at, s.period, s.due, s.is_new, s.held,
           @extschema@.snapshot_due(s.period, s.slot, begin_due_snapshot.at) AS last_due
      INTO schedule
      FROM @extschema@.dashboard_schedules s
      JOIN @extschema@.dashboards d ON d.id = s.dashboard_artifact_id
     WHERE s.run_at <= begin_due_snapshot.at AND s.begun_at IS NULL
     ORDER BY s.run_at, s.dashboard_artifact_id
     LIMIT 1
       FOR KEY SHARE OF d SKIP LOCKED FOR UPDATE OF s SKIP LOCKED;
    is_found := FOUND;
    -- Those before it were passed over: their dashboards are held.
    PERFORM @extschema@.put_off_snapshots(
      begin_due_snapshot.at, schedule.run_at, schedule.dashboard_id, NULL::text);
    EXIT WHEN NOT is_found OR @extschema@.can_take_snapshot(schedule.dashboard_id);
    PERFORM @extschema@.put_off_snapshots(
      begin_due_snapshot.at, NULL::timestamptz, NULL::text, schedule.dashboard_id);
  END LOOP;
  IF NOT is_found THEN
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
  IF schedule.due < schedule.last_due AND NOT schedule.is_new AND schedule.held = 0 THEN
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

CREATE FUNCTION @extschema@.put_off_begun_snapshot(dashboard_id text, at timestamptz)
RETURNS void
LANGUAGE sql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  UPDATE @extschema@.dashboard_schedules s
     SET begun_at = NULL, begun_by = NULL, held = s.held + 1, due = s.due - s.period,
         run_at = put_off_begun_snapshot.at + @extschema@.put_off_delay(s.held)
   WHERE s.dashboard_artifact_id = put_off_begun_snapshot.dashboard_id;
END;
REVOKE ALL ON FUNCTION @extschema@.put_off_begun_snapshot(text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.put_off_begun_snapshot(text, timestamptz) IS
'gives back a snapshot that this session has begun: somebody holds what it needs';

-- The queue is one, and an owner may have many slow ones in it.
CREATE FUNCTION @extschema@.let_other_owners_go_first(dashboard_id text, took interval)
RETURNS void
LANGUAGE sql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH due AS MATERIALIZED (
    SELECT s.dashboard_artifact_id, d.owner
      FROM @extschema@.dashboard_schedules s
      JOIN @extschema@.dashboards d ON d.id = s.dashboard_artifact_id
     WHERE s.run_at <= clock_timestamp() AND s.begun_at IS NULL
  ), owner AS (
    SELECT d.owner FROM @extschema@.dashboards d WHERE d.id = let_other_owners_go_first.dashboard_id
  ), behind AS MATERIALIZED (
    SELECT o.dashboard_artifact_id FROM @extschema@.dashboard_schedules o
     WHERE o.dashboard_artifact_id IN (SELECT due.dashboard_artifact_id FROM due, owner
                                        WHERE due.owner = owner.owner)
       AND EXISTS (SELECT FROM due, owner WHERE due.owner <> owner.owner)
       FOR UPDATE SKIP LOCKED
  )
  UPDATE @extschema@.dashboard_schedules s
     SET run_at = clock_timestamp() + let_other_owners_go_first.took
    FROM behind b
   WHERE s.dashboard_artifact_id = b.dashboard_artifact_id;
END;
REVOKE ALL ON FUNCTION @extschema@.let_other_owners_go_first(text, interval) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.let_other_owners_go_first(text, interval) IS
'after a snapshot that took so long: what else is due of the same owner waits as long, where something of others is due';

-- What is needed may be taken away while the queries run, or be of a kind that nobody can ask for
-- beforehand. Then a short wait is all that it costs the others.
CREATE FUNCTION @extschema@.take_begun_snapshot(dashboard_id text, at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '200 ms'
AS $$
#variable_conflict use_column
DECLARE
  -- For so long, about ten minutes, tables that a query reads may be locked.
  patience CONSTANT integer := 20;
  is_free boolean;
  -- What takes longer has others go first.
  quick CONSTANT interval := '1 s';
  began CONSTANT timestamptz := clock_timestamp();
  held integer;
  message text;
  detail text;
BEGIN
  PERFORM FROM @extschema@.dashboards d WHERE d.id = dashboard_id FOR KEY SHARE SKIP LOCKED;
  is_free := FOUND;
  -- The policy may have been changed in between.
  SELECT s.held INTO held FROM @extschema@.dashboard_schedules s
   WHERE s.dashboard_artifact_id = dashboard_id AND s.begun_by = pg_backend_pid()
     FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  ELSIF NOT is_free OR NOT @extschema@.can_take_snapshot(dashboard_id) THEN
    PERFORM @extschema@.put_off_begun_snapshot(dashboard_id, take_begun_snapshot.at);
    RETURN;
  END IF;
  BEGIN
    PERFORM @extschema@.take_snapshot(dashboard_id);
  EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    IF SQLSTATE IN ('55P03', '40P01')
       AND (held < patience
            OR NOT starts_with(message, 'could not take a snapshot of dashboard')) THEN
      PERFORM @extschema@.put_off_begun_snapshot(dashboard_id, take_begun_snapshot.at);
      RETURN;
    END IF;
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
    IF clock_timestamp() - began > quick THEN
      PERFORM @extschema@.let_other_owners_go_first(dashboard_id, clock_timestamp() - began);
    END IF;
    RETURN;
  END;
  IF clock_timestamp() - began > quick THEN
    PERFORM @extschema@.let_other_owners_go_first(dashboard_id, clock_timestamp() - began);
  END IF;
  UPDATE @extschema@.dashboard_schedules s
     SET begun_at = NULL, begun_by = NULL, held = 0, failures = 0, last_error = NULL,
         last_error_told_at = NULL, last_snapshot_at = clock_timestamp()
   WHERE s.dashboard_artifact_id = dashboard_id;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.take_begun_snapshot(text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.take_begun_snapshot(text, timestamptz) IS
'takes the snapshot that this session has begun; a failure is recorded, not raised, and what somebody holds up is put off';

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
