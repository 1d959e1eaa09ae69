-- dashboard_diff(): what changed between two snapshots, key by key.

-- Every key is there, in every diff. Identical snapshots differ in nothing.
SELECT dashboard_diff('{"primary_rows": [{"id": "a", "n": 1}]}', '{"primary_rows": [{"id": "a", "n": 1}]}');
SELECT dashboard_diff('[]', '[]');
SELECT jsonb_object_agg(key, jsonb_typeof(value)) FROM jsonb_each(dashboard_diff('[]', '[]'));

-- A bare array is its primary_rows.
SELECT dashboard_diff('[{"id": 1, "n": 1}]', '{"primary_rows": [{"id": 1, "n": 1}]}')
     = dashboard_diff('[{"id": 1, "n": 1}]', '[{"id": 1, "n": 1}]') AS same;

-- NULL in, NULL out.
SELECT dashboard_diff(NULL, '[]') IS NULL AS a, dashboard_diff('[]', NULL) IS NULL AS b,
       dashboard_diff('[]', '[]', NULL) IS NULL AS c;

--
-- top_n_changes, top_n_unchanged
--

-- Without rank_by the rank is the place. Ordered by the new rank; who left comes last.
SELECT jsonb_array_elements(d -> 'top_n_changes') AS change, d -> 'top_n_unchanged' AS unchanged
  FROM dashboard_diff('[{"id": "a"}, {"id": "b"}, {"id": "c"}, {"id": "d"}, {"id": "e"}]',
                      '[{"id": "a"}, {"id": "c"}, {"id": "b"}, {"id": "f"}]') d;

-- The top N of either side counts; ranks beyond N are the true ones.
SELECT jsonb_array_elements(d -> 'top_n_changes') AS change, d -> 'top_n_unchanged' AS unchanged,
       d -> 'top_n' AS top_n
  FROM dashboard_diff('[{"id": "a"}, {"id": "b"}, {"id": "c"}, {"id": "d"}, {"id": "e"}]',
                      '[{"id": "d"}, {"id": "b"}, {"id": "c"}, {"id": "a"}, {"id": "f"}]', 2) d;
-- A row that leaves the top of one side for below is a change, one that swaps below both is none.
SELECT d -> 'top_n_changes' AS changes, d -> 'top_n_unchanged' AS unchanged
  FROM dashboard_diff('[{"id": "a"}, {"id": "b"}, {"id": "c"}]',
                      '[{"id": "a"}, {"id": "c"}, {"id": "b"}]', top_n => 1) d;

-- rank_by ranks by value, largest first; the order of the array then means nothing.
SELECT d -> 'top_n_changes' AS changes, d -> 'top_n_unchanged' AS unchanged
  FROM dashboard_diff('{"rank_by": "s", "primary_rows": [{"id": "a", "s": 3}, {"id": "b", "s": 2}]}',
                      '{"rank_by": "s", "primary_rows": [{"id": "b", "s": 2}, {"id": "a", "s": 3}]}') d;
SELECT d -> 'top_n_changes' AS changes, d -> 'top_n_unchanged' AS unchanged
  FROM dashboard_diff('{"rank_by": "s", "rank_order": "asc", "primary_rows": [{"id": "a", "s": 1}, {"id": "b", "s": 2}]}',
                      '{"rank_by": "s", "rank_order": "asc", "primary_rows": [{"id": "a", "s": 3}, {"id": "b", "s": 2}]}') d;

-- Equal values share a rank (1, 1, 3), however they are written; the next one counts them all.
SELECT jsonb_array_elements(d -> 'top_n_changes') AS change, d -> 'top_n_unchanged' AS unchanged
  FROM dashboard_diff('{"rank_by": "s", "primary_rows": [{"id": "a", "s": 3}, {"id": "b", "s": 2}, {"id": "c", "s": 1}]}',
                      '{"rank_by": "s", "primary_rows": [{"id": "a", "s": 3}, {"id": "b", "s": 3.0}, {"id": "c", "s": 1}]}') d;
