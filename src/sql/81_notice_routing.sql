-- Who is told of dashboards' health: what is news in a window of checks, and for whom.

CREATE TABLE @extschema@.user_dashboard_preferences (
  user_name name PRIMARY KEY DEFAULT current_user,
  telegram_id text
    CHECK (telegram_id IS NULL OR @extschema@.validate_target('telegram', telegram_id)),
  email_address text
    CHECK (email_address IS NULL OR @extschema@.validate_target('email', email_address)),
  notify_on_fail boolean NOT NULL DEFAULT true,
  quiet_start time,
  quiet_end time,
  timezone text NOT NULL DEFAULT 'UTC'
    -- An error for what is none.
    CHECK (timezone(timezone, timestamptz 'epoch') IS NOT NULL),
  CONSTRAINT user_dashboard_preferences_quiet_hours_check CHECK (
    coalesce(quiet_start <> quiet_end, num_nulls(quiet_start, quiet_end) = 2))
);
COMMENT ON TABLE @extschema@.user_dashboard_preferences IS
'how the owner of dashboards wants to be told of their health; members of the role see and, given the right, change it';
COMMENT ON COLUMN @extschema@.user_dashboard_preferences.user_name IS
'the role that owns dashboards';
COMMENT ON COLUMN @extschema@.user_dashboard_preferences.telegram_id IS
'a chat''s id, or a public channel''s @name; null: not by Telegram';
COMMENT ON COLUMN @extschema@.user_dashboard_preferences.email_address IS 'null: not by e-mail';
COMMENT ON COLUMN @extschema@.user_dashboard_preferences.notify_on_fail IS
'whether to be told at all as an owner';
COMMENT ON COLUMN @extschema@.user_dashboard_preferences.quiet_start IS
'from then until quiet_end, a time of the same day or of the next, messages wait; null: they never do';
COMMENT ON COLUMN @extschema@.user_dashboard_preferences.timezone IS 'of the quiet hours';

ALTER TABLE @extschema@.user_dashboard_preferences ENABLE ROW LEVEL SECURITY;
CREATE POLICY preferences_of_user ON @extschema@.user_dashboard_preferences
  USING (@extschema@.has_owner_rights(user_name));

CREATE TABLE @extschema@.validation_states (
  dashboard_id text NOT NULL REFERENCES @extschema@.dashboards ON DELETE CASCADE,
  policy_id bigint NOT NULL REFERENCES @extschema@.validation_policies ON DELETE CASCADE,
  status text NOT NULL,
  told_at timestamptz NOT NULL,
  PRIMARY KEY (dashboard_id, policy_id)
);
CREATE INDEX validation_states_policy_idx ON @extschema@.validation_states (policy_id);
COMMENT ON TABLE @extschema@.validation_states IS
'what was last told of a dashboard''s health on behalf of a policy, so that the same is not told every day; no row: nothing yet';
COMMENT ON COLUMN @extschema@.validation_states.status IS
'PASS, WARN or FAIL: UNKNOWN changes nothing';

ALTER TABLE @extschema@.validation_states ENABLE ROW LEVEL SECURITY;
CREATE POLICY states_of_dashboard ON @extschema@.validation_states FOR SELECT
  USING (EXISTS (SELECT FROM @extschema@.dashboards d
                  WHERE d.id = dashboard_id AND @extschema@.has_owner_rights(d.owner)));

-- What routing looks through every time.
CREATE INDEX validation_windows_unrouted_idx ON @extschema@.validation_windows (ends_at)
  WHERE routed_at IS NULL;

CREATE FUNCTION @extschema@.quiet_hours_end(
  at timestamptz,
  quiet_start time,
  quiet_end time,
  zone text
) RETURNS timestamptz
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT timezone(quiet_hours_end.zone,
                  l.local_time::date + quiet_hours_end.quiet_end
                  + CASE WHEN l.local_time::time < quiet_hours_end.quiet_end THEN interval '0'
                         ELSE interval '1 day' END)
    FROM (SELECT timezone(quiet_hours_end.zone, quiet_hours_end.at) AS local_time) l
   WHERE CASE WHEN quiet_hours_end.quiet_start < quiet_hours_end.quiet_end
              THEN l.local_time::time >= quiet_hours_end.quiet_start
                   AND l.local_time::time < quiet_hours_end.quiet_end
              ELSE l.local_time::time >= quiet_hours_end.quiet_start
                   OR l.local_time::time < quiet_hours_end.quiet_end END;
