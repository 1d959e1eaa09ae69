-- One owner's slow queries do not keep others from their turn.
CREATE ROLE regress_slow;
CREATE ROLE regress_quick;
GRANT INSERT, DELETE ON dashboards TO regress_slow, regress_quick;
SET ROLE regress_slow;
INSERT INTO dashboards (id, view_spec, metadata)
SELECT 'slow' || i, '{"data_sources": {"rows": {"sql": "SELECT 1 AS id, pg_sleep(1.1)::text AS x"}}}', '{"snapshot_policy": "hourly"}' FROM generate_series(1, 3) i;
SET ROLE regress_quick;
INSERT INTO dashboards (id, view_spec, metadata)
SELECT 'quick' || i, '{"data_sources": {"rows": {"sql": "SELECT 1 AS id"}}}', '{"snapshot_policy": "hourly"}' FROM generate_series(1, 2) i;
RESET ROLE;
-- Those of the slow one have been due for longer.
UPDATE dashboard_schedules SET due = now(), is_new = false, run_at = clock_timestamp() - CASE WHEN dashboard_artifact_id ~ '^slow' THEN interval '20 s' ELSE '10 s' END;
SELECT run_due_work(max_items => 3) AS worked;
SELECT dashboard_artifact_id FROM dashboard_snapshots ORDER BY id;
-- By itself it goes on without a pause.
SELECT run_due_work(clock_timestamp() + interval '3 s', max_items => 2) AS worked;
SELECT count(*) FROM dashboard_snapshots WHERE dashboard_artifact_id ~ '^slow';
SET ROLE regress_slow;
DELETE FROM dashboards;
SET ROLE regress_quick;
DELETE FROM dashboards;
RESET ROLE;
REVOKE ALL ON dashboards FROM regress_slow, regress_quick;
DROP ROLE regress_slow, regress_quick;
