-- Snapshots on a timetable: policies, schedules, the times they are due at, stops and failures.
\set SHOW_CONTEXT never
SET timezone = 'UTC';

--
-- Policies
--
SELECT policy, snapshot_period(policy)
  FROM unnest('{manual,hourly,daily,every 15 minutes,every 1 day 12:00,every 2 weeks,every 1 minute,every 366 days}'::text[]) policy;
SET intervalstyle = 'sql_standard';
SELECT snapshot_period('every 1 day -12:00:00') = '12 h' AS same_in_any_style;
RESET intervalstyle;
CREATE FUNCTION regress_error(statement text) RETURNS text LANGUAGE plpgsql AS $$
  DECLARE detail text; hint text;
  BEGIN
    EXECUTE statement;
    RETURN 'no error';
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
  END $$;
SELECT policy, regress_error(format('SELECT snapshot_period(%L)', policy)) AS error
  FROM unnest('{"",weekly,Hourly,every,"every ","every hour or so","every 59.9 s","every -1 hour","every 366 days 1 s","every 1 month","every 1 year -1 month -330 days","every 99999999999 days"}'::text[]) policy;
SELECT metadata, regress_error(format('INSERT INTO dashboards (id, metadata) VALUES (%L, %L)', 'a', metadata)) AS error
  FROM unnest(ARRAY['{"snapshot_policy": "sometimes"}', '{"snapshot_policy": null}', '{"snapshot_policy": ["hourly"]}']) metadata;

--
-- Which dashboards have a schedule
--
CREATE TABLE regress_scores AS SELECT id, 1 AS score FROM generate_series(1, 3) id;
CREATE VIEW regress_schedules AS SELECT dashboard_artifact_id AS id, period, slot, due = run_at AS on_time FROM dashboard_schedules ORDER BY slot;
-- From now on the times are the same in every run.
ALTER SEQUENCE dashboard_schedules_slot_seq RESTART;
INSERT INTO dashboards (id, view_spec, metadata) VALUES
  ('hourly', '{"data_sources": {"rows": {"sql": "SELECT * FROM regress_scores"}}}', '{"snapshot_policy": "hourly"}'),
  ('manual', '{"data_sources": {"rows": {"sql": "SELECT * FROM regress_scores"}}}', '{"snapshot_policy": "manual"}'),
  ('silent', '{"data_sources": {"rows": {"sql": "SELECT * FROM regress_scores"}}}', '{"team": "x"}'),
  ('made elsewhere', '{"columns": ["score"]}', '{"snapshot_policy": "daily"}'),
  ('made somehow', NULL, '{"snapshot_policy": "daily"}'),
  ('often', '{"data_sources": {"rows": {"sql": "SELECT * FROM regress_scores"}}}', '{"snapshot_policy": "every 5 min"}');
TABLE regress_schedules;
SELECT count(*) AS soon FROM dashboard_schedules WHERE due >= now() - interval '1 min' AND due <= clock_timestamp() + period;
-- One that changes keeps its place; what does not concern it changes nothing.
UPDATE dashboards SET metadata = '{"snapshot_policy": "every 60 min", "team": "y"}' WHERE id = 'hourly';
UPDATE dashboards SET metadata = '{"snapshot_policy": "every 7 min"}' WHERE id = 'often';
UPDATE dashboards SET metadata = '{"snapshot_policy": "daily"}' WHERE id = 'manual';
UPDATE dashboards SET view_spec = '{"data_sources": {"rows": {"sql": "SELECT * FROM regress_scores"}}}' WHERE id = 'made somehow';
UPDATE dashboards SET metadata = metadata - 'snapshot_policy' WHERE id = 'manual';
TABLE regress_schedules;
SELECT count(*) AS soon FROM dashboard_schedules WHERE due >= now() - interval '1 min' AND due <= clock_timestamp() + period;
UPDATE dashboards SET view_spec = NULL WHERE id = 'often';
DELETE FROM dashboards WHERE id = 'hourly';
TABLE regress_schedules;
-- Members of the owner's role see them; nobody writes them.
CREATE ROLE regress_member;
CREATE ROLE regress_stranger;
UPDATE dashboards SET owner = 'regress_member' WHERE id = 'made somehow';
SET ROLE regress_member;
TABLE dashboard_schedules \gset seen_
SELECT :'seen_dashboard_artifact_id' AS seen;
DELETE FROM dashboard_schedules;
RESET ROLE;
SET ROLE regress_stranger;
SELECT count(*) AS seen FROM dashboard_schedules;
RESET ROLE;
-- An owner needs no right on schedules to have one.
GRANT SELECT, UPDATE ON dashboards TO regress_member;
SET ROLE regress_member;
UPDATE dashboards SET metadata = '{"snapshot_policy": "hourly"}' WHERE id = 'made somehow';
RESET ROLE;
TABLE regress_schedules;
DELETE FROM dashboards;

