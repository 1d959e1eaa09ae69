-- Who is told of what checks found: transitions, reminders, grouping, quiet hours.
SET timezone = 'UTC';
CREATE ROLE regress_ana;
CREATE ROLE regress_ben;
INSERT INTO dashboards (id, title, owner)
VALUES ('sales', 'Sales EU', 'regress_ana'), ('stock', NULL, 'regress_ana'), ('genes', 'Genes', 'regress_ben');
INSERT INTO user_dashboard_preferences (user_name, telegram_id, email_address) VALUES ('regress_ana', '1001', 'ana@example.com');
INSERT INTO validation_policies (id, name, window_start, window_end, renotify_after, custom_channels)
VALUES (1, 'nightly', '01:00', '05:00', '7 days', '[{"type": "SLACK", "target": "#ops"}]');
-- A window of March 2026 that ends at 05:00.
CREATE FUNCTION pg_temp.open_window(policy bigint, day integer) RETURNS void LANGUAGE sql AS $$
  INSERT INTO validation_windows (policy_id, window_date, starts_at, ends_at, plan_key)
  SELECT policy, d, d + time '01:00', d + time '05:00', '' FROM make_date(2026, 3, day) d
  ON CONFLICT DO NOTHING;
$$;
-- What a check found in it; null: it has not been done yet.
CREATE FUNCTION pg_temp.result(policy bigint, day integer, dashboard text, status text, summary text DEFAULT '', issues jsonb DEFAULT '[]') RETURNS void LANGUAGE sql AS $$
  SELECT pg_temp.open_window(policy, day);
  WITH task AS (
    INSERT INTO validation_tasks (dashboard_id, policy_id, window_date, environment_id, scheduled_at, status)
    VALUES (dashboard, policy, make_date(2026, 3, day), 'default', make_date(2026, 3, day) + time '02:00', CASE WHEN status IS NULL THEN 'pending' ELSE 'done' END)
    RETURNING id, scheduled_at
  )
  INSERT INTO validation_records (dashboard_id, task_id, policy_id, status, summary, issues, created_at)
  SELECT dashboard, task.id, policy, result.status, result.summary, result.issues, task.scheduled_at FROM task WHERE result.status IS NOT NULL;
$$;
CREATE FUNCTION pg_temp.hour(day integer, hour time DEFAULT '03:00') RETURNS timestamptz LANGUAGE sql AS $$
  SELECT make_date(2026, 3, day) + hour;
$$;
-- Routes at that time, and shows the messages that come of it.
CREATE FUNCTION pg_temp.route(at timestamptz) RETURNS TABLE (kind text, target text, title text, summary text, headlines text) LANGUAGE plpgsql AS $$
BEGIN
  -- As planning closes windows that are over.
  UPDATE validation_windows w SET closed_at = route.at WHERE w.ends_at <= route.at AND w.closed_at IS NULL;
  PERFORM route_health_notices(route.at);
  RETURN QUERY
    SELECT d.subscriber_kind, d.target, n.title, n.summary,
           CASE WHEN jsonb_array_length(n.entries) > 1 THEN (SELECT string_agg(e ->> 'headline', ', ' ORDER BY i) FROM jsonb_array_elements(n.entries) WITH ORDINALITY e(e, i)) END
      FROM validation_notices n JOIN dashboard_deliveries d ON d.dashboard_artifact_id = n.dashboard_artifact_id AND d.notice_id = n.id
     WHERE n.created_at = route.at ORDER BY 1, 2, n.policy_id;
END $$;

--
-- When a window is over
--

