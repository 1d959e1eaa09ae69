-- When checks are planned, alone and jointly, and what the ledger makes of stops and changes.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE FUNCTION pg_temp.make_dashboards(environment text, prefix text, n integer) RETURNS void LANGUAGE sql AS $$
  INSERT INTO dashboards (id, environment_id) SELECT prefix || to_char(i, 'FM0000'), environment FROM generate_series(1, n) i $$;
CREATE FUNCTION pg_temp.clock(at timestamptz) RETURNS text LANGUAGE sql RETURN to_char(at, 'HH24:MI:SS');

--
-- plan_policy()
--
SELECT pg_temp.make_dashboards('default', 'd', 15);
INSERT INTO validation_policies (id, name, window_start, window_end, schedule_days) VALUES (1, 'nightly', '1:00', '5:00', '{0,1,2,3,4,5}');
SELECT string_agg(dashboard_id || ' ' || pg_temp.clock(scheduled_at), ', ' ORDER BY scheduled_at) FROM plan_policy(1, '2027-03-01');
-- Not on Saturday; not when it is off; nothing where there is nothing.
SELECT count(*) FROM plan_policy(1, '2027-03-06');
SELECT count(*) FROM policy_window(1, '2027-03-06');
UPDATE validation_policies SET is_active = false;
SELECT count(*) FROM plan_policy(1, '2027-03-01');
INSERT INTO validation_policies (id, name, environment_id, window_start, window_end) VALUES (2, 'empty', 'nowhere', '1:00', '5:00');
SELECT count(*) FROM plan_policy(2, '2027-03-01');
DELETE FROM validation_policies;
DELETE FROM dashboards;
-- Sixty in an hour: a minute apart.
SELECT pg_temp.make_dashboards('default', 'd', 60);
INSERT INTO validation_policies (id, name, window_start, window_end) VALUES (1, 'hour', '1:00', '2:00');
SELECT min(scheduled_at), max(scheduled_at), count(DISTINCT gap), min(gap)
  FROM (SELECT scheduled_at, scheduled_at - lag(scheduled_at) OVER (ORDER BY scheduled_at) AS gap FROM plan_policy(1, '2027-03-01')) x;
DELETE FROM validation_policies;
DELETE FROM dashboards;

--
-- Jointly
--
SELECT pg_temp.make_dashboards('default', 'a', 3), pg_temp.make_dashboards('default', 'b', 3), pg_temp.make_dashboards('default', 'c', 6), pg_temp.make_dashboards('other', 'o', 4);
CREATE FUNCTION pg_temp.ids(prefix text) RETURNS text[] LANGUAGE sql RETURN (SELECT array_agg(id) FROM dashboards WHERE starts_with(id, prefix));
CREATE FUNCTION pg_temp.joint(on_date date) RETURNS TABLE (at text, of text) LANGUAGE sql AS $$
  SELECT pg_temp.clock(x.scheduled_at), string_agg(x.dashboard_id, ' ' ORDER BY x.dashboard_id)
    FROM validation_policies p, plan_policy(p.id, on_date) x GROUP BY x.scheduled_at ORDER BY x.scheduled_at $$;
-- The same window, of two sizes and in two time zones; another environment has a plan of its own.
INSERT INTO validation_policies (id, name, environment_id, dashboard_ids, window_start, window_end, timezone) VALUES
  (1, 'a', 'default', pg_temp.ids('a'), '1:00', '2:00', 'UTC'), (2, 'b', 'default', pg_temp.ids('b'), '1:00', '2:00', 'UTC');
SELECT string_agg(of || ' ' || at, ', ') FROM pg_temp.joint('2027-01-04');
INSERT INTO validation_policies (id, name, environment_id, dashboard_ids, window_start, window_end, timezone) VALUES
  (3, 'c', 'default', pg_temp.ids('c'), '2:00', '3:00', 'Europe/Berlin'), (4, 'o', 'other', NULL, '1:00', '2:00', 'UTC');
SELECT string_agg(of || ' ' || at, ', ') FROM pg_temp.joint('2027-01-04');
-- In summer Berlin is elsewhere.
SELECT string_agg(of || ' ' || at, ', ') FROM pg_temp.joint('2027-06-07');
-- Windows that overlap otherwise: a plan that would meet the other's steps aside by a part of its gap; one that does not stays.
DELETE FROM validation_policies WHERE id >= 3;
UPDATE validation_policies SET window_start = '0:40', window_end = '2:20' WHERE id = 2;
UPDATE validation_policies SET window_start = '1:00', window_end = '2:00' WHERE id = 1;
SELECT string_agg(of || ' ' || at, ', ') FROM pg_temp.joint('2027-01-04');
UPDATE validation_policies SET window_start = '0:50' WHERE id = 2;
SELECT string_agg(of || ' ' || at, ', ') FROM pg_temp.joint('2027-01-04');
DELETE FROM validation_policies;
DELETE FROM dashboards;