--
-- Times
--
-- The place within the period is fixed, whenever one looks.
SELECT snapshot_due('1 h', 1, '2030-01-01 00:00') AS due, snapshot_due('1 h', 1, '2030-01-01 00:38'), snapshot_due('1 h', 1, '2030-07-01 12:37:04.922236') AS at_the_time,
       snapshot_due('24 h', 1, '2030-01-01 00:00'), snapshot_due('8784 h', 2, '2030-01-01 00:00');
SELECT count(*) AS wrong
  FROM generate_series(1, 500) slot, unnest('{1 min,7 min,1 h,24 h,8784 h}'::interval[]) period,
       unnest('{2026-03-29 01:00+00,2030-01-01 00:00+00,2050-06-15 12:34:56.789012+00}'::timestamptz[]) at,
       LATERAL (SELECT snapshot_due(period, slot, at) AS due) d
 WHERE due > at OR due + period <= at OR snapshot_due(period, slot, due) <> due OR snapshot_due(period, slot, due + period) <> due + period
    OR snapshot_due(period, slot, due + period - interval '1 us') <> due;
-- Even, whatever their number: of n in 60 minutes no minute has many more than n / 60.
SELECT n, (SELECT max(c) FROM (SELECT count(*) AS c FROM generate_series(1, n) slot GROUP BY extract(minute FROM snapshot_due('1 h', slot, '2030-01-01'))) m) AS most_in_a_minute,
          (SELECT count(DISTINCT extract(minute FROM snapshot_due('1 h', slot, '2030-01-01'))) FROM generate_series(1, n) slot) AS minutes
  FROM unnest('{2,10,60,61,100,300,1000,5000}'::int[]) n;

--
-- The first snapshots of 300 hourly dashboards that are made at once, and of one more
--
INSERT INTO dashboards (id, view_spec, metadata)
SELECT i, '{"data_sources": {"rows": {"sql": "SELECT * FROM regress_scores"}}}', '{"snapshot_policy": "hourly"}' FROM generate_series(1, 300) i;
SELECT run_due_snapshots(clock_timestamp(), 'infinity', NULL) BETWEEN 5 AND 60 AS at_once;
SELECT max(c) <= 12 AS no_burst, sum(c) > 200 AS the_rest
  FROM (SELECT count(*) AS c FROM dashboard_schedules WHERE is_new GROUP BY date_trunc('minute', run_at)) m;
SELECT bool_and(run_at <= now() + interval '1 hour') AS within_the_hour FROM dashboard_schedules;
-- Nothing called for an hour: none of them is missed, and they come at a pace.
SELECT run_due_snapshots(clock_timestamp() + interval '1 hour', 'infinity', NULL) < 30 AS no_burst;
SELECT count(*) AS missed FROM dashboard_events e JOIN dashboard_schedules s USING (dashboard_artifact_id)
 WHERE e.event_type = 'snapshot_missed' AND s.is_new;