-- Not while a check is to come, nor before there is any.
SELECT pg_temp.result(1, 1, 'sales', 'FAIL', '12 rows, at least 20 expected'), pg_temp.result(1, 1, 'stock', NULL), pg_temp.open_window(1, 2);
SELECT * FROM pg_temp.route(pg_temp.hour(1));
UPDATE validation_tasks SET status = 'claimed' WHERE status = 'pending';
SELECT * FROM pg_temp.route(pg_temp.hour(1));
-- All done or missed: told at once. The title and the worst come first; a recipient gets one message.
UPDATE validation_tasks SET status = 'missed' WHERE status = 'claimed';
SELECT * FROM pg_temp.route(pg_temp.hour(1));
SELECT window_date, routed_at FROM validation_windows ORDER BY 1;
-- Once.
SELECT * FROM pg_temp.route(pg_temp.hour(1, '03:01'));
SELECT dashboard_id, policy_id, status, told_at FROM validation_states;
-- Or the window's end, with what is done by then; without any check it is over all the same.
SELECT pg_temp.result(1, 3, 'stock', 'FAIL', 'empty'), pg_temp.result(1, 3, 'sales', NULL);
SELECT * FROM pg_temp.route(pg_temp.hour(3, '04:59'));
SELECT * FROM pg_temp.route(pg_temp.hour(3, '05:00'));
SELECT window_date, routed_at FROM validation_windows ORDER BY 1;

--
-- FAIL_ONLY: into a failure, out of it, and reminders
--

-- The same is told again after renotify_after, which is met by a window that is over a little earlier.
SELECT pg_temp.result(1, 4, 'sales', 'FAIL', 'still'), pg_temp.result(1, 4, 'stock', 'UNKNOWN', 'broken');
SELECT * FROM pg_temp.route(pg_temp.hour(4));
SELECT pg_temp.result(1, 8, 'sales', 'FAIL', 'for a week'), pg_temp.result(1, 8, 'stock', 'UNKNOWN', 'broken');
SELECT * FROM pg_temp.route(pg_temp.hour(8, '02:30'));
-- UNKNOWN has changed nothing; a warning is no failure.
SELECT pg_temp.result(1, 9, 'sales', 'PASS', '5 checks passed'), pg_temp.result(1, 9, 'stock', 'WARN', 'few'), pg_temp.result(1, 9, 'genes', 'WARN', 'few');
SELECT * FROM pg_temp.route(pg_temp.hour(9));
SELECT pg_temp.result(1, 10, 'sales', 'PASS'), pg_temp.result(1, 10, 'stock', 'PASS'), pg_temp.result(1, 10, 'genes', 'PASS');
SELECT * FROM pg_temp.route(pg_temp.hour(10));
SELECT dashboard_id, status, told_at FROM validation_states ORDER BY 1;

-- What somebody has taken on is not told again, as long as it is the same and was not well in between.
SELECT pg_temp.result(1, 11, 'sales', 'FAIL');
SELECT * FROM pg_temp.route(pg_temp.hour(11));
INSERT INTO health_acknowledgements (dashboard_id, record_id, checked_at, status, acknowledged_by, acknowledged_at)
VALUES ('sales', 0, pg_temp.hour(11), 'FAIL', 'regress_ana', pg_temp.hour(11, '09:00'));
SELECT pg_temp.result(1, 18, 'sales', 'FAIL');
SELECT * FROM pg_temp.route(pg_temp.hour(18));
UPDATE health_acknowledgements SET status = 'WARN';
SELECT pg_temp.result(1, 19, 'sales', 'FAIL');
SELECT * FROM pg_temp.route(pg_temp.hour(19));
UPDATE health_acknowledgements SET status = 'FAIL';
INSERT INTO validation_records (dashboard_id, status, created_at) VALUES ('sales', 'PASS', pg_temp.hour(20));
SELECT pg_temp.result(1, 26, 'sales', 'FAIL');
SELECT * FROM pg_temp.route(pg_temp.hour(26));
DELETE FROM health_acknowledgements;
-- Without renotify_after nothing is told twice.
UPDATE validation_policies SET renotify_after = NULL;
SELECT pg_temp.result(1, 31, 'sales', 'FAIL');
SELECT * FROM pg_temp.route('2027-01-01');

