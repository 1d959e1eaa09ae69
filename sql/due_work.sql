-- run_due_work(): who may call it, what it takes, what fails, and what is begun and never ends.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
CREATE TABLE regress_scores AS SELECT id, 10 AS score FROM generate_series(1, 3) id;
GRANT SELECT ON regress_scores TO PUBLIC;
CREATE ROLE regress_ana;
CREATE ROLE regress_bob;
ALTER SEQUENCE dashboard_schedules_slot_seq RESTART;
INSERT INTO dashboards (id, owner, view_spec, metadata)
SELECT name, owner, '{"data_sources": {"rows": {"sql": "SELECT * FROM public.regress_scores ORDER BY id"}}}', '{"snapshot_policy": "hourly"}'
  FROM (VALUES ('ana''s', 'regress_ana'), ('bob''s', 'regress_bob')) v(name, owner);
CREATE PROCEDURE regress_set_schedules(at timestamptz) LANGUAGE sql AS $$
  UPDATE dashboard_schedules SET due = snapshot_due(period, slot, at) + period, run_at = snapshot_due(period, slot, at) + period, is_new = false
$$;
CREATE VIEW regress_schedules AS
  SELECT dashboard_artifact_id AS id, due, failures, last_error, last_snapshot_at IS NOT NULL AS has_snapshot, begun_at IS NOT NULL AS is_begun FROM dashboard_schedules ORDER BY slot;
CALL regress_set_schedules('2030-01-01 00:00');
TABLE regress_schedules;

--
-- Rights: one who may do nothing else has the work of every owner done
--
CREATE ROLE regress_timer;
SET ROLE regress_timer;
SELECT run_due_work('2030-01-01 00:14:30');
SELECT run_due_snapshots('2030-01-01 00:14:30', 'infinity', NULL);
SELECT allow_scheduler('regress_timer');
RESET ROLE;
SELECT allow_scheduler('regress_timer');
SELECT p.proname FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
 CROSS JOIN aclexplode(p.proacl) a WHERE a.grantee = 'regress_timer'::regrole;
SET ROLE regress_timer;
SELECT run_due_work('2030-01-01 00:14:09') AS too_early, run_due_work('2030-01-01 00:14:30') AS bobs, run_due_work('2030-01-01 00:14:31') AS done, run_due_work('2030-01-01 00:37:30') AS anas;
SELECT count(*) FROM dashboard_snapshots;
TABLE dashboard_schedules;
SELECT begin_due_snapshot('2030-01-01 00:14:30');
SELECT next_work_due();
RESET ROLE;
TABLE regress_schedules;
SELECT dashboard_artifact_id, count(*) FROM dashboard_snapshots GROUP BY 1 ORDER BY 1;

--
-- With no change nobody is told, however often it runs
--
INSERT INTO personas (id) VALUES ('regress_fan');
SELECT count(subscribe(id, 'persona', 'regress_fan', '{"OR": [{"value_delta": 0.000001}, {"set_added_min": 1}, {"set_removed_min": 1}, {"top_n_reordering": 1}]}', baseline))
  FROM dashboards, unnest('{previous,last_notified}'::text[]) baseline;
SELECT sum(run_due_work(at)) AS snapshots FROM generate_series('2030-01-01 00:38'::timestamptz, '2030-01-02 00:38', '1 min') at;
SELECT count(*) AS alerts FROM dashboard_alerts;
UPDATE regress_scores SET score = 11 WHERE id = 2;
SELECT sum(run_due_work(at)) AS snapshots FROM generate_series('2030-01-02 00:38'::timestamptz, '2030-01-02 02:38', '1 min') at;
SELECT dashboard_artifact_id, count(*) AS alerts FROM dashboard_alerts GROUP BY 1 ORDER BY 1;

--
-- Limits
--
SELECT run_due_work('infinity');
SELECT run_due_work(max_items => -1);
CALL regress_set_schedules('2030-02-01 00:00');
UPDATE dashboard_schedules SET due = '2030-02-01', run_at = '2030-02-01';
SELECT run_due_work('2030-02-01 00:01', max_items => 0) AS none, run_due_work('2030-02-01 00:01', '0 s') AS no_time, run_due_work('2030-02-01 00:01', max_items => 1) AS one,
       run_due_work('2030-02-01 00:01', NULL, NULL) AS the_other, run_due_work('2030-02-01 00:01') AS none;
CALL regress_set_schedules(clock_timestamp());
SELECT next_work_due() BETWEEN '0 s' AND '1 h' AS within_the_hour, next_work_due('2029-01-01') IS NULL AS nothing_as_late_as_that;
UPDATE dashboard_schedules SET run_at = clock_timestamp() - interval '1 min';
SELECT next_work_due(clock_timestamp() - interval '2 min') AS became_due, next_work_due() IS NULL AS was_due;

