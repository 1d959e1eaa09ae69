-- A dashboard over the catalogue: works in any database as it stands.
INSERT INTO dashboards (id, title) VALUES ('largest-tables', 'The ten largest tables');

CREATE FUNCTION snapshot_largest_tables() RETURNS bigint LANGUAGE sql AS $$
  INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
  SELECT 'largest-tables', jsonb_build_object(
           'rank_by', 'bytes',
           'primary_metric', sum(bytes),
           'primary_rows', jsonb_agg(jsonb_build_object('id', name, 'bytes', bytes)))
    FROM (SELECT oid::regclass::text AS name, pg_total_relation_size(oid) AS bytes
            FROM pg_class WHERE relkind IN ('r', 'm')
           ORDER BY 2 DESC, 1 LIMIT 10) largest
  RETURNING id
$$;

INSERT INTO personas (id) VALUES ('dba');
SELECT subscribe('largest-tables', 'persona', 'dba',
                 '{"OR": [{"set_added_min": 1},
                          {"value_delta_pct": 0.5, "on_field": "bytes", "min_abs": 1000000}]}')
       AS subscription;

SELECT snapshot_largest_tables() AS snapshot;
\echo 'Nothing happened since: nobody is told.'
SELECT snapshot_largest_tables() AS snapshot;

\echo 'Somebody loads a new table, and an old one doubles.'
CREATE TABLE orders AS SELECT g AS id, repeat('x', 100) AS note FROM generate_series(1, 50000) g;
INSERT INTO baby_names SELECT * FROM baby_names;
SELECT snapshot_largest_tables() AS snapshot;

SELECT content AS told FROM artifact_comments WHERE artifact_id = 'largest-tables';
SELECT jsonb_pretty(explanation) AS why FROM dashboard_alerts
 WHERE dashboard_artifact_id = 'largest-tables';