--
-- WARN_AND_FAIL, ALWAYS
--
DELETE FROM validation_windows;
DELETE FROM validation_states;
DELETE FROM validation_notices;
SELECT count(*) AS deliveries FROM dashboard_deliveries;
UPDATE validation_policies SET alert_condition = 'WARN_AND_FAIL', custom_channels = '[]';
SELECT pg_temp.result(1, 1, 'sales', 'WARN', 'few'), pg_temp.result(1, 1, 'stock', 'FAIL', 'none');
SELECT * FROM pg_temp.route(pg_temp.hour(1));
SELECT pg_temp.result(1, 2, 'sales', 'FAIL', 'none'), pg_temp.result(1, 2, 'stock', 'WARN', 'few');
SELECT * FROM pg_temp.route(pg_temp.hour(2));
SELECT pg_temp.result(1, 3, 'sales', 'PASS', '3 checks passed'), pg_temp.result(1, 3, 'stock', 'WARN', 'few');
SELECT * FROM pg_temp.route(pg_temp.hour(3));
UPDATE validation_policies SET alert_condition = 'ALWAYS';
SELECT pg_temp.result(1, 4, 'sales', 'PASS', '3 checks passed'), pg_temp.result(1, 4, 'stock', 'UNKNOWN', 'no snapshot');
SELECT * FROM pg_temp.route(pg_temp.hour(4));
SELECT pg_temp.result(1, 5, 'sales', 'PASS', '3 checks passed'), pg_temp.result(1, 5, 'stock', 'WARN', 'few');
SELECT * FROM pg_temp.route(pg_temp.hour(5));
SELECT pg_temp.result(1, 6, 'stock', 'PASS');
SELECT * FROM pg_temp.route(pg_temp.hour(6));
-- Two windows at once, as after a stop, are two messages, in their order.
SELECT pg_temp.result(1, 7, 'stock', 'FAIL'), pg_temp.result(1, 8, 'stock', 'PASS');
SELECT * FROM pg_temp.route(pg_temp.hour(9)) ORDER BY title DESC;
-- A check that counted as missed is reported after all, when its window was told of: only that is told.
SELECT pg_temp.result(1, 12, 'stock', 'PASS', 'in time'), pg_temp.result(1, 12, 'sales', NULL);
UPDATE validation_tasks SET status = 'missed' WHERE window_date = '2026-03-12' AND dashboard_id = 'sales';
SELECT * FROM pg_temp.route(pg_temp.hour(12));
SELECT report_validation(id, 'FAIL', 'too late') IS NOT NULL AS reported FROM validation_tasks WHERE window_date = '2026-03-12' AND dashboard_id = 'sales';
SELECT * FROM pg_temp.route(pg_temp.hour(12, '05:30'));
SELECT * FROM pg_temp.route(pg_temp.hour(12, '05:31'));

--
-- Recipients
--
DELETE FROM validation_windows;
DELETE FROM validation_states;
DELETE FROM validation_notices;
-- The same target as an owner's and a channel's: one message. Without a profile: nobody is told, and it shows.
UPDATE validation_policies SET alert_condition = 'FAIL_ONLY',
       custom_channels = '[{"type": "Telegram", "target": "1001"}, {"type": "telegram", "target": "1001"}, {"type": "webhook", "target": "https://example.com/hook"}]';
