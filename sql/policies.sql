-- Validation policies: what is refused, what they cover, who sees them, and local time.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
\set SHOW_CONTEXT never
CREATE ROLE regress_team;
CREATE ROLE regress_member IN ROLE regress_team;
CREATE ROLE regress_stranger;
GRANT INSERT, UPDATE, DELETE ON validation_policies TO regress_member, regress_stranger;
INSERT INTO dashboards (id, environment_id, owner, metadata) VALUES
  ('sales', 'default', 'regress_team', '{"tags": ["daily", "eu"]}'), ('Costs', 'default', 'regress_team', '{}'),
  ('ads', 'default', 'regress_team', '{"tags": "daily"}'), ('staging', 'staging', 'regress_team', '{"tags": ["daily"]}'),
  ('admins', 'default', current_user, '{"tags": ["daily"]}');

--
-- Local time
--
CREATE FUNCTION pg_temp.both(local timestamp, zone text, OUT first timestamptz, OUT last timestamptz) LANGUAGE sql
  RETURN (local_instant(local, zone), local_instant(local, zone, true));
SELECT v.*, b.first, nullif(b.last, b.first) AS last FROM (VALUES
  (timestamp '2026-03-08 01:59:59.999999', 'America/New_York'), ('2026-03-08 02:00', 'America/New_York'), ('2026-03-08 02:30:00.5', 'America/New_York'), ('2026-03-08 02:59:59.999999', 'America/New_York'), ('2026-03-08 03:00', 'America/New_York'),
  ('2026-11-01 00:59:59', 'america/new_york'), ('2026-11-01 01:00', 'America/New_York'), ('2026-11-01 01:59:59.999999', 'America/New_York'), ('2026-11-01 02:00', 'America/New_York'),
  ('2026-03-29 02:30', 'Europe/Berlin'), ('2026-10-25 02:30', 'Europe/Berlin'), ('2026-10-25 03:00', 'Europe/Berlin'),
  -- Half an hour; a change at midnight; a day that was skipped, and one that was shown twice; no change; far away.
  ('2026-10-04 02:15', 'Australia/Lord_Howe'), ('2026-04-05 01:45', 'Australia/Lord_Howe'),
  ('2018-11-04 00:30', 'America/Sao_Paulo'), ('2018-02-17 23:30', 'America/Sao_Paulo'),
  ('2011-12-30 00:00', 'Pacific/Apia'), ('2011-12-30 23:59:59', 'Pacific/Apia'), ('2011-12-31 00:00', 'Pacific/Apia'), ('1969-09-30 12:00', 'Pacific/Kwajalein'),
  ('2026-06-01 12:00', 'Asia/Kolkata'), ('2026-06-01 12:00', 'UTC'), ('2500-11-07 01:30', 'America/New_York'), ('1700-01-01', 'Europe/Berlin'), ('infinity', 'Europe/Berlin')) v (local, zone),
  pg_temp.both(local, zone) b;
SELECT local_instant('2026-01-01', 'Mars/Olympus');
SELECT local_instant('294276-12-31 23:59:59', 'America/New_York');
-- Whole windows, and how long they are.
SELECT v.*, w.*, w.ends_at - w.starts_at AS length FROM (VALUES
  (date '2026-11-01', time '00:00', time '04:00', 'America/New_York'), ('2026-03-08', '00:00', '04:00', 'America/New_York'), ('2026-03-08', '00:00', '24:00', 'America/New_York'), ('2026-11-01', '00:00', '24:00', 'America/New_York'),
  ('2026-11-01', '01:15', '01:45', 'America/New_York'), ('2026-03-08', '02:15', '02:45', 'America/New_York'), ('2026-03-07', '22:00', '02:30', 'America/New_York'), ('2026-03-28', '22:00', '06:00', 'Europe/Berlin'),
  ('2026-12-31', '18:00', '00:00', 'UTC'), ('2011-12-29', '22:00', '02:00', 'Pacific/Apia')) v (on_date, window_start, window_end, zone),
  local_window(on_date, window_start, window_end, zone) w;
