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

-- Names and queries of a length that nobody needs.
SELECT left(regress_refused(spec), 150), right(regress_refused(spec), 80) FROM (VALUES
 (1, jsonb_build_object('data_sources', jsonb_build_object(repeat('x', 1001), '{"sql": "SELECT 1"}'::jsonb))),
 (2, jsonb_build_object('data_sources', '{"x": {"sql": "SELECT 1"}}'::jsonb, 'rank_by', repeat('x', 1001))),
 (3, jsonb_build_object('data_sources', jsonb_build_object('x', jsonb_build_object('sql', 'SELECT ' || repeat(' ', 1024 * 1024) || '1')))),
 (4, jsonb_build_object('data_sources', jsonb_build_object('x', jsonb_build_object('sql', 'SELECT ' || repeat(' ', 1024 * 1024 - 8) || '1'))))
) AS specs (n, spec) ORDER BY n;

-- Each query must be one SELECT.
SELECT sql, regress_refused(jsonb_build_object('data_sources', jsonb_build_object('x', jsonb_build_object('sql', sql))))
  FROM (VALUES (1, 'SELECT 1;'), (2, 'SELECT 1 UNION SELECT 2 -- and a comment'), (3, 'WITH a AS (SELECT 1) TABLE a'),
               (4, 'SELEC 1'), (5, 'SELECT 1; SELECT 2'), (6, '  -- nothing'), (7, 'DELETE FROM dashboards'),
               (8, 'WITH d AS (DELETE FROM dashboards RETURNING 1) SELECT * FROM d'), (9, 'SELECT 1 INTO t'),
               (10, 'SELECT 1 INTO t UNION SELECT 2'), (11, 'SELECT 1 FROM dashboards FOR UPDATE'), (12, 'COPY dashboards TO STDOUT'),
               (13, 'SET ROLE postgres'), (14, 'SELECT ''it'), (15, 'EXPLAIN ANALYZE SELECT 1'), (16, 'CALL p()')) AS q (n, sql)
 ORDER BY n;
-- Nor may it write or lock anywhere inside: no part of it does, however deep it stands.
SELECT form, string_agg(substring(regress_refused(jsonb_build_object('data_sources', jsonb_build_object('x', jsonb_build_object('sql', replace(form, '%s', part)))))
                                  FROM '(valid|must .*|syntax .*)$'), ' | ' ORDER BY m) AS found
  FROM (VALUES (1, '%s'), (2, 'SELECT * FROM (%s) a'), (3, 'WITH a AS (%s) SELECT * FROM a'), (4, 'WITH a AS (WITH b AS (%s) TABLE b) TABLE a'),
               (5, 'SELECT 1 UNION (%s)'), (6, '(%s) INTERSECT SELECT 1'), (7, 'SELECT 1 EXCEPT (SELECT 2 UNION ALL (%s))'),
               (8, 'SELECT * FROM t, LATERAL (%s) a'), (9, 'SELECT * FROM t LEFT JOIN (t CROSS JOIN (%s) a) ON true'),
               (10, 'SELECT (%s)'), (11, 'SELECT 1 WHERE EXISTS (%s)'), (12, 'SELECT 1 WHERE 1 IN (%s)'), (13, 'SELECT 1 WHERE (1, 2) > ANY (%s)'),
               (14, 'VALUES (1), ((%s))'), (15, 'SELECT CASE WHEN 1 = (%s) THEN 1 END'), (16, 'SELECT CASE (%s) WHEN 1 THEN 2 END'),
               (17, 'SELECT CASE 1 WHEN 1 THEN (%s) ELSE 3 END'), (18, 'SELECT CASE 1 WHEN 1 THEN 2 ELSE (%s) END'),
               (19, 'SELECT coalesce(NULL, greatest(1, (%s)))'), (20, 'SELECT ARRAY(%s)'), (21, 'SELECT ARRAY[1, (%s)]'), (22, 'SELECT ROW(1, (%s))'),
               (23, 'SELECT (ARRAY[1])[(%s)]'), (24, 'SELECT ((%s)).x'), (25, 'SELECT a[1:(%s)] FROM t'), (26, 'SELECT (%s)::text COLLATE "C"'),
               (27, 'SELECT f(a => (%s))'), (28, 'SELECT count(*) FILTER (WHERE 1 = (%s)) FROM t'), (29, 'SELECT sum(1) OVER (PARTITION BY (%s)) FROM t'),
               (30, 'SELECT sum(1) OVER w FROM t WINDOW w AS (ORDER BY (%s))'), (31, 'SELECT sum(1) OVER (ROWS (%s) PRECEDING) FROM t'),
               (32, 'SELECT array_agg(1 ORDER BY (%s)) FROM t'), (33, 'SELECT mode() WITHIN GROUP (ORDER BY (%s)) FROM t'),
               (34, 'SELECT * FROM generate_series(1, (%s))'), (35, 'SELECT * FROM ROWS FROM (f((%s)), g(1)) AS r'),
               (36, 'SELECT * FROM t TABLESAMPLE bernoulli ((%s)) REPEATABLE (1)'), (37, 'SELECT 1 FROM t GROUP BY GROUPING SETS ((a), ((%s)))'),
               (38, 'SELECT 1 FROM t HAVING (%s) > 1'), (39, 'SELECT 1 ORDER BY (%s)'), (40, 'SELECT 1 LIMIT (%s)'), (41, 'SELECT 1 OFFSET (%s)'),
               (42, 'SELECT DISTINCT ON ((%s)) 1'), (43, 'SELECT 1 WHERE NOT (1 = 2 OR (%s) IS NULL) AND ((%s) = 1) IS TRUE'), (44, 'SELECT 1 BETWEEN 0 AND (%s)'),
               (45, 'SELECT * FROM XMLTABLE(''/a'' PASSING (%s) COLUMNS b text DEFAULT (%s))'), (46, 'SELECT xmlelement(name a, xmlattributes((%s) AS b), (%s))'),
               (47, 'SELECT xmlserialize(content (%s) AS text)'), (48, 'SELECT grouping((%s)) FROM t'),
               (49, 'WITH RECURSIVE a AS (SELECT 1 UNION ALL (%s)) SEARCH DEPTH FIRST BY x SET o CYCLE x SET c USING p TABLE a'),
               (50, 'SELECT 1 WHERE -(%s) = 1 AND 1 LIKE (%s) AND (1, (%s)) OVERLAPS (3, 4)')) AS forms (n, form),
       (VALUES (1, 'SELECT 1'), (2, 'WITH w AS (DELETE FROM dashboards RETURNING 1) TABLE w'), (3, 'SELECT 1 FROM dashboards FOR KEY SHARE SKIP LOCKED'),
               (4, 'SELECT 1 INTO u')) AS parts (m, part)
 GROUP BY n, form ORDER BY n;
