-- A dashboard over the catalogue, which photographs itself: works in any database as it stands.
CREATE VIEW largest_tables AS
  SELECT oid::regclass::text AS id, pg_total_relation_size(oid) AS bytes
    FROM pg_class WHERE relkind IN ('r', 'm') ORDER BY bytes DESC, id LIMIT 10;
INSERT INTO dashboards (id, title, view_spec, metadata) VALUES
('largest-tables', 'The ten largest tables',
 '{"data_sources": {"tables": {"sql": "TABLE largest_tables"},
                    "size": {"sql": "SELECT pg_database_size(current_database())"}},
   "primary": "tables", "rank_by": "bytes", "primary_metric": "size"}',
 '{"snapshot_policy": "hourly",
   "checks": [{"freshness": "2 hours"}, {"min_rows": 10},
              {"range": [0, 5000000], "on_field": "bytes"}]}');

INSERT INTO personas (id) VALUES ('dba');
SELECT subscribe('largest-tables', 'persona', 'dba',
                 '{"OR": [{"set_added_min": 1},
                          {"value_delta_pct": 0.5, "on_field": "bytes", "min_abs": 1000000}]}')
       AS subscription;

SELECT period AS "a snapshot every", due AS "the next one" FROM dashboard_schedules;
\echo 'Not waiting for that:'
SELECT take_snapshot('largest-tables') AS snapshot;
\echo 'Nothing happened since: nobody is told.'
SELECT take_snapshot('largest-tables') AS snapshot;

\echo 'Somebody loads a new table, and an old one doubles.'
CREATE TABLE orders AS SELECT g AS id, repeat('x', 100) AS note FROM generate_series(1, 50000) g;
INSERT INTO baby_names SELECT * FROM baby_names;
SELECT take_snapshot('largest-tables') AS snapshot;

SELECT content AS told FROM artifact_comments WHERE artifact_id = 'largest-tables';
SELECT jsonb_pretty(explanation) AS why FROM dashboard_alerts
 WHERE dashboard_artifact_id = 'largest-tables';
