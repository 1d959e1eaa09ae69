-- What a view_spec may be: the path of the error says what it may not.
\set SHOW_CONTEXT never
CREATE FUNCTION regress_refused(spec jsonb) RETURNS text LANGUAGE plpgsql AS $$
  DECLARE detail text; hint text;
  BEGIN
    PERFORM validate_view_spec(spec);
    RETURN 'valid';
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, detail, nullif(hint, ''));
  END $$;

SELECT regress_refused(spec) FROM (VALUES (1,
 -- The whole form.
 jsonb '{"data_sources": {"leaders": {"sql": "SELECT 1 AS id"}, "total": {"sql": "SELECT count(*) FROM x"}},
         "primary": "leaders", "id_field": "id", "rank_by": "score", "rank_order": "desc", "primary_metric": "total"}'),
 -- With one source, or one that is no primary metric, the primary one is known.
 (2, '{"data_sources": {"only": {"sql": "VALUES (1)"}}}'),
 (3, '{"data_sources": {"rows": {"sql": "TABLE t"}, "n": {"sql": "SELECT 1"}}, "primary_metric": "n"}'),
 -- A dashboard that is made elsewhere.
 (4, '{"grafana": {"uid": "x"}, "version": 3}'),
 (5, '{}'),
 -- Not these.
 (6, '[]'),
 (7, '"SELECT 1"'),
 (8, '{"primary": "x"}'),
 (9, '{"data_sources": {}}'),
 (10, '{"data_sources": []}'),
 (11, '{"data_sources": {"x": "SELECT 1"}}'),
 (12, '{"data_sources": {"x": {}}}'),
 (13, '{"data_sources": {"x": {"sql": 1}}}'),
 (14, '{"data_sources": {"x": {"sql": ""}}}'),
 (15, '{"data_sources": {"x": {"sql": "SELECT 1", "timeout": 5}}}'),
 (16, '{"data_sources": {"": {"sql": "SELECT 1"}}}'),
 (17, '{"data_sources": {"x": {"sql": "SELECT 1"}}, "primry": "x"}'),
 (18, '{"data_sources": {"x": {"sql": "SELECT 1"}}, "primary": "y"}'),
 (19, '{"data_sources": {"x": {"sql": "SELECT 1"}, "y": {"sql": "SELECT 1"}}}'),
 (20, '{"data_sources": {"x": {"sql": "SELECT 1"}}, "primary_metric": "x"}'),
 (21, '{"data_sources": {"x": {"sql": "SELECT 1"}}, "primary": "x", "primary_metric": "x"}'),
 (22, '{"data_sources": {"x": {"sql": "SELECT 1"}}, "primary_metric": "y"}'),
 (23, '{"data_sources": {"x": {"sql": "SELECT 1"}}, "id_field": ""}'),
 (24, '{"data_sources": {"x": {"sql": "SELECT 1"}}, "rank_by": 1}'),
 (25, '{"data_sources": {"x": {"sql": "SELECT 1"}}, "rank_by": "a", "rank_order": "up"}'),
 (26, '{"data_sources": {"x": {"sql": "SELECT 1"}}, "rank_order": "asc"}')
) AS specs (n, spec) ORDER BY n;

-- Each query must be one SELECT.
SELECT sql, regress_refused(jsonb_build_object('data_sources', jsonb_build_object('x', jsonb_build_object('sql', sql))))
  FROM (VALUES (1, 'SELECT 1;'), (2, 'SELECT 1 UNION SELECT 2 -- and a comment'), (3, 'WITH a AS (SELECT 1) TABLE a'),
               (4, 'SELEC 1'), (5, 'SELECT 1; SELECT 2'), (6, '  -- nothing'), (7, 'DELETE FROM dashboards'),
               (8, 'WITH d AS (DELETE FROM dashboards RETURNING 1) SELECT * FROM d'), (9, 'SELECT 1 INTO t'),
               (10, 'SELECT 1 INTO t UNION SELECT 2'), (11, 'SELECT 1 FROM dashboards FOR UPDATE'), (12, 'COPY dashboards TO STDOUT'),
               (13, 'SET ROLE postgres'), (14, 'SELECT ''it'), (15, 'EXPLAIN ANALYZE SELECT 1'), (16, 'CALL p()')) AS q (n, sql)
 ORDER BY n;
-- At most 64 of them.
SELECT regress_refused(jsonb_build_object('data_sources', jsonb_object_agg('s' || i, '{"sql": "SELECT 1"}'::jsonb), 'primary', 's1'))
  FROM generate_series(1, 65) i;

-- The table holds to it, also when the spec changes.
INSERT INTO dashboards (id, view_spec) VALUES ('bad', '{"data_sources": {"x": {"sql": "SELEC 1"}}}');
INSERT INTO dashboards (id, view_spec) VALUES ('good', '{"data_sources": {"x": {"sql": "SELECT 1 AS id"}}}');
UPDATE dashboards SET view_spec = '{"data_sources": {"x": {"sql": "UPDATE x SET y = 1"}}}' WHERE id = 'good';
DROP FUNCTION regress_refused;
DELETE FROM dashboards WHERE id = 'good';