-- All who share the N-th rank are in the top N.
SELECT jsonb_array_elements(d -> 'top_n_changes') AS change, d -> 'top_n_unchanged' AS unchanged
  FROM dashboard_diff('{"rank_by": "s", "primary_rows": [{"id": "a", "s": 9}, {"id": "b", "s": 5}, {"id": "c", "s": 5}, {"id": "d", "s": 5}]}',
                      '{"rank_by": "s", "primary_rows": [{"id": "a", "s": 9}, {"id": "b", "s": 5}, {"id": "c", "s": 6}, {"id": "d", "s": 5}]}',
                      2) d;
-- Among equal new ranks: by the old rank, then by place in after.
SELECT jsonb_array_elements(d -> 'top_n_changes') AS change
  FROM dashboard_diff('{"rank_by": "s", "primary_rows": [{"id": "x", "s": 4}, {"id": "a", "s": 3}, {"id": "b", "s": 3}, {"id": "c", "s": 1}]}',
                      '{"rank_by": "s", "primary_rows": [{"id": "new", "s": 7}, {"id": "c", "s": 7}, {"id": "b", "s": 7}, {"id": "a", "s": 7}, {"id": "x", "s": 0}]}') d;
-- Among those who left: by the old rank, then by place in before.
SELECT jsonb_array_elements(d -> 'top_n_changes') AS change
  FROM dashboard_diff('{"rank_by": "s", "primary_rows": [{"id": "z", "s": 1}, {"id": "y", "s": 1}, {"id": "x", "s": 2}]}',
                      '{"rank_by": "s", "primary_rows": []}') d;

-- A row whose rank_by is missing or no number ranks last, together with the others of its kind.
SELECT jsonb_array_elements(d -> 'top_n_changes') AS change, d -> 'top_n_unchanged' AS unchanged
  FROM dashboard_diff('{"rank_by": "s", "primary_rows": [{"id": "a", "s": "9"}, {"id": "b", "s": 1}, {"id": "c"}, {"id": "d", "s": null}, {"id": "e", "s": -5}]}',
                      '{"rank_by": "s", "primary_rows": [{"id": "a", "s": 9}, {"id": "b", "s": 1}, {"id": "c"}, {"id": "d", "s": [9]}, {"id": "e", "s": -5}]}') d;

-- Ranks are told apart by exact values, where a double would see a tie.
SELECT d -> 'top_n_changes' AS changes
  FROM dashboard_diff('{"rank_by": "s", "primary_rows": [{"id": "a", "s": 0.30000000000000001}, {"id": "b", "s": 0.3}]}',
                      '{"rank_by": "s", "primary_rows": [{"id": "a", "s": 0.30000000000000001}, {"id": "b", "s": 0.30000000000000002}]}') d;

-- top_n is 10 unless told, and may exceed the rows.
SELECT d -> 'top_n' AS top_n, jsonb_array_length(d -> 'top_n_changes') AS changes
  FROM (SELECT jsonb_agg(jsonb_build_object('id', i) ORDER BY i) AS a,
               jsonb_agg(jsonb_build_object('id', i) ORDER BY i DESC) AS b
          FROM generate_series(1, 100) i) s,
       LATERAL (VALUES (dashboard_diff(a, b)), (dashboard_diff(a, b, 1)),
                       (dashboard_diff(a, b, 100)), (dashboard_diff(a, b, 2147483647))) v (d);

--
-- row_value_deltas
--

-- Differences and shares of the old value are exact: no binary fraction in between.
SELECT v ->> 'field' AS field, v -> 'old' AS old, v -> 'new' AS new, v -> 'delta' AS delta,
       v -> 'delta_pct' AS delta_pct
  FROM jsonb_array_elements(dashboard_diff(
    '[{"id": 1, "a": 3.0, "b": 0.1, "c": 100, "d": -4, "e": -4, "f": 3, "g": 1e2, "h": 9007199254740993}]',
    '[{"id": 1, "a": 3.3, "b": 0.3, "c": 50,  "d": -5, "e":  4, "f": 4, "g": 1e3, "h": 9007199254740992}]')
    -> 'row_value_deltas') v;