SELECT pg_temp.result(1, 1, 'sales', 'FAIL', 'none', '[{"severity": "FAIL", "message": "none", "location": "primary_rows"}]'), pg_temp.result(1, 1, 'genes', 'FAIL', 'none');
SELECT * FROM pg_temp.route(pg_temp.hour(1));
SELECT dashboard_artifact_id, policy_id, policy_name, window_date, jsonb_pretty(entries), more, owner = current_user AS own FROM validation_notices WHERE title LIKE 'Sales%';
SELECT dashboard_artifact_id, event_type, message, created_at FROM dashboard_events ORDER BY id;
-- Each policy has its own memory and messages. The event is not repeated for the same within a day ...
UPDATE validation_policies SET custom_channels = '[]';
INSERT INTO validation_policies (id, name, window_start, window_end) VALUES (2, 'hourly', '06:00', '07:00');
DELETE FROM validation_states;
SELECT pg_temp.result(1, 2, 'genes', 'FAIL', 'none'), pg_temp.result(1, 2, 'sales', 'FAIL', 'none'), pg_temp.result(2, 2, 'sales', 'FAIL', 'none');
SELECT * FROM pg_temp.route(pg_temp.hour(2, '02:59'));
SELECT count(*) FROM dashboard_events;
-- ... but after it, or when it is another reason. What nobody was told is not taken for told.
INSERT INTO user_dashboard_preferences (user_name) VALUES ('regress_ben');
SELECT pg_temp.result(1, 3, 'genes', 'FAIL', 'none');
SELECT * FROM pg_temp.route(pg_temp.hour(3));
SELECT pg_temp.result(1, 4, 'genes', 'FAIL', 'none');
SELECT * FROM pg_temp.route(pg_temp.hour(4, '03:01'));
SELECT message, created_at FROM dashboard_events ORDER BY id;
SELECT dashboard_id, policy_id FROM validation_states ORDER BY 1, 2;
-- Who wants to hear nothing hears nothing.
UPDATE user_dashboard_preferences SET notify_on_fail = false WHERE user_name = 'regress_ben';
SELECT pg_temp.result(1, 6, 'genes', 'FAIL', 'none');
SELECT * FROM pg_temp.route(pg_temp.hour(6));
SELECT count(*) FROM dashboard_events;
UPDATE user_dashboard_preferences SET notify_on_fail = true, email_address = 'ben@example.com' WHERE user_name = 'regress_ben';
SELECT pg_temp.result(1, 7, 'genes', 'FAIL', 'none');
SELECT * FROM pg_temp.route(pg_temp.hour(7));
-- Nor owners of whom a policy says nothing.
UPDATE validation_policies SET notify_owners = false;
SELECT pg_temp.result(1, 8, 'genes', 'PASS');
SELECT * FROM pg_temp.route(pg_temp.hour(8));
UPDATE validation_policies SET notify_owners = true;
-- A policy does not tell of dashboards that its owner is not, or not any more, entitled to.
UPDATE validation_policies SET owner = 'regress_ana', custom_channels = '[{"type": "email", "target": "spy@example.com"}]' WHERE id = 1;
SELECT pg_temp.result(1, 9, 'sales', 'PASS'), pg_temp.result(1, 9, 'genes', 'PASS');
SELECT * FROM pg_temp.route(pg_temp.hour(9));
UPDATE validation_policies SET owner = current_user, custom_channels = '[]' WHERE id = 1;

--
-- A long message holds 50 dashboards and counts the rest
--
INSERT INTO dashboards (id, owner) SELECT format('many %s', lpad(i::text, 2, '0')), 'regress_ana' FROM generate_series(1, 62) i;
SELECT count(pg_temp.result(1, 10, id, CASE WHEN id = 'many 62' THEN 'PASS' ELSE 'FAIL' END, repeat('x', 1001), (SELECT jsonb_agg(jsonb_build_object('message', i)) FROM generate_series(1, 12) i))) FROM dashboards WHERE id LIKE 'many %';
SELECT target, title, length(summary) FROM pg_temp.route(pg_temp.hour(10));
SELECT DISTINCT more, jsonb_array_length(entries) AS entries, entries -> 49 ->> 'title' AS last_one, length(entries -> 49 ->> 'summary') AS summary,
       jsonb_array_length(entries -> 49 -> 'issues') AS issues, entries -> 49 -> 'issue_count' AS issue_count
  FROM validation_notices WHERE window_date = '2026-03-10';
DELETE FROM dashboards WHERE id LIKE 'many %';
-- It does not end with its dashboards.
SELECT dashboard_artifact_id, count(*) FROM validation_notices WHERE window_date = '2026-03-10' GROUP BY 1;

