-- The health of that dashboard: a policy checks it in a window of three seconds that begins now.
INSERT INTO validation_policies
  (name, dashboard_ids, window_start, window_end, timezone, custom_channels)
SELECT 'round', '{largest-tables}', start, start + interval '3 s', current_setting('TimeZone'),
       jsonb_build_array(jsonb_build_object(
         'type', 'webhook', 'target', 'http://127.0.0.1:' || :'port' || '/health'))
  FROM (SELECT date_trunc('second', localtime)::time) AS now (start);
SELECT run_due_work() AS "done as the window opens", pg_sleep(3) IS NOT NULL AS "3 s later";
SELECT run_due_work() AS "done since";
SELECT dashboard_id, status, summary, checked_at FROM health_summary() WHERE checked_at IS NOT NULL;