DELETE FROM dashboards;
INSERT INTO dashboards (id, view_spec, metadata)
VALUES ('one', '{"data_sources": {"rows": {"sql": "SELECT * FROM regress_scores"}}}', '{"snapshot_policy": "daily"}');
SELECT run_due_snapshots(clock_timestamp(), 'infinity', NULL) AS at_once;
SELECT run_due_snapshots(clock_timestamp(), 'infinity', NULL) AS again;
SELECT is_new, due > now() AS later FROM dashboard_schedules;
DELETE FROM dashboards;

--
-- A day of 300 hourly dashboards, looked at every minute
--
ALTER SEQUENCE dashboard_schedules_slot_seq RESTART;
INSERT INTO dashboards (id, view_spec, metadata)
SELECT i, '{"data_sources": {"rows": {"sql": "SELECT * FROM regress_scores"}}}', '{"snapshot_policy": "hourly"}' FROM generate_series(1, 300) i;
CREATE PROCEDURE regress_set_schedules(at timestamptz) LANGUAGE sql AS $$
  UPDATE dashboard_schedules SET due = snapshot_due(period, slot, at) + period, run_at = snapshot_due(period, slot, at) + period, is_new = false
$$;
CREATE TABLE regress_calls (at timestamptz, done integer);
CREATE PROCEDURE regress_run(from_time timestamptz, to_time timestamptz) LANGUAGE sql AS $$
  INSERT INTO regress_calls SELECT at, run_due_snapshots(at, 'infinity', NULL) FROM generate_series(from_time, to_time, '1 min') at
$$;
CREATE VIEW regress_missed AS
  SELECT substring(message FROM '^\D+\d* ?[a-z]+') AS message, count(*) FROM dashboard_events WHERE event_type = 'snapshot_missed' GROUP BY 1 ORDER BY 1;
CALL regress_set_schedules('2030-01-01 00:00');
CALL regress_run('2030-01-01 00:00', '2030-01-01 03:00');
SELECT sum(done) AS done, max(done) AS most_in_a_minute FROM regress_calls;
SELECT count(*) AS dashboards, min(n), max(n) FROM (SELECT count(*) AS n FROM dashboard_snapshots GROUP BY dashboard_artifact_id) s;
TABLE regress_missed;

-- A stop of ten minutes: nothing is missed, and what was not taken comes at the pace at which it would have.
TRUNCATE regress_calls;
CALL regress_run('2030-01-01 03:10', '2030-01-01 03:10');
SELECT max(run_at) - min(run_at) < '10 min' AS spread, count(*) BETWEEN 48 AND 52 AS those_of_ten_minutes, min(run_at - due) > '9 min' AS by_ten_minutes
  FROM dashboard_schedules WHERE run_at > due;
CALL regress_run('2030-01-01 03:11', '2030-01-01 04:00');
SELECT sum(done) AS done, max(done) AS most_in_a_minute, max(done) FILTER (WHERE at > '2030-01-01 03:20') AS later FROM regress_calls;
SELECT count(*) AS dashboards, min(n), max(n) FROM (SELECT count(*) AS n FROM dashboard_snapshots GROUP BY dashboard_artifact_id) s;
TABLE regress_missed;

-- A stop of six hours, and one more while that is being caught up with.
TRUNCATE regress_calls;
CALL regress_run('2030-01-01 10:00', '2030-01-01 10:15');
SELECT max(done) AS most_in_a_minute FROM regress_calls;
TABLE regress_missed;
CALL regress_run('2030-01-01 10:30', '2030-01-01 12:00');
SELECT max(done) AS most_in_a_minute, max(done) FILTER (WHERE at > '2030-01-01 11:01') AS later FROM regress_calls;
TABLE regress_missed;
-- Every slot of these twelve hours has been taken or missed.
SELECT DISTINCT (SELECT count(*) FROM dashboard_snapshots s WHERE s.dashboard_artifact_id = d.id)
       + (SELECT coalesce(sum(coalesce(substring(message FROM 'missed (\d+)')::int, 1)), 0) FROM dashboard_events e WHERE e.dashboard_artifact_id = d.id) AS slots
  FROM dashboards d;
SELECT message FROM dashboard_events WHERE dashboard_artifact_id IN ('1', '2') ORDER BY id;