-- delta_pct is rounded half away from zero to 6 places, its trailing zeros cut.
SELECT v ->> 'field' AS field, v -> 'delta' AS delta, v -> 'delta_pct' AS delta_pct
  FROM jsonb_array_elements(dashboard_diff(
    '[{"id": 1, "a": 2000000, "b": 2000000, "c": 2000000, "d": 2000000, "e": 10000000, "f": 3, "g": 7}]',
    '[{"id": 1, "a": 2000001, "b": 1999999, "c": 2000003, "d": 1999997, "e": 10000001, "f": 1, "g": 8}]')
    -> 'row_value_deltas') v;
-- From zero there is no share, to zero it is all.
SELECT v ->> 'field' AS field, v -> 'delta' AS delta, v -> 'delta_pct' AS delta_pct
  FROM jsonb_array_elements(dashboard_diff('[{"id": 1, "a": 0, "b": 0.00, "c": 5, "d": -5}]',
                                           '[{"id": 1, "a": 5, "b": -0.5, "c": 0, "d": 0}]')
                            -> 'row_value_deltas') v;
-- The same number written in another way is the same number.
SELECT dashboard_diff('[{"id": 1, "a": 1, "b": 100, "c": 0}]',
                      '[{"id": 1, "a": 1.000, "b": 1e2, "c": -0.0}]') -> 'row_value_deltas' AS deltas;
-- Ordered by place in after, then by the field's name in C order.
SELECT v -> 'id' AS id, v ->> 'field' AS field
  FROM jsonb_array_elements(dashboard_diff(
    '[{"id": "a", "n": 1}, {"id": "b", "Z": 1, "zz": 1, "é": 1, "aa": 1, "b": 1}]',
    '[{"id": "b", "Z": 2, "zz": 2, "é": 2, "aa": 2, "b": 2}, {"id": "a", "n": 2}]')
    -> 'row_value_deltas') v;
-- Only ids on both sides.
SELECT dashboard_diff('[{"id": "a", "n": 1}]', '[{"id": "b", "n": 2}]') -> 'row_value_deltas' AS deltas;
-- Numbers of any size.
SELECT v ->> 'field' AS field, length(v ->> 'old') AS old, length(v ->> 'delta') AS delta,
       right(v ->> 'delta', 12) AS last_digits, length(v ->> 'delta_pct') AS pct
  FROM jsonb_array_elements(dashboard_diff(
    format('[{"id": 1, "a": %s, "b": 1e1000, "c": 1e-400, "d": 1}]', repeat('7', 400))::jsonb,
    format('[{"id": 1, "a": %s, "b": 3e1000, "c": 3e-400, "d": 1e1000}]', repeat('7', 399) || '9')::jsonb)
    -> 'row_value_deltas') v;
SELECT v ->> 'field' AS field, v -> 'delta_pct' AS delta_pct
  FROM jsonb_array_elements(dashboard_diff(
    format('[{"id": 1, "a": %s, "b": 1e1000, "c": 1e-400}]', repeat('7', 400))::jsonb,
    format('[{"id": 1, "a": %s, "b": 3e1000, "c": 3e-400}]', repeat('7', 399) || '9')::jsonb)
    -> 'row_value_deltas') v;

--
-- row_changes
--

-- Text, booleans, null and changes of type; a key that one side lacks is left out of the entry.
SELECT v FROM jsonb_array_elements(dashboard_diff(
    '[{"id": 1, "a": "x", "b": true, "c": null, "d": 1, "e": "1", "f": "gone", "h": null, "i": 1}]',
    '[{"id": 1, "a": "y", "b": false, "c": 0, "d": "1", "e": 1, "g": "come", "i": null, "j": null}]')
    -> 'row_changes') v;
