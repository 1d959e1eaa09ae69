-- Records, the latest of each dashboard, and the Health Center's list.
SET timezone = 'UTC';
CREATE FUNCTION pg_temp.error_of(statement text)
RETURNS TABLE (state text, message text, detail text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RETURN QUERY SELECT '00000', 'no error', '';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
  RETURN NEXT;
END
$$;
INSERT INTO dashboards (id, environment_id, title) VALUES ('a', 'prod', 'A'), ('b', 'prod', NULL), ('C', 'test', 'C'), ('d', 'test', 'D');
CREATE VIEW regress_health WITH (security_invoker) AS
  SELECT dashboard_id AS id, environment_id AS env, title, status, summary, checked_at, is_stale AS stale, acknowledged_by IS NOT NULL AS ack FROM health_summary();
-- What is found by looking at all records: what the list shows must agree with it.
CREATE VIEW regress_wrong AS
  SELECT h.dashboard_id, h.record_id, r.id
    FROM dashboard_health h
    LEFT JOIN LATERAL (SELECT * FROM validation_records r WHERE r.dashboard_id = h.dashboard_id ORDER BY created_at DESC, id DESC LIMIT 1) r ON true
   WHERE (h.record_id, h.status, h.summary, h.issues, h.checked_at, h.policy_id)
         IS DISTINCT FROM (r.id, coalesce(r.status, 'UNKNOWN'), coalesce(r.summary, 'never checked'), coalesce(r.issues, '[]'), r.created_at, r.policy_id);

-- Never checked; a title that changes is seen.
UPDATE dashboards SET title = 'B' WHERE id = 'b';
TABLE regress_health;
SELECT failing_count(), failing_count('prod');

-- The latest by (created_at, id) wins, in whatever order they come.
INSERT INTO validation_records (dashboard_id, id, status, summary, created_at) VALUES
  ('a', 1, 'FAIL', 'first', '2020-11-01'), ('a', 2, 'PASS', 'second', '2020-11-02'), ('b', 1, 'PASS', 'b1', '2020-11-01'), ('C', 1, 'WARN', 'c1', '2020-11-01');
TABLE regress_health;
INSERT INTO validation_records (dashboard_id, id, status, summary, created_at) VALUES ('a', 3, 'FAIL', 'backdated', '2020-11-01 12:00');
INSERT INTO validation_records (dashboard_id, id, status, summary, created_at) VALUES ('a', 5, 'FAIL', 'tie, later id', '2020-11-02'), ('b', 2, 'FAIL', 'b2', '2020-11-03');
INSERT INTO validation_records (dashboard_id, id, status, summary, created_at) VALUES ('a', 4, 'WARN', 'tie, earlier id', '2020-11-02');
TABLE regress_health;
TABLE regress_wrong;
SELECT failing_count(), failing_count('prod'), failing_count('test'), failing_count('nosuch');
SELECT dashboard_id, status FROM health_summary('test');
-- Deleted and changed ones.
DELETE FROM validation_records WHERE dashboard_id = 'a' AND id = 5;
SELECT id, status, summary FROM regress_health WHERE id = 'a';
UPDATE validation_records SET created_at = '2020-11-04' WHERE dashboard_id = 'a' AND id = 1;
UPDATE validation_records SET dashboard_id = 'd', id = 9 WHERE dashboard_id = 'b' AND id = 2;
SELECT id, status, summary FROM regress_health;
UPDATE validation_records SET summary = 'worded anew' WHERE dashboard_id = 'a' AND id = 1;
SELECT id, status, summary FROM regress_health WHERE id = 'a';
BEGIN;
DELETE FROM validation_records WHERE dashboard_id = 'a';
SELECT id, status, summary, checked_at, stale FROM regress_health WHERE id = 'a';
TABLE regress_wrong;
TRUNCATE validation_records;
SELECT DISTINCT status, summary, checked_at FROM regress_health;
INSERT INTO validation_records (dashboard_id, id, status, created_at) VALUES ('a', 1, 'WARN', '2020-11-01');
TABLE regress_wrong;
ROLLBACK;
-- Many at random, in one statement and in many.
TRUNCATE validation_records;
SELECT setseed(0.5);
DO $$
BEGIN
  FOR round IN 1..60 LOOP
    INSERT INTO validation_records (dashboard_id, status, summary, created_at)
    SELECT (ARRAY['a', 'b', 'C', 'd'])[1 + floor(random() * 4)], (ARRAY['PASS', 'WARN', 'FAIL', 'UNKNOWN'])[1 + floor(random() * 4)],
           'n' || i, timestamptz '2020-10-01' + floor(random() * 10) * interval '1 h'
      FROM generate_series(1, floor(random() * 6)::integer) i;
    IF round % 3 = 0 THEN
      DELETE FROM validation_records r WHERE random() < 0.3;
    ELSIF round % 5 = 0 THEN
      UPDATE validation_records SET created_at = created_at + floor(random() * 5 - 2) * interval '1 h' WHERE random() < 0.3;
    END IF;
    IF EXISTS (SELECT FROM regress_wrong) THEN
      RAISE EXCEPTION 'round %: %', round, (SELECT jsonb_agg(w) FROM regress_wrong w);
    END IF;
  END LOOP;
END
$$;
SELECT delete_health_reports(id, NULL) > 0 AS deleted FROM dashboards;
SELECT DISTINCT status, summary FROM regress_health;
-- What a record has to be.
SELECT e.state, e.message FROM pg_temp.error_of($$INSERT INTO validation_records (dashboard_id, status) VALUES ('a', 'OK')$$) e;
SELECT e.state, e.message FROM pg_temp.error_of($$INSERT INTO validation_records (dashboard_id, status, issues) VALUES ('a', 'PASS', '{}')$$) e;

--
-- Stale ones
--
INSERT INTO validation_policies (id, name, schedule_days, window_start, window_end) VALUES
  (101, 'daily', '{0,1,2,3,4,5,6}', '02:00', '04:00'), (102, 'weekdays', '{1,2,3,4,5}', '23:00', '01:30'), (103, 'weekly', '{3}', '08:00', '09:00'), (104, 'twice', '{6,1}', '08:00', '08:30');
SELECT id, validation_period(id) FROM validation_policies ORDER BY id;
INSERT INTO validation_records (dashboard_id, id, policy_id, status, created_at)
SELECT d, 1, p, 'PASS', clock_timestamp() - age
  FROM (VALUES ('a', 101, interval '26 h 59 min'), ('b', 101, '27 h 1 min'), ('C', 103, '169 h 59 min'), ('d', NULL, '25 h 1 min')) v (d, p, age);
SELECT id, status, stale FROM regress_health;
INSERT INTO validation_records (dashboard_id, id, policy_id, status, created_at)
SELECT d, 2, p, 'PASS', clock_timestamp() - age FROM (VALUES ('b', 999, interval '24 h 59 min'), ('d', NULL, '24 h 59 min')) v (d, p, age);
SELECT id, status, stale FROM regress_health;
-- A policy that changes, ends or comes back changes that.
UPDATE validation_policies SET schedule_days = '{3,4}' WHERE id = 103;
SELECT stale_after FROM dashboard_health WHERE dashboard_id = 'C';
DELETE FROM validation_policies WHERE id = 103;
SELECT stale FROM regress_health WHERE id = 'C';
INSERT INTO validation_policies (id, name, schedule_days, window_start, window_end) VALUES (103, 'weekly', '{3}', '08:00', '09:00');
SELECT stale FROM regress_health WHERE id = 'C';
DELETE FROM validation_records;

--
-- Acknowledging
--
SELECT e.* FROM pg_temp.error_of($$SELECT acknowledge_health('nosuch')$$) e;
SELECT e.* FROM pg_temp.error_of($$SELECT acknowledge_health(NULL)$$) e;
SELECT e.* FROM pg_temp.error_of($$SELECT acknowledge_health('a')$$) e;
INSERT INTO validation_records (dashboard_id, id, status, created_at) VALUES ('a', 1, 'PASS', '2020-11-01');
SELECT e.* FROM pg_temp.error_of($$SELECT acknowledge_health('a')$$) e;
INSERT INTO validation_records (dashboard_id, id, status, created_at) VALUES ('a', 2, 'FAIL', '2020-11-02');
SELECT acknowledge_health('a', 'known, see the ticket');
SELECT status, acknowledged_by = current_user AS by_me, acknowledged_note, acknowledged_at <= clock_timestamp() AS at FROM health_summary() WHERE dashboard_id = 'a';
-- Shown while the status is the same; hidden by another one; gone with a PASS, but not with an older one.
INSERT INTO validation_records (dashboard_id, id, status, created_at) VALUES ('a', 3, 'FAIL', '2020-11-03'), ('a', 4, 'PASS', '2020-11-01 12:00');
SELECT status, ack FROM regress_health WHERE id = 'a';
INSERT INTO validation_records (dashboard_id, id, status, created_at) VALUES ('a', 5, 'WARN', '2020-11-04');
SELECT status, ack FROM regress_health WHERE id = 'a';
INSERT INTO validation_records (dashboard_id, id, status, created_at) VALUES ('a', 6, 'FAIL', '2020-11-05');
SELECT status, ack FROM regress_health WHERE id = 'a';
INSERT INTO validation_records (dashboard_id, id, status, created_at) VALUES ('a', 7, 'PASS', '2020-11-06'), ('a', 8, 'FAIL', '2020-11-07');
SELECT status, ack FROM regress_health WHERE id = 'a';
SELECT count(*) FROM health_acknowledgements;
-- Once more replaces it; deleting the reports takes it along.
SELECT acknowledge_health('a', 'one'), acknowledge_health('a', 'two');
SELECT acknowledged_note FROM health_summary() WHERE dashboard_id = 'a';

--
-- History and deletion by scope
--
UPDATE validation_records SET environment_id = 'old' WHERE dashboard_id = 'a' AND id < 4;
SELECT id, environment_id, status, created_at FROM health_history('a', 3);
SELECT count(*) FROM health_history('a');
INSERT INTO validation_windows (policy_id, window_date, starts_at, ends_at, plan_key) VALUES (101, '2020-11-22', '2020-11-22 02:00', '2020-11-22 04:00', 'x');
INSERT INTO validation_tasks (dashboard_id, id, policy_id, window_date, environment_id, scheduled_at, status) VALUES ('a', 1, 101, '2020-11-22', 'prod', '2020-11-22 03:00', 'done');
SELECT delete_health_reports('a', 'old'), delete_health_reports('nosuch', NULL);
SELECT status, ack FROM regress_health WHERE id = 'a';
SELECT delete_health_reports('a', 'default');
SELECT status, summary, ack FROM regress_health WHERE id = 'a';
SELECT count(*) AS tasks, (SELECT count(*) FROM health_acknowledgements) AS acknowledgements FROM validation_tasks;
DELETE FROM validation_policies;

--
-- Checks that the database does itself
--
UPDATE dashboards SET metadata = '{"checks": [{"min_rows": 2}, {"warn_when": {"set_added_min": 1}}, {"freshness": "2 hours"}, {"snapshot": "ok"}]}' WHERE id IN ('a', 'b');
UPDATE dashboards SET metadata = '{"checks": [{"min_rows": 1}]}' WHERE id = 'C';
SELECT check_dashboard('a') ->> 'summary' AS a, check_dashboard('d') AS undeclared, check_dashboard('nosuch') AS nosuch;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, captured_at, content) VALUES
  ('a', '2020-11-22 10:00', '[{"id": 1}, {"id": 2}]'), ('a', '2020-11-22 11:00', '[{"id": 1}, {"id": 2}, {"id": 3}]'), ('b', '2020-11-22 11:00', '[{"id": 1}]');