--
-- The ledger. Time is what plan_validations() is told.
--
CREATE VIEW pg_temp.ledger AS
  SELECT t.status, count(*), min(pg_temp.clock(t.scheduled_at)) AS first, max(pg_temp.clock(t.scheduled_at)) AS last,
         (max(t.scheduled_at) - min(t.scheduled_at)) / nullif(count(*) - 1, 0) AS gap
    FROM validation_tasks t GROUP BY t.status ORDER BY t.status;
CREATE FUNCTION pg_temp.check_due(until timestamptz) RETURNS bigint LANGUAGE sql AS $$
  WITH done AS (UPDATE validation_tasks SET status = 'done', finished_at = until WHERE status = 'pending' AND scheduled_at <= until RETURNING 1)
  SELECT count(*) FROM done $$;
CREATE FUNCTION pg_temp.plan(at timestamptz) RETURNS SETOF pg_temp.ledger LANGUAGE sql AS $$ SELECT plan_validations(at); SELECT * FROM pg_temp.ledger $$;
SELECT pg_temp.make_dashboards('default', 'd', 60);
INSERT INTO validation_policies (id, name, window_start, window_end) VALUES (1, 'hour', '1:00', '2:00');
-- Before the window there is nothing; in its first two minutes the plan is the plan.
SELECT * FROM pg_temp.plan('2027-03-01 00:59:59');
SELECT * FROM pg_temp.plan('2027-03-01 01:02');
SELECT count(*) FROM validation_tasks t JOIN plan_policy(1, '2027-03-01') p USING (dashboard_id, scheduled_at);
-- Nothing has changed: nothing changes.
SELECT pg_temp.check_due('2027-03-01 01:20');
CREATE TEMP TABLE before AS SELECT t.xmin::text AS version, t.* FROM validation_tasks t;
SELECT * FROM pg_temp.plan('2027-03-01 01:22:30');
SELECT count(*) FROM (SELECT t.xmin::text AS version, t.* FROM validation_tasks t EXCEPT TABLE before) changed;
-- The server stops at half past one and comes back at 1:48: what is done is done, the rest is spread over 12 minutes.
SELECT pg_temp.check_due('2027-03-01 01:30');
SELECT * FROM pg_temp.plan('2027-03-01 01:48');
-- It comes back ten seconds before the end. Ten fit, a second apart; the others are missed, once.
SELECT pg_temp.check_due('2027-03-01 01:49');
SELECT * FROM pg_temp.plan('2027-03-01 01:59:50');
SELECT event_type, count(*), count(DISTINCT dashboard_artifact_id) AS dashboards, min(message) FROM dashboard_events GROUP BY 1;
SELECT * FROM pg_temp.plan('2027-03-01 01:59:51');
-- The end: two were done. The others are given as much time as a timer needs to come again.
SELECT pg_temp.check_due('2027-03-01 01:59:52');
SELECT * FROM pg_temp.plan('2027-03-01 02:00');
SELECT * FROM pg_temp.plan('2027-03-01 02:01:55');
SELECT * FROM pg_temp.plan('2027-03-01 02:02');
SELECT count(*), message FROM dashboard_events GROUP BY 2 ORDER BY 2;
SELECT window_date, closed_at FROM validation_windows;
SELECT count(*), count(DISTINCT dashboard_id) FROM validation_tasks;
-- Again, later: it does not happen twice.
SELECT * FROM pg_temp.plan('2027-03-01 02:10');
UPDATE validation_policies SET window_end = '3:00';
SELECT * FROM pg_temp.plan('2027-03-01 02:10');

