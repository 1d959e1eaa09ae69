-- One transaction a snapshot, as a live dashboard would do it.
SELECT format(
         $$INSERT INTO dashboard_snapshots (dashboard_artifact_id, captured_at, content)
           SELECT %L, make_timestamptz(%s, 12, 31, 12, 0, 0, 'UTC'), jsonb_build_object(
                    'rank_by', 'births', 'primary_metric', sum(births), 'primary_rows',
                    jsonb_agg(jsonb_build_object('id', name, 'births', births)
                              ORDER BY births DESC, name))
             FROM baby_names WHERE year = %s AND sex = %L$$,
         CASE sex WHEN 'F' THEN 'girls' ELSE 'boys' END, year, year, sex)
  FROM (SELECT DISTINCT year, sex FROM baby_names) y
 ORDER BY year, sex
\gexec
SELECT dashboard_artifact_id AS dashboard, count(*) AS snapshots,
       extract(year FROM min(captured_at)) AS from, extract(year FROM max(captured_at)) AS to
  FROM dashboard_snapshots GROUP BY 1 ORDER BY 1;