SELECT check_dashboard('a', '2020-11-22 12:00') ->> 'summary' AS a, check_dashboard('a', '2020-11-22 14:00') ->> 'summary' AS late, check_dashboard('b', '2020-11-22 12:00') ->> 'status' AS b;
-- A snapshot of another view is not compared.
UPDATE dashboards SET view_spec = '{"columns": ["x"]}' WHERE id = 'a';
INSERT INTO dashboard_snapshots (dashboard_artifact_id, captured_at, content) VALUES ('a', '2020-11-22 11:30', '[{"id": 7}, {"id": 8}]');
SELECT check_dashboard('a', '2020-11-22 12:00') ->> 'summary' AS a;

INSERT INTO validation_policies (id, name, window_start, window_end) VALUES (101, 'nightly', '10:00', '14:00');
INSERT INTO validation_windows (policy_id, window_date, starts_at, ends_at, plan_key) VALUES (101, '2020-11-22', '2020-11-22 10:00', '2020-11-22 14:00', 'x');
INSERT INTO validation_tasks (dashboard_id, id, policy_id, window_date, environment_id, scheduled_at) VALUES
  ('a', 1, 101, '2020-11-22', 'prod', '2020-11-22 11:50'), ('b', 2, 101, '2020-11-22', 'prod', '2020-11-22 11:55'), ('C', 3, 101, '2020-11-22', 'test', '2020-11-22 12:30'), ('d', 4, 101, '2020-11-22', 'test', '2020-11-22 11:00');