-- Years later.
CALL regress_run('2035-01-01 00:00', '2035-01-01 00:00');
SELECT max(message) FROM dashboard_events WHERE dashboard_artifact_id = '1' AND message LIKE '%2034-12-31 %';
SELECT count(*) AS in_order FROM dashboard_schedules WHERE run_at BETWEEN '2035-01-01 00:00' AND '2035-01-01 01:00';
-- The clock is set back: nothing waits for it to come here again.
UPDATE dashboard_schedules SET due = due + interval '100 years', run_at = run_at + interval '100 years';
SELECT run_due_snapshots(clock_timestamp(), 'infinity', NULL) AS done;
SELECT count(*) AS soon FROM dashboard_schedules WHERE due > now() AND due <= clock_timestamp() + period;
DELETE FROM dashboards;
TRUNCATE regress_calls;

-- The shortest period, looked at every minute and then every three.
ALTER SEQUENCE dashboard_schedules_slot_seq RESTART;
INSERT INTO dashboards (id, view_spec, metadata)
SELECT i, '{"data_sources": {"rows": {"sql": "SELECT * FROM regress_scores"}}}', '{"snapshot_policy": "every 1 minute"}' FROM generate_series(1, 10) i;
CALL regress_set_schedules('2030-01-01 00:00');
CALL regress_run('2030-01-01 00:01', '2030-01-01 00:10');
SELECT min(done), max(done) FROM regress_calls;
TABLE regress_missed;
TRUNCATE regress_calls;
INSERT INTO regress_calls SELECT at, run_due_snapshots(at, 'infinity', NULL) FROM generate_series('2030-01-01 00:13'::timestamptz, '2030-01-01 00:40', '3 min') at;
SELECT min(done), max(done) FROM regress_calls;
TABLE regress_missed;
DELETE FROM dashboards;

-- A caller that looks seldom finds everything late. Every dashboard has its turn all the same, and what is missed is told.
INSERT INTO dashboards (id, view_spec, metadata)
SELECT i, '{"data_sources": {"rows": {"sql": "SELECT * FROM regress_scores"}}}', '{"snapshot_policy": "hourly"}' FROM generate_series(1, 60) i;
CREATE VIEW regress_slots AS
  SELECT d.id, s.taken, coalesce(e.missed, 0) AS missed
    FROM dashboards d
    LEFT JOIN (SELECT dashboard_artifact_id AS id, count(*) AS taken FROM dashboard_snapshots GROUP BY 1) s USING (id)
    LEFT JOIN (SELECT dashboard_artifact_id AS id, sum(coalesce(substring(message FROM 'missed (\d+)')::int, 1)) AS missed FROM dashboard_events GROUP BY 1) e USING (id);
CALL regress_set_schedules('2030-01-01 00:00');
SELECT sum(run_due_snapshots(at, 'infinity', NULL)) AS done FROM generate_series('2030-01-01 00:10'::timestamptz, '2030-01-02 00:30', '10 min') at;
SELECT min(taken) AS least_taken, min(taken + missed) BETWEEN 23 AND 24 AND max(taken + missed) BETWEEN 24 AND 25 AS a_day FROM regress_slots;
DELETE FROM dashboard_snapshots;
DELETE FROM dashboard_events;
CALL regress_set_schedules('2030-01-02 00:00');
SELECT sum(run_due_snapshots(at, 'infinity', NULL)) AS done FROM generate_series('2030-01-02'::timestamptz, '2030-01-05', '90 min') at;
SELECT min(taken) AS least_taken, min(taken + missed) BETWEEN 71 AND 72 AND max(taken + missed) BETWEEN 72 AND 73 AS three_days FROM regress_slots;
DELETE FROM dashboards;

DROP VIEW regress_missed, regress_schedules, regress_slots;
DROP PROCEDURE regress_run, regress_set_schedules;
DROP FUNCTION regress_error;
DROP TABLE regress_calls, regress_scores;
DROP ROLE regress_stranger;
REVOKE ALL ON dashboards FROM regress_member;
DROP ROLE regress_member;
