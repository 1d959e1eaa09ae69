-- The Health Center's list: 10,000 dashboards, each checked a hundred times, against a table of
-- just those columns and rows, read whole. Both are written out as text, as a client is sent them.
INSERT INTO measure (name, what, against, figure, bound, must) VALUES
  ('health', '`health_summary()` of 10,000 dashboards with 1,000,000 records',
   'the same rows, kept in a table and read whole', 'ours / theirs', 'at most', 3);

INSERT INTO validation_policies (id, name, window_start, window_end)
VALUES (1, 'nightly', '02:00', '04:00');
INSERT INTO dashboards (id, title)
SELECT 'dashboard-' || i, 'Dashboard ' || i FROM generate_series(1, 10000) i;
DO $$
BEGIN
  FOR day IN 1..100 LOOP
    INSERT INTO validation_records (dashboard_id, policy_id, status, summary, issues, created_at)
    SELECT 'dashboard-' || i, 1, CASE WHEN (i + day) % 10 = 0 THEN 'FAIL' ELSE 'PASS' END,
           CASE WHEN (i + day) % 10 = 0 THEN '12 rows, at least 20 expected'
                ELSE '5 checks passed' END,
           CASE WHEN (i + day) % 10 = 0
                THEN '[{"severity": "FAIL", "message": "12 rows, at least 20 expected", "location": "primary_rows"}]'
                ELSE '[]' END::jsonb,
           now() - interval '100 days' + day * interval '1 day' + i * interval '1 ms'
      FROM generate_series(1, 10000) i;
    COMMIT;
  END LOOP;
END
$$;
CREATE TABLE plain AS SELECT * FROM health_summary();
VACUUM ANALYZE;

DO $$
DECLARE
  started timestamptz;
BEGIN
  ASSERT (SELECT count(*) FROM validation_records) = 1000000;
  ASSERT (SELECT count(*) FROM plain WHERE checked_at IS NOT NULL) = 10000;
  FOR repetition IN 0..15 LOOP
    started := clock_timestamp();
    COPY (SELECT * FROM health_summary()) TO '/dev/null';
    PERFORM add_sample('health', repetition, 'ours', clock_timestamp() - started, 1);

    started := clock_timestamp();
    COPY (SELECT * FROM plain) TO '/dev/null';
    PERFORM add_sample('health', repetition, 'theirs', clock_timestamp() - started, 1);
  END LOOP;
END
$$;