--
-- A query that fails is told of once a day, and the schedule goes on
--
CREATE VIEW regress_events AS SELECT dashboard_artifact_id AS id, event_type, message FROM dashboard_events WHERE event_type LIKE 'snapshot%' ORDER BY dashboard_events.id;
DELETE FROM dashboard_events;
CALL regress_set_schedules('2030-03-01 00:00');
UPDATE dashboards SET view_spec = '{"data_sources": {"rows": {"sql": "SELECT id, 1 / (score - score) FROM public.regress_scores"}}}' WHERE id = 'bob''s';
SELECT sum(run_due_work(at)) AS tried FROM generate_series('2030-03-01 00:00'::timestamptz, '2030-03-01 05:59', '1 min') at;
TABLE regress_schedules;
TABLE regress_events;
SELECT sum(run_due_work(at)) AS tried FROM generate_series('2030-03-01 06:00'::timestamptz, '2030-03-02 00:13', '1 min') at;
SELECT count(*) AS told FROM regress_events;
SELECT sum(run_due_work(at)) AS tried FROM generate_series('2030-03-02 00:14'::timestamptz, '2030-03-02 01:14', '1 min') at;
SELECT count(*) AS told FROM regress_events;
-- Another reason is news.
UPDATE dashboards SET view_spec = '{"data_sources": {"rows": {"sql": "SELECT * FROM public.regress_missing"}}}' WHERE id = 'bob''s';
SELECT sum(run_due_work(at)) AS tried FROM generate_series('2030-03-02 01:15'::timestamptz, '2030-03-02 04:14', '1 min') at;
SELECT count(*) AS told FROM regress_events;
TABLE regress_schedules;
-- So is the next failure after a success.
UPDATE dashboards SET view_spec = '{"data_sources": {"rows": {"sql": "SELECT * FROM public.regress_scores ORDER BY id"}}}' WHERE id = 'bob''s';
SELECT sum(run_due_work(at)) AS tried FROM generate_series('2030-03-02 04:15'::timestamptz, '2030-03-02 05:14', '1 min') at;
TABLE regress_schedules;
-- What is not the query's fault, too: a snapshot that may not be stored.
CREATE FUNCTION regress_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused' USING DETAIL = 'Not today.'; END $$;
CREATE TRIGGER regress_refuse BEFORE INSERT ON dashboard_snapshots FOR EACH ROW WHEN (NEW.dashboard_artifact_id = 'ana''s') EXECUTE FUNCTION regress_refuse();
SELECT sum(run_due_work(at)) AS tried FROM generate_series('2030-03-02 05:15'::timestamptz, '2030-03-02 06:14', '1 min') at;
DROP TRIGGER regress_refuse ON dashboard_snapshots;
TABLE regress_schedules;
SELECT message FROM regress_events WHERE id = 'ana''s';
-- A caller that is cancelled meant itself, not the dashboard.
CREATE FUNCTION regress_cancelled() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'canceling statement due to user request' USING ERRCODE = 'query_canceled'; END $$;
CREATE TRIGGER regress_cancelled BEFORE INSERT ON dashboard_snapshots FOR EACH ROW EXECUTE FUNCTION regress_cancelled();
SELECT run_due_work('2030-03-02 06:15');
DROP TRIGGER regress_cancelled ON dashboard_snapshots;
SELECT run_due_work('2030-03-02 06:15') AS tried;

--
-- In two steps, as the background worker does it
--
CALL regress_set_schedules('2030-04-01 00:00');
DELETE FROM dashboard_events;
SELECT count(*) AS before FROM dashboard_snapshots \gset
SELECT begin_due_snapshot('2030-04-01 00:14:30');
TABLE regress_schedules;
SELECT take_begun_snapshot('bob''s', '2030-04-01 00:14:30');
SELECT take_begun_snapshot('bob''s', '2030-04-01 00:14:30');
SELECT count(*) - :before AS taken FROM dashboard_snapshots;
TABLE regress_schedules;
-- The session was interrupted in between: that is found when it begins another one.
SELECT begin_due_snapshot('2030-04-01 00:37:30');
SELECT begin_due_snapshot('2030-04-01 00:37:31');
TABLE regress_schedules;
-- It ended: anybody finds that. As long as it lives it is left alone.
UPDATE dashboard_schedules SET begun_at = clock_timestamp(), begun_by = (SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer') WHERE dashboard_artifact_id = 'bob''s';
SELECT begin_due_snapshot('2030-04-01 01:14:30') AS begun_by_another_session;
UPDATE dashboard_schedules SET begun_at = (SELECT backend_start - interval '1 s' FROM pg_stat_activity WHERE backend_type = 'checkpointer') WHERE dashboard_artifact_id = 'bob''s';
SELECT begin_due_snapshot('2030-04-01 01:14:30') AS begun_by_an_earlier_process;
SELECT take_begun_snapshot('bob''s', '2030-04-01 01:14:30');
UPDATE dashboard_schedules SET begun_at = clock_timestamp(), begun_by = 0 WHERE dashboard_artifact_id = 'bob''s';
SELECT begin_due_snapshot('2030-04-01 01:14:30') AS not_due;
TABLE regress_schedules;
TABLE regress_events;
-- Its schedule ends in between.
SELECT begin_due_snapshot('2030-04-01 01:37:30');
UPDATE dashboards SET metadata = '{}' WHERE id = 'ana''s';
SELECT take_begun_snapshot('ana''s', '2030-04-01 01:37:30');
SELECT count(*) - :before AS taken FROM dashboard_snapshots;

DELETE FROM dashboards;
DELETE FROM personas;
DROP VIEW regress_schedules, regress_events;
DROP PROCEDURE regress_set_schedules;
DROP FUNCTION regress_refuse, regress_cancelled;
DROP TABLE regress_scores;
REVOKE ALL ON FUNCTION run_due_work FROM regress_timer;
DROP ROLE regress_ana, regress_bob, regress_timer;