--
-- Quiet hours
--
SELECT at, quiet_hours_end(at, '22:00', '07:00', 'Europe/Berlin') AS over_midnight, quiet_hours_end(at, '12:00', '13:30', 'Europe/Berlin') AS at_noon,
       quiet_hours_end(at, '20:00', '24:00', 'America/New_York') AS until_midnight
  FROM unnest('{2026-03-10 20:59+00,2026-03-10 21:00+00,2026-03-11 05:59+00,2026-03-11 06:00+00,2026-03-10 11:00+00,2026-03-10 12:30+00,2026-03-11 03:59+00,2026-03-11 04:00+00}'::timestamptz[]) at;
-- Where clocks change meanwhile.
SELECT quiet_hours_end('2026-03-28 22:00+00', '22:00', '07:00', 'Europe/Berlin') AS spring, quiet_hours_end('2026-10-24 22:00+00', '22:00', '07:00', 'Europe/Berlin') AS autumn;
UPDATE user_dashboard_preferences SET quiet_start = '22:00', quiet_end = '07:00', timezone = 'America/New_York' WHERE user_name = 'regress_ana';
DELETE FROM validation_states;
SELECT pg_temp.result(1, 12, 'sales', 'FAIL'), pg_temp.result(1, 12, 'genes', 'FAIL');
SELECT * FROM pg_temp.route(pg_temp.hour(12));
SELECT d.target, CASE WHEN d.next_attempt_at > '2026-03-12' AND d.next_attempt_at < '2026-03-13' THEN d.next_attempt_at END AS waits_until
  FROM dashboard_deliveries d JOIN validation_notices n ON n.id = d.notice_id WHERE n.window_date = '2026-03-12' ORDER BY 1;

-- What goes wrong with one window does not stop the others; it is told once it is set right.
UPDATE validation_policies SET custom_channels = '[{"type": "slack", "target": "#ops"}]' WHERE id = 2;
SELECT pg_temp.result(1, 13, 'genes', 'PASS'), pg_temp.result(2, 14, 'sales', 'FAIL');
\set SHOW_CONTEXT never
BEGIN;
ALTER TABLE user_dashboard_preferences DROP CONSTRAINT user_dashboard_preferences_timezone_check;
UPDATE user_dashboard_preferences SET quiet_start = '01:00', quiet_end = '02:00', timezone = 'Europe/Springfield' WHERE user_name = 'regress_ben';
SELECT * FROM pg_temp.route(pg_temp.hour(14));
ROLLBACK;
\set SHOW_CONTEXT errors
SELECT * FROM pg_temp.route(pg_temp.hour(14));

-- Preferences are checked.
\set VERBOSITY terse
\set SHOW_CONTEXT never
UPDATE user_dashboard_preferences SET quiet_end = NULL;
UPDATE user_dashboard_preferences SET quiet_end = '22:00';
UPDATE user_dashboard_preferences SET timezone = 'Europe/Springfield';
UPDATE user_dashboard_preferences SET telegram_id = 'ana';
UPDATE user_dashboard_preferences SET email_address = 'ana';
\set VERBOSITY default
\set SHOW_CONTEXT errors

--
-- The outbox: what a listener gets, and what becomes of it
--
DELETE FROM dashboards WHERE id = 'genes';
SELECT dashboard_id, dashboard_title, alert_id, subscription_id, target, secret_version, previous_secret_version, created_at, diff, explanation, summary,
       notice ->> 'policy_id' AS policy_id, notice ->> 'policy' AS policy, notice ->> 'window_date' AS window_date, notice ->> 'title' AS title, notice -> 'entries' -> 0 ->> 'status' AS status, notice ->> 'more' AS more
  FROM claim_deliveries('w', '{webhook,email}', 100) WHERE target IN ('https://example.com/hook', 'ben@example.com') ORDER BY target, created_at;
