-- Workers outside the database: claims, leases, reports.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
\set SHOW_CONTEXT never
CREATE ROLE regress_validator;
INSERT INTO dashboards (id, environment_id, metadata) VALUES
  ('d1', 'default', '{}'), ('d2', 'default', '{"checks": [{"min_rows": 1}]}'), ('d3', 'default', '{}'), ('d4', 'default', '{}');
INSERT INTO validation_policies (id, name, window_start, window_end) VALUES (1, 'nightly', '1:00', '5:00');
-- Nobody may but who is allowed.
SET ROLE regress_validator;
SELECT * FROM claim_validation('w1');
SELECT report_validation(1, 'PASS');
RESET ROLE;
SELECT allow_validator('regress_validator');
SET ROLE regress_validator;
SELECT count(*) FROM validation_tasks;
RESET ROLE;
SELECT plan_validations('2027-03-01 01:00');
UPDATE validation_tasks SET id = right(dashboard_id, 1)::integer;
SELECT id, dashboard_id, scheduled_at FROM validation_tasks ORDER BY 3;

SET ROLE regress_validator;
-- What is due, the oldest first; not what the database checks itself.
SELECT * FROM claim_validation('w1', at => '2027-03-01 01:29:59');
SELECT * FROM claim_validation('w1', at => '2027-03-01 01:30');
SELECT * FROM claim_validation('w2', '10 min', '2027-03-01 03:30');
SELECT * FROM claim_validation('w1', at => '2027-03-01 03:31');
SELECT task_id FROM claim_validation('w1', at => '2027-03-01 03:40');
-- d1 again: twice nobody reported, and the third worker does not either. The fourth hears nothing of it.
SELECT task_id FROM claim_validation('w1', at => '2027-03-01 03:41');
SELECT task_id FROM claim_validation('w1', at => '2027-03-01 03:44:59');
SELECT task_id FROM claim_validation('w1', at => '2027-03-01 03:50');
RESET ROLE;
SELECT task_id, policy_id, dashboard_id, environment_id, status, summary, issues, created_at FROM validation_records;
SELECT id, status, claimed_by, lease_until, attempts, finished_at FROM validation_tasks ORDER BY id;
SET ROLE regress_validator;
-- Nothing is handed out behind the end of the window.
SELECT task_id FROM claim_validation('w1', at => '2027-03-01 05:00');

--
-- Reports
--
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
SELECT call, r.* FROM (VALUES ('report_validation(3, ''pass'')'), ('report_validation(3, NULL)'), ('report_validation(99, ''PASS'')'), ('report_validation(NULL, ''PASS'')'), ('report_validation(1, ''PASS'')'),
  ('claim_validation('''')'), ('claim_validation(NULL)'), ('claim_validation(''w'', ''0'')'), ('claim_validation(''w'', ''2 days'')'), ('claim_validation(''w'', NULL)')) v (call), pg_temp.refused('SELECT ' || call) r;
SELECT issues, r.state, r.message, r.detail FROM (VALUES ('{}'), ('null'), ('[1]'), ('[{}]'), ('[{"severity": "FAIL", "message": "x"}, {"severity": null, "message": "x"}]'), ('[{"severity": 1, "message": "x"}]'),
  ('[{"severity": "warning"}]'), ('[{"severity": "WARN", "message": 1}]'), ('[{"severity": "WARN", "message": "x", "location": {}}]')) v (issues),
  pg_temp.refused(format('SELECT report_validation(3, ''FAIL'', ''x'', %L)', issues)) r;
\pset format aligned
\pset footer on
-- The last claimer may be late; a task that nobody claimed may be reported, too; each once.
SELECT report_validation(3, 'FAIL', 'two columns are gone', '[{"severity": "error", "message": "column a is gone", "location": "t.a"}, {"severity": "so so", "message": "b", "location": null, "since": 5}]') IS NOT NULL AS taken;
SELECT report_validation(3, 'PASS');
SELECT report_validation(4, 'UNKNOWN', NULL) IS NOT NULL AS taken;
RESET ROLE;
SELECT task_id, dashboard_id, status, summary, issues FROM validation_records ORDER BY id;
-- The window ends.
SELECT plan_validations('2027-03-01 05:00');
SELECT dashboard_id, status FROM validation_tasks ORDER BY 1;
-- What was missed may come late.
SELECT report_validation(2, 'PASS') IS NOT NULL AS taken;

-- A claim that was not reported is missed when its lease has ended, not before.
SELECT plan_validations('2027-03-02 01:00');
SELECT dashboard_id FROM claim_validation('w1', '1 h', '2027-03-02 04:59');
SELECT dashboard_id FROM claim_validation('w2', '1 min', '2027-03-02 04:59');
SELECT plan_validations('2027-03-02 05:00');
SELECT status, count(*) FROM validation_tasks WHERE window_date = '2027-03-02' GROUP BY 1 ORDER BY 1;
SELECT closed_at FROM validation_windows WHERE window_date = '2027-03-02';
SELECT plan_validations('2027-03-02 05:59');
SELECT status, count(*) FROM validation_tasks WHERE window_date = '2027-03-02' GROUP BY 1 ORDER BY 1;
SELECT closed_at FROM validation_windows WHERE window_date = '2027-03-02';
SELECT dashboard_artifact_id, message FROM dashboard_events WHERE message ~ '2027-03-02' ORDER BY 1;

DELETE FROM validation_policies;
DELETE FROM dashboards;
DROP OWNED BY regress_validator;
DROP ROLE regress_validator;