-- Nothing is due yet; nothing is done past the deadline, nor more than asked for.
SELECT run_due_validations('2020-11-22 10:30', 'infinity', NULL);
SELECT run_due_validations('2020-11-22 12:00', '-infinity', NULL);
SELECT run_due_validations('2020-11-22 12:00', 'infinity', 1);
SELECT id, status, announced, finished_at FROM validation_tasks ORDER BY id;
SELECT run_due_validations('2020-11-22 12:00', 'infinity', NULL), run_due_validations('2020-11-22 12:00', 'infinity', NULL);
SELECT id, status, announced, finished_at FROM validation_tasks ORDER BY id;
SELECT dashboard_id, task_id, policy_id, environment_id, status, summary, issues, created_at FROM validation_records ORDER BY task_id;
-- A checker's error is UNKNOWN, never FAIL, and harms no other: here the document itself is broken.
ALTER TABLE dashboard_snapshots DROP CONSTRAINT dashboard_snapshots_content_check;
ALTER TABLE dashboard_snapshots DISABLE TRIGGER USER;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, captured_at, content) VALUES ('C', '2020-11-22 11:00', '"broken"');
SELECT run_due_validations('2020-11-22 13:00', 'infinity', NULL);
SELECT status, summary, issues FROM health_summary() WHERE dashboard_id = 'C';
DELETE FROM dashboard_snapshots WHERE dashboard_artifact_id = 'C';
ALTER TABLE dashboard_snapshots ENABLE TRIGGER USER;
ALTER TABLE dashboard_snapshots ADD CONSTRAINT dashboard_snapshots_content_check CHECK (validate_snapshot(content));
-- A cancel is the caller's.
UPDATE validation_tasks SET status = 'pending' WHERE id = 1;
DELETE FROM validation_records WHERE dashboard_id = 'a';
INSERT INTO dashboard_snapshots (dashboard_artifact_id, captured_at, content)
SELECT 'a', '2020-11-22 11:45', jsonb_agg(jsonb_build_object('id', i)) FROM generate_series(1, 300000) i;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, captured_at, content)
SELECT 'a', '2020-11-22 11:50', jsonb_agg(jsonb_build_object('id', 300000 - i)) FROM generate_series(1, 300000) i;
BEGIN;
SET LOCAL statement_timeout = '5ms';
\set VERBOSITY terse
SELECT run_due_validations('2020-11-22 13:00', 'infinity', NULL);
\set VERBOSITY default
ROLLBACK;
SELECT status FROM validation_tasks WHERE id = 1;
SELECT count(*) FROM validation_records WHERE dashboard_id = 'a';