-- Whatever writes, and whatever locks.
SELECT sql, regress_refused(jsonb_build_object('data_sources', jsonb_build_object('x', jsonb_build_object('sql', sql))))
  FROM (VALUES (1, 'WITH w AS (INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING RETURNING 1) TABLE w'), (2, 'WITH a AS (SELECT 1), w AS (UPDATE t SET x = 1 RETURNING 1) TABLE a'),
               (3, 'WITH w AS MATERIALIZED (MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE) SELECT 1'), (4, 'WITH w AS NOT MATERIALIZED (WITH v AS (DELETE FROM t RETURNING 1) SELECT 1) TABLE w'),
               (5, 'TABLE t FOR UPDATE'), (6, 'SELECT 1 FROM t FOR NO KEY UPDATE OF t NOWAIT'), (7, 'SELECT 1 FROM t FOR SHARE'), (8, '((SELECT 1 FROM t) FOR UPDATE)'),
               (9, 'SELECT 1 FROM t FOR READ ONLY'), (10, 'SELECT 1 INTO TEMP u FROM t'), (11, 'CREATE TABLE u AS SELECT 1'), (12, 'DECLARE c CURSOR FOR SELECT 1'), (13, 'PREPARE p AS SELECT 1'),
               (14, 'EXECUTE p'), (15, 'EXPLAIN SELECT 1'), (16, 'DO $$ BEGIN END $$'), (17, 'MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE'), (18, 'INSERT INTO t SELECT 1'), (19, 'TRUNCATE t'),
               (20, 'LOCK t'), (21, 'BEGIN'), (22, 'CREATE VIEW v AS SELECT 1'), (23, 'REFRESH MATERIALIZED VIEW v'), (24, 'NOTIFY c'), (25, 'COPY (SELECT 1) TO STDOUT'), (26, 'FETCH c'), (27, 'SHOW all'),
               (28, 'SELECT 1;;'), (29, ';'), (30, 'SELECT 1 FROM (DELETE FROM t RETURNING 1) a'), (31, 'SELECT (UPDATE t SET x = 1 RETURNING 1)')) AS q (n, sql)
 ORDER BY n;
-- As deep as the parser goes, or the stack.
SELECT regress_refused(jsonb_build_object('data_sources', jsonb_build_object('x', jsonb_build_object('sql',
         repeat('SELECT (', n) || 'SELECT 1 FROM t FOR UPDATE' || repeat(')', n)))))
  FROM (VALUES (1), (10), (300)) depths (n);
-- At most 64 of them.
SELECT regress_refused(jsonb_build_object('data_sources', jsonb_object_agg('s' || i, '{"sql": "SELECT 1"}'::jsonb), 'primary', 's1'))
  FROM generate_series(1, 65) i;

-- The table holds to it, also when the spec changes.
INSERT INTO dashboards (id, view_spec) VALUES ('bad', '{"data_sources": {"x": {"sql": "SELEC 1"}}}');
INSERT INTO dashboards (id, view_spec) VALUES ('good', '{"data_sources": {"x": {"sql": "SELECT 1 AS id"}}}');
UPDATE dashboards SET view_spec = '{"data_sources": {"x": {"sql": "UPDATE x SET y = 1"}}}' WHERE id = 'good';
DROP FUNCTION regress_refused;
DELETE FROM dashboards WHERE id = 'good';