END;
COMMENT ON FUNCTION @extschema@.quiet_hours_end(timestamptz, time, time, text) IS
'when the quiet hours end that it is in the middle of at that time; null where there are none';

CREATE FUNCTION @extschema@.health_news(policy_id bigint, window_date date, at timestamptz)
RETURNS TABLE (
  place integer,
  dashboard_id text,
  owner name,
  status text,
  state text,
  entry jsonb
)
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH results AS (
    SELECT d.id, coalesce(nullif(left(d.title, 200), ''), d.id) AS title, d.owner, r.status,
           CASE WHEN length(r.summary) > 1000 THEN left(r.summary, 999) || '…'
                ELSE r.summary END AS summary,
           r.issues, s.status AS was,
           CASE p.alert_condition WHEN 'FAIL_ONLY' THEN ARRAY['FAIL'] ELSE ARRAY['FAIL', 'WARN'] END
             AS bad,
           p.alert_condition = 'ALWAYS' AS always,
           -- Windows are not over at the same second every day, and days with a change of clocks
           -- are shorter.
           s.told_at + p.renotify_after - least(p.renotify_after * 0.1, interval '3 hours')
               <= health_news.at
             AND NOT EXISTS (SELECT FROM @extschema@.health_acknowledgements k
                              WHERE k.dashboard_id = d.id AND k.status = r.status
                                AND NOT EXISTS (SELECT FROM @extschema@.validation_records b
                                                 WHERE b.dashboard_id = d.id AND b.status = 'PASS'
                                                   AND b.created_at > k.acknowledged_at))
             AS remind
      FROM @extschema@.validation_policies p
      JOIN @extschema@.validation_tasks t ON t.policy_id = p.id
      -- The dashboard may have another owner than when the check was planned.
      JOIN @extschema@.dashboards d
        ON d.id = t.dashboard_id AND @extschema@.role_has_rights(p.owner, d.owner)
     CROSS JOIN LATERAL (
       SELECT x.status, x.summary, x.issues
         FROM @extschema@.validation_records x
        WHERE x.dashboard_id = t.dashboard_id AND x.task_id = t.id
        ORDER BY x.created_at DESC, x.id DESC
        LIMIT 1) r
      LEFT JOIN @extschema@.validation_states s
        ON s.dashboard_id = t.dashboard_id AND s.policy_id = p.id
     WHERE p.id = health_news.policy_id AND t.window_date = health_news.window_date
       AND t.status = 'done' AND NOT t.routed
  ), judged AS (
    SELECT x.*, CASE WHEN x.status = 'FAIL' THEN 'failing'
                     WHEN x.status = 'UNKNOWN' THEN 'unknown'
                     WHEN x.was = ANY (x.bad) AND x.status <> ALL (x.bad) THEN 'recovered'
                     WHEN x.status = 'WARN' THEN 'with warnings'
                     ELSE 'passing' END AS state
      FROM results x
  )
  SELECT array_position(ARRAY['failing', 'with warnings', 'unknown', 'recovered', 'passing'], j.state),
         j.id, j.owner, j.status, j.state,
         jsonb_build_object(
           'dashboard_id', j.id, 'title', j.title, 'status', j.status, 'was', j.was,
           'headline', j.title || CASE j.state
             WHEN 'failing' THEN CASE WHEN j.was = j.status THEN ' is still failing'
                                      ELSE ' is failing' END
             WHEN 'with warnings' THEN CASE WHEN j.was = j.status THEN ' still has warnings'
                                            ELSE ' has warnings' END
             WHEN 'unknown' THEN ' could not be judged'
             WHEN 'recovered' THEN CASE j.status WHEN 'PASS' THEN ' has recovered'
                                        ELSE ' is no longer failing' END
             ELSE ' is passing' END,
           'summary', j.summary,
           'issues', jsonb_path_query_array(j.issues, '$[0 to 9]'),
           'issue_count', jsonb_array_length(j.issues))
    FROM judged j
   WHERE j.always OR j.state = 'recovered'
      OR (j.status = ANY (j.bad) AND (j.was IS DISTINCT FROM j.status OR j.remind));