--
-- Pruning
--
INSERT INTO validation_windows (policy_id, window_date, starts_at, ends_at, plan_key)
SELECT 101, (now() - age)::date, now() - age - interval '1 h', now() - age, 'x' FROM unnest(ARRAY['30 d', '7 d', '1 h']::interval[]) age
ON CONFLICT DO NOTHING;
INSERT INTO validation_tasks (dashboard_id, id, policy_id, window_date, environment_id, scheduled_at, status, finished_at)
SELECT d, 10 + row_number() OVER (), 101, w.window_date, 'prod', w.ends_at, s, w.ends_at
  FROM validation_windows w, (VALUES ('b', 'done'), ('C', 'missed'), ('d', 'pending')) v (d, s)
ON CONFLICT DO NOTHING;
DELETE FROM validation_records;
INSERT INTO validation_records (dashboard_id, id, status, created_at) VALUES
  ('b', 1, 'PASS', now() - interval '30 d'), ('b', 2, 'FAIL', now() - interval '20 d'), ('C', 1, 'PASS', now() - interval '30 d'), ('C', 2, 'PASS', now() - interval '1 h');
SELECT e.* FROM pg_temp.error_of($$SELECT prune_validations('-1 s')$$) e;
SELECT prune_validations('10 d');
SELECT dashboard_id, id FROM validation_records ORDER BY 1, 2;
SELECT t.dashboard_id, t.status, count(*) FROM validation_tasks t WHERE t.id > 10 AND t.window_date < (now() - interval '8 d')::date GROUP BY 1, 2;
SELECT prune_validations('0'), (SELECT count(*) FROM validation_records) AS records;
-- The ledger of the last 8 days stays.
SELECT count(*) > 0 AS kept FROM validation_tasks WHERE window_date = (now() - interval '7 d')::date AND status <> 'pending';