-- A nested value is compared as a whole: by meaning, not by how it was written.
SELECT v FROM jsonb_array_elements(dashboard_diff(
    '[{"id": 1, "a": {"x": 1, "y": [1, 2]}, "b": {"x": 1, "y": [1, 2]}, "c": [1, 2], "d": [1, 2], "e": [], "f": {}}]',
    '[{"id": 1, "a": {"y": [1.0, 2], "x": 1.00}, "b": {"x": 1, "y": [2, 1]}, "c": [1, 2], "d": [1, 2, 3], "e": {}, "f": null}]')
    -> 'row_changes') v;
-- The same order as above.
SELECT v -> 'id' AS id, v ->> 'field' AS field
  FROM jsonb_array_elements(dashboard_diff(
    '[{"id": "a", "n": "1"}, {"id": "b", "Z": "1", "zz": "1", "aa": "1", "b": "1"}]',
    '[{"id": "b", "Z": "2", "zz": "2", "aa": "2", "c": "2"}, {"id": "a", "n": "2"}]')
    -> 'row_changes') v;

--
-- ids
--

-- Added in the order of after, removed in the order of before.
SELECT d -> 'id_set_added' AS added, d -> 'id_set_removed' AS removed
  FROM dashboard_diff('[{"id": "z"}, {"id": "k"}, {"id": "b"}]',
                      '[{"id": "y"}, {"id": "k"}, {"id": "a"}]') d;
-- 1 and 1.0 are one id; 1 and "1" are two; so are texts that differ in case or accents only.
SELECT d -> 'id_set_added' AS added, d -> 'id_set_removed' AS removed
  FROM dashboard_diff('[{"id": 1}, {"id": "A"}, {"id": "é"}, {"id": 100}]',
                      '[{"id": 1.0}, {"id": "a"}, {"id": "e\u0301"}, {"id": 1e2}]') d;
SELECT d -> 'id_set_added' AS added, d -> 'id_set_removed' AS removed
  FROM dashboard_diff('[{"id": 1}, {"id": "1"}]', '[{"id": "1"}, {"id": "1.0"}]') d;
-- An id may be empty or long, and of any script.
SELECT d -> 'id_set_added' AS added, jsonb_array_length(d -> 'row_value_deltas') AS deltas
  FROM dashboard_diff(jsonb_build_array(jsonb_build_object('id', '', 'n', 1), jsonb_build_object('id', repeat('x', 5000), 'n', 1)),
                      jsonb_build_array(jsonb_build_object('id', '東京 "1"', 'n', 1), jsonb_build_object('id', repeat('x', 5000), 'n', 2), jsonb_build_object('id', '', 'n', 2))) d;
-- id_field names another field; "id" is then a field like any other.
SELECT d -> 'row_changes' AS changes, d -> 'id_set_added' AS added
  FROM dashboard_diff('{"id_field": "gene", "primary_rows": [{"gene": "TP53", "id": true}]}',
                      '{"id_field": "gene", "primary_rows": [{"gene": "TP53", "id": false}, {"gene": 7}]}') d;

--
-- primary_metric, metric_deltas
--

SELECT d -> 'primary_metric' AS metric, d -> 'primary_metric_delta_pct' AS pct
  FROM (VALUES ('{"primary_rows": [], "primary_metric": 12.5}', '{"primary_rows": [], "primary_metric": 10}'),
               ('{"primary_rows": [], "primary_metric": 5}', '{"primary_rows": [], "primary_metric": 5.00}'),
               ('{"primary_rows": [], "primary_metric": 0}', '{"primary_rows": [], "primary_metric": 5}'),
               ('{"primary_rows": []}', '{"primary_rows": [], "primary_metric": 5}'),
               ('{"primary_rows": [], "primary_metric": 5}', '[]')) v (a, b),
       LATERAL dashboard_diff(a::jsonb, b::jsonb) d;

-- Metrics on both sides that differ, by name in C order; what is on one side only is no change.
SELECT v FROM jsonb_array_elements(dashboard_diff(
    '{"primary_rows": [], "materialized_data": {"users": 10, "same": 1, "gone": 3, "a": 0, "B": 4, "kind": 4}}',
    '{"primary_rows": [], "materialized_data": {"users": 12, "same": 1.0, "come": 3, "a": 1, "B": 3, "kind": []}}')
    -> 'metric_deltas') v;