END;
REVOKE ALL ON FUNCTION @extschema@.health_news(bigint, date, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.health_news(bigint, date, timestamptz) IS
'what the checks of a policy''s window found that is to be told at that time, as entries of a notice; place: the order in which to tell it';

CREATE FUNCTION @extschema@.notice_title(policy_name text, first_headline text, states text[])
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT CASE WHEN cardinality(notice_title.states) = 1 THEN notice_title.first_headline
              ELSE string_agg(g.words, ', ' ORDER BY g.first_place) END
         || ': ' || notice_title.policy_name
    FROM (SELECT min(s.place) AS first_place,
                 count(*) || CASE WHEN min(s.place) > 1 THEN ' '
                                  WHEN count(*) = 1 THEN ' dashboard '
                                  ELSE ' dashboards ' END || s.state AS words
            FROM unnest(notice_title.states) WITH ORDINALITY AS s(state, place)
           GROUP BY s.state) g;
END;
REVOKE ALL ON FUNCTION @extschema@.notice_title(text, text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.notice_title(text, text, text[]) IS
'"3 dashboards failing, 1 recovered: nightly": the states of the dashboards told of, in their order, and the policy; for a single one its headline';

-- All of it in the caller's transaction: what is said to be told has been put into the outbox.
CREATE FUNCTION @extschema@.route_windows(
  at timestamptz, deadline timestamptz, max_windows integer,
  OUT messages integer, OUT is_more boolean)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '200 ms'
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  -- More would not be read.
  longest_message CONSTANT integer := 50;
  more bigint;
  routed integer := 0;
  due record;
  in_news text[];
  held text[];
  is_whole boolean;
BEGIN
  messages := 0;
  -- The policy is locked too, so that its windows are looked at one after the other: each goes by
  -- what the one before told. What somebody holds is left to the next time, and does not hold up the
  -- rest; so does a check that is still to be done for that reason.
  FOR due IN
    SELECT w.policy_id, w.window_date, p.name, p.owner, p.notify_owners, p.custom_channels
      FROM @extschema@.validation_windows w
      JOIN @extschema@.validation_policies p ON p.id = w.policy_id
     WHERE w.routed_at IS NULL
       AND (w.closed_at IS NOT NULL
            OR (EXISTS (SELECT FROM @extschema@.validation_tasks t
                         WHERE t.policy_id = w.policy_id AND t.window_date = w.window_date)
                AND NOT EXISTS (SELECT FROM @extschema@.validation_tasks t
                                 WHERE t.policy_id = w.policy_id
                                   AND t.window_date = w.window_date
                                   AND t.status IN ('pending', 'claimed')
                                   AND (t.status = 'claimed'
                                        OR t.held_at IS NULL
                                           AND coalesce(t.scheduled_at > w.held_at, true))
                                   AND NOT EXISTS (SELECT FROM @extschema@.put_off_reports r
                                                    WHERE r.task_id = t.id))))
     ORDER BY w.put_off_at NULLS FIRST, w.ends_at, w.policy_id
     LIMIT max_windows
       FOR NO KEY UPDATE SKIP LOCKED
  LOOP
    EXIT WHEN clock_timestamp() >= deadline;
    -- Where nothing was done there is nothing to tell.
    is_whole := NOT EXISTS (
      SELECT FROM @extschema@.validation_tasks t
       WHERE t.policy_id = due.policy_id AND t.window_date = due.window_date
         AND t.status = 'done' AND NOT t.routed);
    IF is_whole THEN
      UPDATE @extschema@.validation_windows w SET routed_at = route_windows.at, put_off_at = NULL
       WHERE w.policy_id = due.policy_id AND w.window_date = due.window_date;
      routed := routed + 1;
      CONTINUE;
    END IF;
    BEGIN
      in_news := ARRAY(
        SELECT n.dashboard_id
          FROM @extschema@.health_news(due.policy_id, due.window_date, route_windows.at) n);
      held := ARRAY(
        SELECT n.id FROM unnest(in_news) AS n (id)
        EXCEPT
        SELECT free.id
          FROM (SELECT d.id FROM @extschema@.dashboards d
                 WHERE d.id = ANY (in_news) FOR KEY SHARE SKIP LOCKED) free);
      WITH news AS MATERIALIZED (
        SELECT *
          FROM @extschema@.health_news(due.policy_id, due.window_date, route_windows.at) n
         WHERE n.dashboard_id <> ALL (held)
      ), owners AS (
        SELECT n.*, u.user_name, u.telegram_id, u.email_address,
               coalesce(u.notify_on_fail, true) AS notify_on_fail,
               @extschema@.quiet_hours_end(route_windows.at, u.quiet_start, u.quiet_end,
                                           u.timezone) AS quiet_until
          FROM news n
          LEFT JOIN @extschema@.user_dashboard_preferences u ON u.user_name = n.owner
         WHERE due.notify_owners
      ), recipients AS (
        SELECT c.kind, c.target, o.place, o.dashboard_id, o.state, o.entry, o.quiet_until
          FROM owners o
         CROSS JOIN LATERAL (VALUES ('telegram', o.telegram_id), ('email', o.email_address))
                 AS c(kind, target)
         WHERE o.notify_on_fail AND c.target IS NOT NULL
        UNION ALL
        SELECT lower(c.type), c.target, n.place, n.dashboard_id, n.state, n.entry, NULL
          FROM news n
         CROSS JOIN jsonb_to_recordset(due.custom_channels) AS c(type text, target text)
      ), parts AS (
        -- Who is told as an owner and by a channel, or by two channels, is told once.
        SELECT r.kind, r.target, r.place, r.dashboard_id, r.state, r.entry,
               max(r.quiet_until) AS quiet_until
          FROM recipients r
         GROUP BY r.kind, r.target, r.place, r.dashboard_id, r.state, r.entry
      ), messages AS MATERIALIZED (
        SELECT m.*, nextval('@extschema@.validation_notices_id_seq'::regclass) AS id
          FROM (SELECT p.kind, p.target, max(p.quiet_until) AS quiet_until,
                       array_agg(p.state ORDER BY p.place, p.dashboard_id COLLATE "C") AS states,
                       array_agg(p.entry ORDER BY p.place, p.dashboard_id COLLATE "C") AS entries
                  FROM parts p
                 GROUP BY p.kind, p.target) m
      ), notices AS (
        INSERT INTO @extschema@.validation_notices
          (dashboard_artifact_id, id, policy_id, policy_name, window_date, title, summary, entries,
           more, owner, created_at)
        SELECT m.entries[1] ->> 'dashboard_id', m.id, due.policy_id, due.name, due.window_date,
               @extschema@.notice_title(due.name, m.entries[1] ->> 'headline', m.states),
               CASE cardinality(m.entries) WHEN 1 THEN '' ELSE m.entries[1] ->> 'title' || ': ' END
               || (m.entries[1] ->> 'summary')
               || CASE cardinality(m.entries) WHEN 1 THEN ''
                       ELSE format('; and %s more', cardinality(m.entries) - 1) END,
               to_jsonb(m.entries[1:longest_message]),
               greatest(cardinality(m.entries) - longest_message, 0), due.owner,
               route_windows.at
          FROM messages m
      ), deliveries AS (
        INSERT INTO @extschema@.dashboard_deliveries AS d
          (dashboard_artifact_id, notice_id, subscriber_kind, target, next_attempt_at)
        SELECT m.entries[1] ->> 'dashboard_id', m.id, m.kind, m.target,
               coalesce(m.quiet_until, clock_timestamp())
          FROM messages m
        RETURNING d.id
      ), told AS (
        INSERT INTO @extschema@.validation_states AS s (dashboard_id, policy_id, status, told_at)
        SELECT n.dashboard_id, due.policy_id, n.status, route_windows.at
          FROM news n
         WHERE n.status <> 'UNKNOWN'
           AND n.dashboard_id IN (SELECT p.dashboard_id FROM parts p)
        ON CONFLICT (dashboard_id, policy_id)
          DO UPDATE SET status = EXCLUDED.status, told_at = EXCLUDED.told_at
      ), not_told AS (
        SELECT o.dashboard_id,
               format('Owner %s was not told that %s (policy %s): %s.', o.owner,
                      o.entry ->> 'headline', due.name,
                      CASE WHEN o.user_name IS NULL THEN
                             'user_dashboard_preferences has no row for the role'
                           ELSE 'the role''s row of user_dashboard_preferences has neither a '
                                'telegram_id nor an email_address' END) AS message
          FROM owners o
         WHERE o.notify_on_fail AND num_nonnulls(o.telegram_id, o.email_address) = 0
      ), events AS (
        INSERT INTO @extschema@.dashboard_events
          (dashboard_artifact_id, event_type, message, created_at)
        SELECT x.dashboard_id, 'owner_not_told', x.message, route_windows.at
          FROM not_told x
         WHERE NOT EXISTS (SELECT FROM @extschema@.dashboard_events e
                            WHERE e.dashboard_artifact_id = x.dashboard_id
                              AND e.event_type = 'owner_not_told' AND e.message = x.message
                              AND e.created_at > route_windows.at - interval '1 day')
      )
      SELECT count(*) INTO more FROM deliveries;
      messages := messages + more;

      UPDATE @extschema@.validation_tasks t
         SET routed = true
        FROM (SELECT x.dashboard_id, x.id FROM @extschema@.validation_tasks x
               WHERE x.policy_id = due.policy_id AND x.window_date = due.window_date
                 AND x.status = 'done' AND NOT x.routed AND x.dashboard_id <> ALL (held)
                 FOR NO KEY UPDATE SKIP LOCKED) free
       WHERE t.dashboard_id = free.dashboard_id AND t.id = free.id;
      is_whole := NOT EXISTS (
        SELECT FROM @extschema@.validation_tasks t
         WHERE t.policy_id = due.policy_id AND t.window_date = due.window_date
           AND t.status = 'done' AND NOT t.routed);
    EXCEPTION WHEN OTHERS THEN
      -- Tried again next time; the others are not to wait for it.
      RAISE WARNING 'could not tell what the checks of policy "%" found on %: %', due.name,
        due.window_date, SQLERRM USING ERRCODE = SQLSTATE;
    END;
    UPDATE @extschema@.validation_windows w
       SET routed_at = CASE WHEN is_whole THEN route_windows.at END,
           put_off_at = CASE WHEN NOT is_whole THEN clock_timestamp() END
     WHERE w.policy_id = due.policy_id AND w.window_date = due.window_date;
    routed := routed + is_whole::integer;
  END LOOP;
  is_more := routed > 0 AND (routed = max_windows OR clock_timestamp() >= deadline);
  -- Unset where nothing has loaded the library yet: then it is on.
  IF messages > 0
     AND coalesce(current_setting('dashboard_diff.notify', true), 'on')::boolean THEN
    PERFORM @extschema@.wake_listeners();
  END IF;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.route_windows(timestamptz, timestamptz, integer) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.route_windows(timestamptz, timestamptz, integer) IS
'puts what windows of checks that are over have to tell into the outbox, one message a recipient and window, of at most max_windows windows (null: all); the number of messages, and whether there may be more';

CREATE FUNCTION @extschema@.route_health_notices(at timestamptz) RETURNS integer
LANGUAGE sql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT r.messages
    FROM @extschema@.route_windows(
           route_health_notices.at, 'infinity'::timestamptz, NULL::integer) r;
END;
REVOKE ALL ON FUNCTION @extschema@.route_health_notices(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.route_health_notices(timestamptz) IS
'tells all that there is to tell of windows of checks that are over; the number of messages';

-- SECURITY DEFINER because a listener's own role should hold no right on any table.
CREATE FUNCTION @extschema@.policy_secret_version(policy_id bigint) RETURNS integer
LANGUAGE sql STABLE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT 1 FROM @extschema@.validation_policies p WHERE p.id = policy_secret_version.policy_id;
END;
REVOKE ALL ON FUNCTION @extschema@.policy_secret_version(bigint) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.policy_secret_version(bigint) IS
'for listeners: which version of a validation policy''s signing key is in force, so far always the first; null where there is no such policy';
