-- What is no threshold, and how that is told: SQLSTATE 22023, the JSON path in DETAIL, and for an
-- unknown key the nearest known one in HINT.
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
CREATE FUNCTION pg_temp.error_of_threshold(threshold text)
RETURNS TABLE (state text, message text, detail text, hint text) LANGUAGE sql AS $$
  SELECT * FROM pg_temp.error_of(format('SELECT validate_threshold(%L)', threshold));
$$;
\pset format unaligned
\pset footer off

-- No object.
SELECT * FROM (VALUES ('null'), ('5'), ('"x"'), ('[{"set_added_min": 1}]')) v (t), pg_temp.error_of_threshold(t);
-- No operator; the hint names those there are.
SELECT t, state, message, detail, left(hint, 26) AS hint
  FROM (VALUES ('{}'), ('{"direction": "up"}'), ('{"NOT": {}}')) v (t), pg_temp.error_of_threshold(t);
-- More than one.
SELECT * FROM (VALUES
  ('{"set_added_min": 1, "set_removed_min": 1}'),
  ('{"AND": [{"set_added_min": 1}], "OR": [{"set_added_min": 1}]}'),
  ('{"NOT": {"set_added_min": 1}, "value_delta_pct": 0.1}')
) v (t), pg_temp.error_of_threshold(t);
-- Unknown keys, and what was probably meant; case counts.
SELECT * FROM (VALUES
  ('{"set_aded_min": 1}'), ('{"value_delta_pc": 1}'), ('{"value_delta_percent": 1}'), ('{"and": [{"set_added_min": 1}]}'),
  ('{"value_delta_pct": 1, "field": "x"}'), ('{"value_delta_pct": 1, "onfield": "x"}'), ('{"value_delta_pct": 1, "min_row": 2}'),
  ('{"top_n_reordering": 1, "topn": 2}'), ('{"top_n_move": 1}'), ('{"value_deltas": 1}'), ('{"field_change": "s"}'), ('{"metric_delta": 1, "onmetric": "m"}'), ('{"set_added_min": 1, "sources": "s"}'), ('{"AND": [{"set_added_min": 1}, {"NOT": {"set_removed_mim": 1}}]}')
) v (t), pg_temp.error_of_threshold(t);
SELECT t, detail, left(hint, 26) AS hint FROM (VALUES ('{"xyzzy": 1}'), ('{"": 1}'), ('{"東京": 1}')) v (t), pg_temp.error_of_threshold(t);

-- Children of AND and OR are a non-empty array, of NOT one rule.
SELECT * FROM (VALUES
  ('{"AND": []}'), ('{"OR": []}'), ('{"AND": {"set_added_min": 1}}'), ('{"OR": null}'),
  ('{"AND": [{"set_added_min": 1}, 5]}'), ('{"AND": [[{"set_added_min": 1}]]}'), ('{"OR": [null]}'),
  ('{"NOT": [{"set_added_min": 1}]}'), ('{"NOT": null}'),
  ('{"AND": [{"set_added_min": 1}], "top_n": 5}')
) v (t), pg_temp.error_of_threshold(t);

-- Counts are integers of 1 or more.
SELECT t, message, detail FROM (VALUES
  ('{"top_n_reordering": 0}'), ('{"top_n_reordering": -1}'), ('{"top_n_reordering": 1.5}'), ('{"top_n_reordering": "3"}'),
  ('{"top_n_reordering": null}'), ('{"top_n_reordering": true}'), ('{"top_n_reordering": 1e100}'), ('{"set_added_min": 0}'),
  ('{"set_removed_min": [1]}'), ('{"top_n_reordering": 1, "top_n": 0}'), ('{"top_n_reordering": 1, "top_n": 2.5}'),
  ('{"top_n_moved": 0}'), ('{"top_n_entered": 1.5}'), ('{"top_n_left": "1"}'), ('{"rank_delta": -1}'),
  ('{"value_delta_pct": 0.1, "min_rows": 0}'), ('{"value_delta_pct": 0.1, "min_rows": "2"}')
) v (t), pg_temp.error_of_threshold(t);
SELECT validate_threshold('{"top_n_reordering": 3.0, "top_n": 1e1}') AS an_integer_in_other_words;