--
-- Who sees and does what
--
CREATE ROLE regress_team;
CREATE ROLE regress_member IN ROLE regress_team;
CREATE ROLE regress_stranger;
UPDATE dashboards SET owner = 'regress_team' WHERE id = 'b';
SET ROLE regress_member;
SELECT dashboard_id, status FROM health_summary();
SELECT failing_count(), (SELECT count(*) FROM health_history('b')) AS history, (SELECT count(*) FROM health_history('C')) AS others;
SELECT e.* FROM pg_temp.error_of($$SELECT acknowledge_health('b')$$) e;
SELECT e.* FROM pg_temp.error_of($$SELECT delete_health_reports('b', NULL)$$) e;
SELECT e.* FROM pg_temp.error_of($$SELECT prune_validations('1 d')$$) e;
SELECT e.* FROM pg_temp.error_of($$SELECT run_due_validations(now(), now(), 1)$$) e;
SELECT e.* FROM pg_temp.error_of($$UPDATE dashboard_health SET status = 'PASS'$$) e;
RESET ROLE;
GRANT INSERT, UPDATE, DELETE ON health_acknowledgements, validation_records TO regress_member, regress_stranger;
SET ROLE regress_member;
SELECT acknowledge_health('b', 'mine');
SELECT acknowledged_by, acknowledged_note FROM health_summary();
SELECT e.* FROM pg_temp.error_of($$UPDATE health_acknowledgements SET acknowledged_by = 'regress_team'$$) e;
SELECT e.* FROM pg_temp.error_of($$SELECT acknowledge_health('C')$$) e;
SELECT delete_health_reports('b', NULL), delete_health_reports('C', NULL);
SELECT status FROM health_summary();
RESET ROLE;
SET ROLE regress_stranger;
SELECT count(*) FROM health_summary();
SELECT delete_health_reports('C', NULL);
SELECT e.* FROM pg_temp.error_of($$INSERT INTO validation_records (dashboard_id, status) VALUES ('C', 'PASS')$$) e;
RESET ROLE;
DROP VIEW regress_health, regress_wrong;
DELETE FROM dashboards;
SELECT count(*) FROM dashboard_health;
DELETE FROM validation_policies;
DROP OWNED BY regress_team, regress_member, regress_stranger;
DROP ROLE regress_member, regress_team, regress_stranger;