--
-- sources
--

-- Other row sources of both sides that differ, each with the keys of a comparison of rows.
SELECT key, jsonb_pretty(value) FROM jsonb_each(dashboard_diff(
    '{"primary_rows": [], "materialized_data": {"regions": [{"id": "n", "v": 1, "s": "x"}, {"id": "w", "v": 1}], "same": [{"id": 1}], "gone": []}}',
    '{"primary_rows": [], "materialized_data": {"regions": [{"id": "s", "v": 1}, {"id": "n", "v": 2, "s": "y"}], "same": [{"id": 1}], "come": [], "n": 7}}')
    -> 'sources');
-- The rank rules of the document hold for every source.
SELECT d -> 'sources' -> 'r' -> 'top_n_changes' AS changes
  FROM dashboard_diff('{"rank_by": "v", "id_field": "k", "primary_rows": [], "materialized_data": {"r": [{"k": 1, "v": 1}, {"k": 2, "v": 2}]}}',
                      '{"rank_by": "v", "id_field": "k", "primary_rows": [], "materialized_data": {"r": [{"k": 1, "v": 3}, {"k": 2, "v": 2}]}}') d;

-- Without primary_rows the only row source is the primary one, and no source beside it.
SELECT d -> 'id_set_added' AS added, d -> 'sources' AS sources, d -> 'metric_deltas' AS metrics
  FROM dashboard_diff('{"materialized_data": {"rows": [{"id": 1}], "total": 1}}',
                      '{"materialized_data": {"rows": [{"id": 1}, {"id": 2}], "total": 2}}') d;
-- Of several, "primary" names it; the others are sources.
SELECT d -> 'id_set_added' AS added, (SELECT jsonb_agg(k) FROM jsonb_object_keys(d -> 'sources') k) AS sources
  FROM dashboard_diff('{"primary": "b", "materialized_data": {"a": [{"id": 1}], "b": [{"id": 1}]}}',
                      '{"primary": "b", "materialized_data": {"a": [], "b": [{"id": 1}, {"id": 2}]}}') d;
-- primary_rows is the primary one where it is given.
SELECT d -> 'id_set_added' AS added, (SELECT jsonb_agg(k) FROM jsonb_object_keys(d -> 'sources') k) AS sources
  FROM dashboard_diff('{"primary_rows": [{"id": 1}], "materialized_data": {"a": [{"id": 1}]}}',
                      '{"primary_rows": [{"id": 1}, {"id": 3}], "materialized_data": {"a": [{"id": 2}]}}') d;

--
-- Round trips
--

-- A diff says of every row where it went: added and removed rows account for the rest.
WITH s AS (
  SELECT jsonb_agg(jsonb_build_object('id', i, 'n', i) ORDER BY i) FILTER (WHERE i % 3 > 0) AS a,
         jsonb_agg(jsonb_build_object('id', i, 'n', i + i % 2) ORDER BY i * 7919 % 5003) FILTER (WHERE i % 5 > 0) AS b
    FROM generate_series(1, 5000) i)
SELECT jsonb_array_length(d -> 'id_set_added') AS added,
       jsonb_array_length(d -> 'id_set_removed') AS removed,
       jsonb_array_length(d -> 'row_value_deltas') AS changed,
       jsonb_array_length(a) - jsonb_array_length(d -> 'id_set_removed')
         + jsonb_array_length(d -> 'id_set_added') = jsonb_array_length(b) AS adds_up
  FROM s, LATERAL dashboard_diff(a, b) d;
SELECT count(*) FILTER (WHERE i % 3 = 0 AND i % 5 > 0) AS added,
       count(*) FILTER (WHERE i % 3 > 0 AND i % 5 = 0) AS removed,
       count(*) FILTER (WHERE i % 3 > 0 AND i % 5 > 0 AND i % 2 = 1) AS changed
  FROM generate_series(1, 5000) i;

-- top_n has to be positive.
SELECT dashboard_diff('[]', '[]', 0);
SELECT dashboard_diff('[]', '[]', -1);