-- Limits of change are greater than 0, floors at least 0.
SELECT t, message, detail FROM (VALUES
  ('{"value_delta_pct": 0}'), ('{"value_delta_pct": 0.00}'), ('{"value_delta_pct": -0.1}'), ('{"value_delta_pct": "0.1"}'),
  ('{"value_delta": 0}'), ('{"primary_metric_delta": -1}'), ('{"metric_delta": 0, "on_metric": "m"}'), ('{"metric_delta_pct": "1", "on_metric": "m"}'),
  ('{"value_delta_pct": null}'), ('{"primary_metric_delta_pct": 0}'), ('{"primary_metric_delta_pct": {}}'),
  ('{"value_delta_pct": 0.1, "min_abs": -1}'), ('{"value_delta_pct": 0.1, "min_abs": "1"}'),
  ('{"AND": [{"set_added_min": 1}, {"value_delta_pct": -1}]}')
) v (t), pg_temp.error_of_threshold(t);
SELECT validate_threshold('{"value_delta_pct": 1e-300, "min_abs": 0}') AS tiny;

-- The other modifiers.
SELECT t, message, detail FROM (VALUES
  ('{"value_delta_pct": 0.1, "direction": "UP"}'), ('{"value_delta_pct": 0.1, "direction": 1}'), ('{"value_delta_pct": 0.1, "direction": null}'),
  ('{"value_delta_pct": 0.1, "on_field": ""}'), ('{"value_delta_pct": 0.1, "on_field": ["x"]}'),
  ('{"value_delta_pct": 0.1, "ids": []}'), ('{"value_delta_pct": 0.1, "ids": "x"}'), ('{"value_delta_pct": 0.1, "ids": [1, null]}'),
  ('{"value_delta_pct": 0.1, "ids": [[1]]}'), ('{"value_delta_pct": 0.1, "ids": [true]}'),
  ('{"field_changed": ""}'), ('{"field_changed": 5}'), ('{"field_changed": null}'), ('{"set_added_min": 1, "source": ""}'), ('{"set_added_min": 1, "source": 5}'),
  ('{"metric_delta": 1}'), ('{"OR": [{"metric_delta_pct": 0.1, "direction": "up"}]}'), ('{"metric_delta": 1, "on_metric": ""}'), ('{"metric_delta": 1, "on_metric": ["m"]}')
) v (t), pg_temp.error_of_threshold(t);
-- A modifier of another operator.
SELECT t, message, detail FROM (VALUES
  ('{"set_added_min": 1, "top_n": 5}'), ('{"top_n_reordering": 1, "direction": "up"}'), ('{"value_delta_pct": 0.1, "top_n": 3}'),
  ('{"value_delta": 0.1, "min_abs": 3}'), ('{"field_changed": "s", "on_field": "s"}'), ('{"value_delta": 1, "to": 5}'), ('{"rank_delta": 1, "min_rows": 2}'),
  ('{"top_n_moved": 1, "direction": "up"}'), ('{"primary_metric_delta": 1, "source": "s"}'), ('{"metric_delta": 1, "on_metric": "m", "source": "s"}'), ('{"primary_metric_delta": 1, "on_metric": "m"}'),
  ('{"primary_metric_delta_pct": 0.1, "on_field": "x"}'), ('{"primary_metric_delta_pct": 0.1, "ids": [1]}'), ('{"NOT": {"set_added_min": 1}, "min_rows": 2}')
) v (t), pg_temp.error_of_threshold(t);

-- The path leads to the place, through any nesting.
SELECT detail FROM pg_temp.error_of_threshold(
  '{"OR": [{"set_added_min": 1}, {"AND": [{"set_added_min": 1}, {"NOT": {"OR": [{"value_delta_pct": 1, "ids": [1, {}]}]}}]}]}');

-- 16 levels, no more.
SELECT n, state, detail
  FROM (VALUES (15), (16), (17), (1000), (4000)) l (n),
       pg_temp.error_of_threshold(repeat('{"NOT": ', n - 1) || '{"set_added_min": 1}' || repeat('}', n - 1)) e;
SELECT state, length(detail) < 1000 AS short
  FROM pg_temp.error_of_threshold(repeat('{"AND": [', 16) || '{"set_added_min": 1}' || repeat(']}', 16));
-- 256 nodes, no more.
SELECT n, state, detail
  FROM (VALUES (1), (255), (256), (100000)) l (n),
       pg_temp.error_of_threshold(jsonb_build_object('OR',
         (SELECT jsonb_agg('{"set_added_min": 1}'::jsonb) FROM generate_series(1, n)))::text) e;
-- Both at once are no trouble.
SELECT meets_threshold('{"id_set_added": [1]}', t) FROM (
  SELECT (repeat('{"NOT": ', 14) || jsonb_build_object('AND',
    (SELECT jsonb_agg('{"set_added_min": 1}'::jsonb) FROM generate_series(1, 241))) || repeat('}', 14))::jsonb) t (t);

