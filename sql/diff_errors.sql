-- What is no snapshot, and how that is told: SQLSTATE 22023, and the place in DETAIL.
CREATE FUNCTION pg_temp.error_of(statement text)
RETURNS TABLE (state text, message text, detail text, hint text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RETURN QUERY SELECT '00000', 'no error', '', '';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
                          detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN NEXT;
END
$$;
CREATE FUNCTION pg_temp.error_of_snapshot(content text)
RETURNS TABLE (state text, message text, detail text, hint text) LANGUAGE sql AS $$
  SELECT * FROM pg_temp.error_of(format('SELECT validate_snapshot(%L)', content));
$$;
\pset format unaligned

-- Neither an array nor an object.
SELECT * FROM (VALUES ('null'), ('1'), ('"rows"'), ('true')) v (content), pg_temp.error_of_snapshot(content);

-- A document without rows.
SELECT * FROM (VALUES
  ('{}'),
  ('{"rows": [{"id": 1}]}'),
  ('{"primary_rows": null}'),
  ('{"primary_rows": {"id": 1}}'),
  ('{"primary_rows": "x"}')
) v (content), pg_temp.error_of_snapshot(content);

-- Rows are objects.
SELECT * FROM (VALUES
  ('[1]'), ('[{"id": 1}, null]'), ('[{"id": 1}, [{"id": 2}]]'), ('{"primary_rows": [{"id": 1}, "x"]}')
) v (content), pg_temp.error_of_snapshot(content);

-- An id is a string or a number.
SELECT * FROM (VALUES
  ('[{"id": 1}, {"name": "x"}]'), ('[{}]'), ('[{"id": null}]'), ('[{"id": true}]'), ('[{"id": false}]'),
  ('[{"id": [1]}]'), ('[{"id": {"x": 1}}]'),
  ('{"id_field": "gene", "primary_rows": [{"gene": "TP53"}, {"id": 1}]}')
) v (content), pg_temp.error_of_snapshot(content);

-- An id is there once.
SELECT * FROM (VALUES
  ('[{"id": "TP53"}, {"id": "x"}, {"id": "TP53"}]'),
  ('[{"id": 1}, {"id": 1.0}]'),
  ('[{"id": 100}, {"id": 1e2}]'),
  ('[{"id": ""}, {"id": ""}]'),
  ('[{"id": "a"}, {"id": "b"}, {"id": "b"}, {"id": "a"}]'),
  ('[{"id": "東京"}, {"id": "東京"}]'),
  ('{"id_field": "k", "primary_rows": [{"k": 5, "id": 1}, {"k": 5, "id": 2}]}')
) v (content), pg_temp.error_of_snapshot(content);
-- These are different ids.
SELECT validate_snapshot('[{"id": 1}, {"id": "1"}, {"id": "a"}, {"id": "A"}, {"id": "a "}, {"id": "1.0"}]');
-- A long id does not flood the message.
SELECT state, length(detail) < 300 AS short
  FROM pg_temp.error_of(format('SELECT validate_snapshot(%L)',
    jsonb_build_array(jsonb_build_object('id', repeat('x', 100000)), jsonb_build_object('id', repeat('x', 100000)))));

-- How rows are identified and ranked.
SELECT * FROM (VALUES
  ('{"primary_rows": [], "id_field": 1}'), ('{"primary_rows": [], "id_field": ""}'),
  ('{"primary_rows": [], "id_field": null}'), ('{"primary_rows": [], "rank_by": ["a"]}'),
  ('{"primary_rows": [], "rank_by": "a", "rank_order": "up"}'),
  ('{"primary_rows": [], "rank_by": "a", "rank_order": 1}')
) v (content), pg_temp.error_of_snapshot(content);

-- The headline figure is a number.
SELECT * FROM (VALUES
  ('{"primary_rows": [], "primary_metric": "12"}'), ('{"primary_rows": [], "primary_metric": true}'),
  ('{"primary_rows": [], "primary_metric": [1]}'), ('{"primary_rows": [], "primary_metric": {}}'),
  ('{"primary_rows": [], "primary_metric": null}')
) v (content), pg_temp.error_of_snapshot(content);

-- Data sources are rows or numbers, and each is checked as the primary rows are.
SELECT * FROM (VALUES
  ('{"primary_rows": [], "materialized_data": []}'),
  ('{"primary_rows": [], "materialized_data": {"a": "x"}}'),
  ('{"primary_rows": [], "materialized_data": {"a": {"id": 1}}}'),
  ('{"primary_rows": [], "materialized_data": {"a": null}}'),
  ('{"primary_rows": [], "materialized_data": {"a": true}}'),
  ('{"primary_rows": [], "materialized_data": {"a": [{"id": 1}], "b": [{"id": 7}, {"id": 7}]}}'),
  ('{"primary_rows": [], "materialized_data": {"a": [{"id": null}]}}'),
  ('{"primary_rows": [], "materialized_data": {"a": [5]}}')
) v (content), pg_temp.error_of_snapshot(content);

-- Which of several data sources is the primary one has to be said, truly.
SELECT * FROM (VALUES
  ('{"materialized_data": {}}'),
  ('{"materialized_data": {"n": 1}}'),
  ('{"materialized_data": {"a": [], "b": []}}'),
  ('{"materialized_data": {"a": [], "b": []}, "primary": "c"}'),
  ('{"materialized_data": {"a": [], "n": 1}, "primary": "n"}'),
  ('{"materialized_data": {"a": [], "b": []}, "primary": 1}'),
  ('{"primary": "a"}'),
  ('{"materialized_data": {"a": [{"id": 1}, {"id": 1}]}}')
) v (content), pg_temp.error_of_snapshot(content);

-- dashboard_diff() says which of the two it means.
SELECT * FROM pg_temp.error_of($$SELECT dashboard_diff('[{"id": 1}, {"id": 1}]', '[]')$$);
SELECT * FROM pg_temp.error_of($$SELECT dashboard_diff('[]', '[{"id": 1}, {"id": 1}]')$$);
SELECT * FROM pg_temp.error_of($$SELECT dashboard_diff('[{"id": 1}]', '[{"id": 1}, {"id": 1}]')$$);
SELECT * FROM pg_temp.error_of($$SELECT dashboard_diff('[{"id": 1}, {"id": 2}]', '[{"id": 1}, {"id": 2}, {"id": 3}, {"id": 1}]')$$);
SELECT * FROM pg_temp.error_of($$SELECT dashboard_diff('[]', '5')$$);
SELECT * FROM pg_temp.error_of($$SELECT dashboard_diff('[{"id": 1}]', '[{"id": 1}, {"name": 1}]')$$);
-- A data source that only one side has is checked as well.
SELECT * FROM pg_temp.error_of($$SELECT dashboard_diff('{"primary_rows": [], "materialized_data": {"a": [{"id": 1}, {"id": 1}]}}', '[]')$$);
SELECT * FROM pg_temp.error_of($$SELECT dashboard_diff('[]', '{"primary_rows": [], "materialized_data": {"a": [{"x": 1}]}}')$$);
SELECT * FROM pg_temp.error_of($$SELECT dashboard_diff('[]', '[]', top_n => 0)$$);
-- A difference that PostgreSQL's numbers cannot hold.
SELECT state, message FROM pg_temp.error_of($$SELECT dashboard_diff('[{"id": 1, "n": -9e131071}]', '[{"id": 1, "n": 9e131071}]')$$);
-- Where only the fraction has too many digits, it is left unknown.
SELECT d -> 'row_value_deltas' -> 0 -> 'delta_pct' AS delta_pct, meets_threshold(d, '{"value_delta_pct": 1}') AS met
  FROM (SELECT dashboard_diff('[{"id": 1, "n": 1e-1000}]', '[{"id": 1, "n": 9e131071}]') AS d) x;

-- What does no harm: rows without fields, empty sources, unknown keys beside the known ones.
SELECT validate_snapshot(content::jsonb) FROM (VALUES
  ('[]'), ('[{"id": 1}]'), ('{"primary_rows": [], "title": "x", "rank_order": "asc"}'),
  ('{"materialized_data": {"a": []}}'), ('{"primary_rows": [], "materialized_data": {}}'),
  ('{"primary_rows": [], "primary": "a", "materialized_data": {"a": []}}'),
  ('{"primary_rows": [{"id": 1, "x": {"id": null}, "y": [[[]]]}]}')
) v (content);
SELECT validate_snapshot(NULL) IS NULL AS unknown;