SELECT local_window('infinity', '01:00', '02:00', 'UTC');

--
-- Targets
--
SELECT validate_target('webhook', 'https://example.com/x'), validate_target('EMAIL', 'ana@example.com'), validate_target('Slack', '#sales'), validate_target('telegram', '-100123');
SELECT validate_target('webhook', 'ftp://example.com');
SELECT validate_target('slack', '');
SELECT validate_target('pigeon', 'x');
CREATE FUNCTION pg_temp.refused(statement text, OUT state text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  message := 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END
$$;
\pset format unaligned
\pset footer off
SELECT channels, r.* FROM (VALUES ('{}'), ('[1]'), ('[{}]'), ('[{"type": "email"}]'), ('[{"type": "email", "target": 1}]'), ('[{"type": "persona", "target": "ana"}]'),
  ('[{"type": "Email", "target": "ana@example.com"}, {"type": "WEBHOOK", "target": "https:///x"}]'), ('[{"type": "telegram", "target": "-1", "name": "x"}]'), ('[{"type": "SLACK", "target": "#sales"}]'), ('[]')) v (channels),
  pg_temp.refused(format('SELECT validate_channels(%L)', channels)) r;

--
-- What is refused
--
CREATE FUNCTION pg_temp.policy_with(columns text, settings text) RETURNS text LANGUAGE sql
  RETURN format('INSERT INTO validation_policies (name, %s) VALUES (''p'', %s)', columns, settings);
SELECT columns, settings, r.* FROM (VALUES
  ('dashboard_ids, window_start, window_end', '''{}'', ''1:00'', ''2:00'''),
  ('dashboard_ids, window_start, window_end', '''{sales,NULL}'', ''1:00'', ''2:00'''),
  ('dashboard_ids, window_start, window_end', '''{sales,nowhere,neither}'', ''1:00'', ''2:00'''),
  ('dashboard_ids, dashboard_tag, window_start, window_end', '''{sales}'', ''daily'', ''1:00'', ''2:00'''),
  ('schedule_days, window_start, window_end', '''{}'', ''1:00'', ''2:00'''),
  ('schedule_days, window_start, window_end', '''{7}'', ''1:00'', ''2:00'''),
  ('schedule_days, window_start, window_end', '''{-1,0}'', ''1:00'', ''2:00'''),
  ('schedule_days, window_start, window_end', '''{1,2,1}'', ''1:00'', ''2:00'''),
  ('schedule_days, window_start, window_end', '''{1,NULL}'', ''1:00'', ''2:00'''),
  ('window_start, window_end', '''1:00'', ''1:00'''),
  ('window_start, window_end', '''24:00'', ''1:00'''),
  ('window_start, window_end, timezone', '''1:00'', ''2:00'', ''Mars/Olympus'''),
  ('window_start, window_end, timezone', '''1:00'', ''2:00'', ''XYZ+3'''),
  ('window_start, window_end, timezone', '''1:00'', ''2:00'', ''<+03>-3'''),
  ('window_start, window_end, timezone', '''1:00'', ''2:00'', '''''),
  ('window_start, window_end, min_gap', '''1:00'', ''2:00'', ''-1 s'''),
  ('window_start, window_end, min_gap', '''1:00'', ''2:00'', ''1 month'''),
  ('window_start, window_end, min_gap', '''1:00'', ''2:00'', ''1 year'''),
  ('window_start, window_end, renotify_after', '''1:00'', ''2:00'', ''0'''),
  ('window_start, window_end, alert_condition', '''1:00'', ''2:00'', ''fail_only'''),
  ('window_start, window_end, custom_channels', '''1:00'', ''2:00'', ''[{"type": "email", "target": "ana@example.com"}, {"type": "webhook", "target": "https://u@example.com"}]'''),
  ('window_start, window_end, owner', '''1:00'', ''2:00'', ''no such role''')) v (columns, settings),
  pg_temp.refused(pg_temp.policy_with(columns, settings)) r;
DELETE FROM validation_policies;
\pset format aligned
\pset footer on

--
-- What is covered: by id, by tag, or the environment; never what the owner has no rights to
--
INSERT INTO validation_policies (id, name, is_active, environment_id, dashboard_ids, dashboard_tag, window_start, window_end, owner, timezone) VALUES
  (1, 'all of it', false, 'default', NULL, NULL, '1:00', '2:00', 'regress_team', 'europe/berlin'),
  (2, 'by tag', false, 'default', NULL, 'daily', '1:00', '2:00', 'regress_team', 'UTC'),
  (3, 'by id', false, 'default', '{staging,sales,sales}', NULL, '1:00', '2:00', 'regress_team', 'UTC'),
  (4, 'of an admin', false, 'default', NULL, 'daily', '1:00', '2:00', current_user, 'UTC'),
  (5, 'elsewhere', false, 'staging', NULL, NULL, '1:00', '2:00', 'regress_team', 'UTC'),
  (6, 'nothing', false, 'nowhere', NULL, NULL, '1:00', '2:00', 'regress_team', 'UTC');
SELECT p.id, p.name, array_agg(d) AS dashboards FROM validation_policies p LEFT JOIN policy_dashboards(p.id) d ON true GROUP BY p.id ORDER BY p.id;
INSERT INTO validation_policies (name, dashboard_ids, window_start, window_end, owner) VALUES ('x', '{sales,admins}', '1:00', '2:00', 'regress_team');
-- What a policy says is checked when it is written; a dashboard that goes later is covered no more, and the policy may still be changed otherwise.
UPDATE dashboards SET owner = current_user WHERE id = 'staging';
UPDATE validation_policies SET name = 'by name' WHERE id = 3;
SELECT policy_dashboards(3);
UPDATE validation_policies SET dashboard_ids = '{sales,staging}' WHERE id = 3;
UPDATE dashboards SET owner = 'regress_team' WHERE id = 'staging';

--
-- Overlaps
--
CREATE FUNCTION pg_temp.overlap(statement text, OUT message text, OUT detail text, OUT hint text) LANGUAGE sql
  -- The first such day depends on today.
  RETURN (SELECT (r.message, regexp_replace(r.detail, '\d{4}-\d\d-\d\d', 'YYYY-MM-DD', 'g'), r.hint) FROM pg_temp.refused(statement) r);
\x on
-- One statement, two policies.
SELECT * FROM pg_temp.overlap('UPDATE validation_policies SET is_active = true WHERE id IN (2, 3)');
\x off
\set VERBOSITY terse
-- Not on the same day of the week.
UPDATE validation_policies SET is_active = true, schedule_days = '{0}' WHERE id = 2;
UPDATE validation_policies SET is_active = true, schedule_days = '{1}' WHERE id = 3;
-- Over midnight: a minute of both, none.
UPDATE validation_policies SET window_start = '22:00', window_end = '1:01' WHERE id = 2;
UPDATE validation_policies SET window_start = '22:00', window_end = '1:00' WHERE id = 2;
-- The local day counts: Monday's window of 3 is open on Monday afternoon there.
UPDATE validation_policies SET timezone = 'Pacific/Kiritimati', schedule_days = '{2}', window_start = '02:30', window_end = '15:30' WHERE id = 2;
UPDATE validation_policies SET timezone = 'Pacific/Kiritimati', schedule_days = '{1}', window_start = '15:30', window_end = '16:30' WHERE id = 2;
UPDATE validation_policies SET timezone = 'Pacific/Kiritimati', schedule_days = '{2}', window_start = '15:30', window_end = '16:30' WHERE id = 2;
-- The same window, but no dashboard of both.
UPDATE validation_policies SET dashboard_ids = '{ads}' WHERE id = 3;
UPDATE validation_policies SET dashboard_tag = 'eu', timezone = 'UTC', schedule_days = '{1}', window_start = '1:00', window_end = '2:00' WHERE id = 2;
UPDATE validation_policies SET dashboard_tag = 'daily' WHERE id = 2;
UPDATE validation_policies SET is_active = false;
-- Two that touch, and overlap only in the hour that the clock shows twice.
INSERT INTO validation_policies (name, dashboard_ids, window_start, window_end, timezone) VALUES ('early', '{sales}', '0:30', '2:00', 'Europe/Berlin');
INSERT INTO validation_policies (name, dashboard_ids, window_start, window_end, timezone) VALUES ('late', '{sales}', '2:00', '3:30', 'Europe/Berlin');
UPDATE validation_policies SET window_end = '1:59' WHERE name = 'early';
INSERT INTO validation_policies (name, dashboard_ids, window_start, window_end, timezone) VALUES ('late', '{sales}', '3:00', '3:30', 'Europe/Berlin');
SELECT count(*) FROM validation_policies WHERE is_active;
\set VERBOSITY default

--
-- A window that is too small is said to be
--
UPDATE validation_policies SET is_active = false;
INSERT INTO dashboards (id, environment_id) SELECT 'd' || i, 'many' FROM generate_series(1, 100) i;
INSERT INTO validation_policies (name, environment_id, window_start, window_end, min_gap) VALUES ('many', 'many', '23:30', '00:30', '1 min');
UPDATE validation_policies SET min_gap = '36 s' WHERE name = 'many';

--
-- Two weekly windows, of all kinds and zones: the first time that both are open, day by day
--
CREATE FUNCTION pg_temp.day_by_day(days integer[], a_start time, a_end time, a_zone text, b_days integer[], b_start time, b_end time, b_zone text,
  OUT starts_at timestamptz, OUT ends_at timestamptz) LANGUAGE sql AS $$
  WITH day AS MATERIALIZED (SELECT date '2026-09-01' + n AS day FROM generate_series(0, 400) n),
  a AS MATERIALIZED (SELECT day, w.* FROM day, local_window(day, a_start, a_end, a_zone) w WHERE extract(dow FROM day)::integer = ANY (days)),
  b AS MATERIALIZED (SELECT day, w.* FROM day, local_window(day, b_start, b_end, b_zone) w WHERE extract(dow FROM day)::integer = ANY (b_days))
  SELECT greatest(a.starts_at, b.starts_at), least(a.ends_at, b.ends_at)
    FROM a, generate_series(-2, 2) apart, b
   WHERE b.day = a.day + apart AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
   ORDER BY a.starts_at, b.day LIMIT 1 $$;
SELECT setseed(0.11) IS NOT NULL AS seeded;
CREATE TEMP TABLE pairs AS
  SELECT CASE n % 3 WHEN 0 THEN ARRAY[n % 7] WHEN 1 THEN ARRAY[n % 7, (n + 3) % 7] ELSE '{0,1,2,3,4,5,6}' END AS a_days,
         time '0:00' + floor(random() * 288) * interval '5 min' AS a_start, interval '5 min' + floor(random() * 60) * interval '10 min' AS a_length,
         (ARRAY['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Pacific/Kiritimati', 'Africa/Casablanca'])[1 + floor(random() * 6)] AS a_zone,
         CASE n % 4 WHEN 0 THEN ARRAY[(n / 2) % 7] WHEN 1 THEN ARRAY[n % 7, (n + 1) % 7] ELSE '{1,3,5}' END AS b_days,
         time '0:00' + floor(random() * 288) * interval '5 min' AS b_start, interval '5 min' + floor(random() * 60) * interval '10 min' AS b_length,
         (ARRAY['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Pacific/Apia', 'Asia/Kolkata'])[1 + floor(random() * 6)] AS b_zone
    FROM generate_series(1, 120) n;
-- Those of changing clocks alone.
INSERT INTO pairs VALUES
  ('{0}', '2:10', '10 min', 'Europe/Berlin', '{0}', '2:30', '10 min', 'Europe/Berlin'),
  ('{0}', '2:10', '20 min', 'America/New_York', '{0}', '2:20', '30 min', 'America/New_York'),
  ('{1}', '1:30', '30 min', 'UTC', '{1}', '2:00', '30 min', 'Europe/Berlin'),
  ('{6}', '23:00', '90 min', 'UTC', '{0}', '0:15', '5 min', 'UTC'),
  ('{6}', '23:00', '90 min', 'UTC', '{0}', '0:30', '5 min', 'UTC');
SELECT count(*) FILTER (WHERE w.starts_at IS NOT NULL) BETWEEN 20 AND 105 AS both_kinds_are_there,
       count(*) FILTER (WHERE (w.starts_at, w.ends_at) IS DISTINCT FROM (d.starts_at, d.ends_at)) AS different
  FROM pairs p
 CROSS JOIN LATERAL windows_overlap(a_days, a_start, a_start + a_length, a_zone, b_days, b_start, b_start + b_length, b_zone, '2026-09-01', '2027-10-06') w
 CROSS JOIN LATERAL pg_temp.day_by_day(a_days, a_start, a_start + a_length, a_zone, b_days, b_start, b_start + b_length, b_zone) d;
SELECT w.* FROM pairs p CROSS JOIN LATERAL windows_overlap(a_days, a_start, a_start + a_length, a_zone, b_days, b_start, b_start + b_length, b_zone, '2026-09-01', '2027-10-06') w OFFSET 120;

--
-- A restore brings back what would be refused now
--
SET row_security = off;
INSERT INTO validation_policies (name, dashboard_ids, window_start, window_end) VALUES ('old', '{gone}', '1:00', '2:00');
RESET row_security;
SELECT count(*) FROM validation_policies p, policy_dashboards(p.id) WHERE p.name = 'old';

--
-- Who sees and writes
--
\set VERBOSITY default
DELETE FROM validation_policies WHERE id NOT IN (1, 4);
SET ROLE regress_member;
SELECT id, name FROM validation_policies ORDER BY id;
INSERT INTO validation_policies (name, window_start, window_end, owner) VALUES ('forged', '1:00', '2:00', 'regress_stranger');
INSERT INTO validation_policies (id, name, environment_id, window_start, window_end, owner) VALUES (10, 'staging', 'staging', '1:00', '2:00', 'regress_team') RETURNING id, is_active, owner;
-- Nobody else passes for one who restores, also not in the middle of a statement.
SET row_security = off;
INSERT INTO validation_policies (name, dashboard_ids, window_start, window_end, owner) VALUES ('forged', '{admins}', '1:00', '2:00', 'regress_team');
RESET row_security;
INSERT INTO validation_policies (name, dashboard_ids, window_start, window_end, owner)
  SELECT 'forged ' || set_config('row_security', 'off', false), '{admins}', '1:00', '2:00', 'regress_team';
RESET row_security;
UPDATE validation_policies SET is_active = true WHERE id = 1;
SELECT * FROM plan_policy(1, '2026-11-22');
SELECT * FROM policy_window(1, '2026-11-22');
SELECT * FROM plan_policy(4, '2026-11-22');
SET ROLE regress_stranger;
SELECT count(*) FROM validation_policies;
UPDATE validation_policies SET is_active = false;
DELETE FROM validation_policies;
SELECT * FROM plan_policy(1, '2026-11-22');
SELECT * FROM policy_window(1, '2026-11-22');
RESET ROLE;
SELECT * FROM plan_policy(999, '2026-11-22');
SELECT * FROM plan_policy(1, 'infinity');

DELETE FROM validation_policies;
DELETE FROM dashboards;
REVOKE INSERT, UPDATE, DELETE ON validation_policies FROM regress_member, regress_stranger;
DROP ROLE regress_member, regress_stranger, regress_team;