-- How large numbers, names and lists may be: a rule is judged in the time of whoever inserts.
SELECT left(t, 50) AS threshold, length(t) AS characters, state, detail, hint FROM (VALUES
  ('{"value_delta_pct": 7.' || repeat('7', 999) || '}'), ('{"value_delta_pct": 77.' || repeat('7', 999) || '}'), ('{"value_delta": 1' || repeat('0', 130000) || '1}'),
  ('{"value_delta": 1e1000}'), ('{"value_delta": 1e1001}'), ('{"value_delta": 1e-1000}'), ('{"value_delta": 1e-1001}'),
  ('{"AND": [{"value_delta_pct": 1, "min_abs": 1' || repeat('0', 998) || '.01}]}'), ('{"top_n_moved": 3.' || repeat('0', 1001) || '}'), ('{"top_n_moved": 3, "top_n": 7.' || repeat('0', 1001) || '}'),
  ('{"field_changed": "' || repeat('f', 1001) || '"}'), ('{"value_delta": 1, "on_field": "' || repeat('f', 1001) || '"}'), ('{"metric_delta": 1, "on_metric": "' || repeat('f', 1001) || '"}'),
  ('{"set_added_min": 1, "source": "' || repeat('é', 501) || '"}'), ('{"field_changed": "f", "to": "' || repeat('f', 10001) || '"}'), ('{"field_changed": "f", "to": [{"a": "' || repeat('f', 10000) || '"}]}'),
  ('{"value_delta": 1, "ids": [1, "' || repeat('f', 1001) || '"]}'), ('{"value_delta": 1, "ids": [' || repeat('1, ', 10000) || '1]}'), ('{"value_delta": 1, "ids": [' || repeat('1, ', 9999) || '1]}'),
  ('{"OR": [{"set_added_min": 1}' || repeat(', {"field_changed": "f", "to": "' || repeat('f', 10000) || '"}', 27) || ']}')
) v (t), pg_temp.error_of_threshold(t);

-- The other functions refuse the same.
SELECT * FROM pg_temp.error_of($$SELECT meets_threshold('{}', '{"set_added_min": 0}')$$);
SELECT * FROM pg_temp.error_of($$SELECT explain_threshold('{}', '{"set_added_min": 0}')$$);
SELECT * FROM pg_temp.error_of($$SELECT describe_diff('{}', '{"set_added_min": 0}')$$);

-- A threshold that looks further than the diff: the error says which top_n to pass.
SELECT * FROM pg_temp.error_of($$SELECT meets_threshold(dashboard_diff('[]', '[]'), '{"top_n_reordering": 1, "top_n": 11}')$$);
SELECT * FROM pg_temp.error_of($$SELECT explain_threshold(dashboard_diff('[]', '[]', 3), '{"OR": [{"set_added_min": 1}, {"top_n_reordering": 1, "top_n": 20}, {"top_n_reordering": 1}]}')$$);
SELECT * FROM pg_temp.error_of($$SELECT describe_diff(dashboard_diff('[]', '[]', 5), '{"top_n_reordering": 1}')$$);
SELECT meets_threshold(dashboard_diff('[]', '[]', 11), '{"top_n_reordering": 1, "top_n": 11}') AS met;
-- Also where the rest would decide without it: the answer does not depend on the order of rules.
SELECT detail FROM pg_temp.error_of($$SELECT meets_threshold(dashboard_diff('[]', '[{"id": 1}]'), '{"OR": [{"set_added_min": 1}, {"top_n_reordering": 1, "top_n": 11}]}')$$);

-- What is no diff.
SELECT * FROM (VALUES
  ('null'), ('[]'), ('{"x": 1}'), ('{"primary_rows": [{"id": 1}]}'), ('{"top_n": "10"}'), ('{"top_n": 0}'), ('{"id_set_added": 5}'),
  ('{"id_set_added": [1, null]}'), ('{"top_n_changes": [5]}'), ('{"top_n_changes": [{"id": 1, "from": 0, "to": 1}]}'),
  ('{"row_value_deltas": [{"id": 1, "field": "n", "old": 1}]}'), ('{"row_value_deltas": [{"field": "n", "old": 1, "new": 2}]}'),
  ('{"primary_metric": 5}'), ('{"primary_metric": {"old": 1}}'), ('{"sources": []}'), ('{"sources": {"a": {"id_set_removed": [[]]}}}')
) v (diff), pg_temp.error_of(format('SELECT meets_threshold(%L, %L)', diff, '{"set_added_min": 1}'));

-- A key of any length is named, but not repeated whole.
SELECT length(detail), left(detail, 12), right(detail, 30) FROM pg_temp.error_of(format('SELECT validate_threshold(%L)', jsonb_build_object(repeat('é', 100000), 1)));