--
-- Changes within a window
--
DELETE FROM validation_windows;
DELETE FROM dashboard_events;
UPDATE validation_policies SET window_end = '2:00';
SELECT * FROM pg_temp.plan('2027-03-02 01:00');
SELECT pg_temp.check_due('2027-03-02 01:30');
-- Thirty come: sixty are left for half an hour.
SELECT pg_temp.make_dashboards('default', 'e', 30);
SELECT * FROM pg_temp.plan('2027-03-02 01:30');
-- Forty-five go, of which ten were done. One changes its owner, one its environment.
DELETE FROM dashboards WHERE id <= 'd0010' OR id BETWEEN 'd0041' AND 'e0015';
CREATE ROLE regress_other;
UPDATE validation_policies SET owner = 'regress_other';
UPDATE dashboards SET owner = 'regress_other';
UPDATE dashboards SET owner = current_user WHERE id = 'e0016';
UPDATE dashboards SET environment_id = 'elsewhere' WHERE id = 'e0017';
SELECT * FROM pg_temp.plan('2027-03-02 01:30');
-- The window becomes longer, and moves; done stays done.
UPDATE validation_policies SET window_end = '2:30';
SELECT * FROM pg_temp.plan('2027-03-02 01:30');
UPDATE validation_policies SET window_start = '3:00', window_end = '3:23';
SELECT * FROM pg_temp.plan('2027-03-02 01:30');
SELECT * FROM pg_temp.plan('2027-03-02 03:00');
-- Off, on.
UPDATE validation_policies SET is_active = false;
SELECT * FROM pg_temp.plan('2027-03-02 03:10');
UPDATE validation_policies SET is_active = true;
SELECT * FROM pg_temp.plan('2027-03-02 03:11:30');
-- Back to what it was before: the window is over.
UPDATE validation_policies SET window_start = '1:00', window_end = '2:00';
SELECT * FROM pg_temp.plan('2027-03-02 03:12');
SELECT count(*), message FROM dashboard_events GROUP BY 2;

--
-- Windows that pass with nobody there: the last one is noted, for each dashboard, with no tasks
--
DELETE FROM validation_windows;
DELETE FROM dashboard_events;
UPDATE validation_policies SET schedule_days = '{1,2,3}';
SELECT * FROM pg_temp.plan('2027-03-07 12:00');
SELECT count(*), message FROM dashboard_events GROUP BY 2;
SELECT window_date, closed_at FROM validation_windows;
SELECT * FROM pg_temp.plan('2027-03-07 12:01');
SELECT count(*) FROM dashboard_events;
-- Not one that was over before the policy was there.
UPDATE validation_policies SET scheduled_since = '2027-03-08 01:00:01';
SELECT * FROM pg_temp.plan('2027-03-08 02:00');
UPDATE validation_policies SET scheduled_since = '2027-03-08 01:00';
SELECT * FROM pg_temp.plan('2027-03-08 02:00');
SELECT window_date FROM validation_windows ORDER BY 1;
-- Nor one that the clock skipped, without saying so.
DELETE FROM dashboard_events;
UPDATE validation_policies SET schedule_days = '{0}', timezone = 'America/New_York', window_start = '2:10', window_end = '2:50';
SELECT * FROM pg_temp.plan('2027-03-14 12:00');
SELECT count(*), message FROM dashboard_events GROUP BY 2;

--
-- Made in the middle of a window; two policies of one window that were both late come back together
--
DELETE FROM validation_policies;
DELETE FROM dashboards;
SELECT pg_temp.make_dashboards('default', 'a', 10), pg_temp.make_dashboards('default', 'b', 20);
INSERT INTO validation_policies (id, name, dashboard_ids, window_start, window_end, min_gap) VALUES
  (1, 'a', pg_temp.ids('a'), '1:00', '2:00', '1 s'), (2, 'b', pg_temp.ids('b'), '1:00', '2:00', '1 min');
SELECT * FROM pg_temp.plan('2027-03-02 01:30');
SELECT string_agg(left(dashboard_id, 1), '' ORDER BY scheduled_at) FROM validation_tasks;
-- With min_gap at a minute five of thirty fit in five minutes.
SELECT * FROM pg_temp.plan('2027-03-02 01:55');
-- What a worker has been told of and let lie goes behind the others.
UPDATE validation_policies SET min_gap = '0';
DELETE FROM validation_windows;
DELETE FROM validation_policies WHERE id = 2;
SELECT * FROM pg_temp.plan('2027-03-02 01:00');
UPDATE validation_tasks SET announced = true WHERE dashboard_id <= 'a0003';
SELECT * FROM pg_temp.plan('2027-03-02 01:20');
SELECT string_agg(dashboard_id, ' ' ORDER BY scheduled_at) FROM validation_tasks;

DELETE FROM validation_policies;
DELETE FROM dashboards;
DROP ROLE regress_other;