SELECT id AS hook, dashboard_artifact_id AS hook_of FROM dashboard_deliveries WHERE target = 'https://example.com/hook' \gset
SELECT id AS gone FROM dashboard_deliveries d WHERE target = 'ana@example.com' AND dashboard_artifact_id = 'sales' ORDER BY id LIMIT 1 \gset
DELETE FROM dashboard_events;
-- The dashboard of the one is gone itself; the event is for the other's.
SELECT finish_deliveries('w', ARRAY[:'hook_of', 'sales'], ARRAY[:hook, :gone], '{1,1}', '{gone,gone}', '{HTTP 410,HTTP 410}', '{NULL,NULL}', '{410,410}', '{5,5}', '{}');
SELECT status, last_error, http_status FROM dashboard_deliveries WHERE id IN (:hook, :gone);
SELECT dashboard_artifact_id, event_type, message FROM dashboard_events ORDER BY id;
SELECT redeliver(:hook);
SELECT finish_deliveries('w', ARRAY[:'hook_of'], ARRAY[:hook], '{1}', '{delivered}', '{NULL}', '{NULL}', '{204}', '{7}', '{}');
SELECT notice_id IS NOT NULL AS of_notice, alert_id, subscription_id, target, attempt, outcome, http_status FROM dashboard_delivery_log WHERE delivery_id = :hook ORDER BY attempted_at, attempt;
-- What is not told of by a webhook may be, if its address holds a secret.
INSERT INTO dashboard_deliveries (dashboard_artifact_id, notice_id, subscriber_kind, target) SELECT dashboard_artifact_id, notice_id, 'slack', 'https://hooks.slack.com/services/secret' FROM dashboard_deliveries WHERE id = :gone RETURNING id AS slack \gset
SELECT finish_deliveries('w', '{sales}', ARRAY[:slack], '{1}', '{gone}', '{HTTP 404}', '{NULL}', '{404}', '{5}', '{}');
SELECT message FROM dashboard_events ORDER BY id DESC LIMIT 1;
SELECT policy_secret_version(1), policy_secret_version(99);

-- prune_deliveries(): what is old and done.
UPDATE dashboard_deliveries SET status = 'delivered', finished_at = '2026-03-20' WHERE id = :gone OR id = :hook;
SELECT count(*) AS notices FROM validation_notices n WHERE NOT EXISTS (SELECT FROM dashboard_deliveries d WHERE d.notice_id = n.id AND d.status = 'pending');
UPDATE validation_notices SET created_at = now() WHERE id = (SELECT notice_id FROM dashboard_deliveries WHERE id = :hook);
UPDATE dashboard_deliveries SET finished_at = '2026-03-20' WHERE status = 'dead';
SELECT prune_deliveries('1 day'), prune_deliveries('1 day');
SELECT d.id = :hook AS hook, d.status FROM dashboard_deliveries d WHERE d.status <> 'pending';

--
-- Rights
--
SET ROLE regress_ben;
SELECT (SELECT count(*) FROM user_dashboard_preferences) AS profiles, (SELECT count(*) FROM validation_notices) AS notices, (SELECT count(*) FROM dashboard_deliveries) AS deliveries, (SELECT count(*) FROM validation_states) AS states;
UPDATE user_dashboard_preferences SET telegram_id = NULL;
SELECT route_health_notices(now());
SELECT policy_secret_version(1);
SELECT report_gone_recipients('{}', '{}', '{}');
RESET ROLE;
GRANT INSERT, UPDATE, DELETE ON user_dashboard_preferences TO regress_ben;
UPDATE validation_notices SET owner = 'regress_ben' WHERE window_date = '2026-03-07';
SET ROLE regress_ben;
UPDATE user_dashboard_preferences SET telegram_id = '7';
SELECT user_name, telegram_id FROM user_dashboard_preferences;
INSERT INTO user_dashboard_preferences (user_name, telegram_id) VALUES ('regress_carl', '7');
-- A policy's owner sees what was sent for it.
SELECT title FROM validation_notices;
SELECT n.title, d.target FROM dashboard_deliveries d JOIN validation_notices n ON n.id = d.notice_id;
RESET ROLE;

DELETE FROM dashboards;
DELETE FROM validation_notices;
DELETE FROM validation_policies;
DELETE FROM user_dashboard_preferences;
DELETE FROM dashboard_listeners;
SELECT count(*) FROM dashboard_deliveries;
DROP OWNED BY regress_ana, regress_ben;
DROP ROLE regress_ana, regress_ben;
