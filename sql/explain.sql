-- explain_threshold() and describe_diff(): why a threshold was met, for programs and for people.

--
-- explain_threshold(): the threshold as written, with what was found at each node
--

-- Every key of the threshold is kept; result and measured are added.
SELECT jsonb_pretty(explain_threshold(
  dashboard_diff('[{"id": "TP53", "score": 3.0}, {"id": "BRCA1", "score": 2}, {"id": "EGFR", "score": 5}]',
                 '[{"id": "BRCA1", "score": 2.1}, {"id": "TP53", "score": 3.3}, {"id": "MYC", "score": 1}]'),
  '{"AND": [{"value_delta_pct": 0.10, "on_field": "score"},
            {"OR": [{"top_n_reordering": 3, "top_n": 5}, {"NOT": {"set_removed_min": 2}}]},
            {"set_added_min": 1}]}'));

-- Rules about figures have a measure and no rows; unknown is null.
SELECT explain_threshold(dashboard_diff('{"primary_rows": [], "primary_metric": 8}', '{"primary_rows": [], "primary_metric": 10}'), t) AS known,
       explain_threshold(dashboard_diff('[]', '[]'), t) AS unknown
  FROM (VALUES ('{"primary_metric_delta_pct": 0.25}'::jsonb)) t (t);
SELECT explain_threshold(dashboard_diff('[]', '[]'), '{"OR": [{"primary_metric_delta_pct": 0.25}, {"NOT": {"primary_metric_delta_pct": 0.25}}]}');

-- measured is the largest share there was, also where it was too small; matched counts rows.
SELECT t, e -> 'result' AS result, e -> 'measured' AS measured, e -> 'matched' AS matched,
       jsonb_path_query_array(e, '$.rows[*].id') AS rows
  FROM (VALUES ('{"value_delta_pct": 0.5}'), ('{"value_delta_pct": 0.05}'), ('{"value_delta_pct": 0.05, "min_rows": 3}'),
               ('{"value_delta_pct": 0.05, "direction": "down"}'), ('{"value_delta_pct": 0.05, "ids": [3]}'),
               ('{"value_delta_pct": 0.05, "on_field": "none"}')) v (t),
       LATERAL explain_threshold(dashboard_diff(
         '[{"id": 1, "n": 100}, {"id": 2, "n": 100}, {"id": 3, "n": 100}, {"id": 4, "n": 100}]',
         '[{"id": 1, "n": 110}, {"id": 2, "n": 95}, {"id": 3, "n": 101}, {"id": 4, "n": 100}]'), t::jsonb) e;

-- Up to 10 rows, the strongest first; matched counts them all. From zero is stronger than any share.
SELECT e -> 'matched' AS matched, jsonb_path_query_array(e, '$.rows[*].id') AS rows
  FROM (SELECT jsonb_agg(jsonb_build_object('id', i, 'n', CASE WHEN i = 7 THEN 0 ELSE 100 END)) AS a,
               jsonb_agg(jsonb_build_object('id', i, 'n', 100 + i)) AS b
          FROM generate_series(1, 30) i) s,
       LATERAL explain_threshold(dashboard_diff(a, b), '{"value_delta_pct": 0.01}') e;
-- A row with several changed fields is matched once; each field is told.
SELECT explain_threshold(dashboard_diff('[{"id": 1, "a": 1, "b": 4}]', '[{"id": 1, "a": 2, "b": 5}]'), '{"value_delta_pct": 0.1}');
SELECT e -> 'matched' AS matched, e -> 'measured' AS measured, jsonb_array_length(e -> 'rows') AS rows, e -> 'rows' -> 0 AS first
  FROM explain_threshold(dashboard_diff('[]', (SELECT jsonb_agg(jsonb_build_object('id', i)) FROM generate_series(1, 500) i)),
                         '{"set_added_min": 1000}') e;

-- Every operator tells what it measured in the unit of its limit, and its rows the strongest first.
CREATE TEMP TABLE two_days AS SELECT dashboard_diff(
  '{"primary_metric": 10, "materialized_data": {"users": 100, "by_region": [{"id": "eu"}, {"id": "us"}]},
    "primary_rows": [{"id": "a", "n": 1}, {"id": "b", "n": 10}, {"id": "c", "n": 5}, {"id": "d", "s": "x"}, {"id": "e", "s": "x"}]}',
  '{"primary_metric": 7.5, "materialized_data": {"users": 150, "by_region": [{"id": "us"}, {"id": "eu"}]},
    "primary_rows": [{"id": "e", "s": "y"}, {"id": "a", "n": 3}, {"id": "f"}, {"id": "c", "n": 5}, {"id": "b", "n": 14}, {"id": "d", "s": "x"}]}') AS diff;
CREATE TEMP TABLE rules (n int GENERATED ALWAYS AS IDENTITY, rule jsonb);
INSERT INTO rules (rule) VALUES
  ('{"top_n_reordering": 9}'), ('{"top_n_moved": 2}'), ('{"top_n_entered": 1, "top_n": 3}'), ('{"top_n_left": 1, "top_n": 3}'),
  ('{"rank_delta": 2}'), ('{"rank_delta": 2, "direction": "down"}'), ('{"rank_delta": 5, "direction": "up"}'),
  ('{"value_delta": 3}'), ('{"value_delta": 5}'), ('{"value_delta_pct": 0.4}'),
  ('{"field_changed": "s", "to": "y"}'), ('{"field_changed": "n", "min_rows": 3}'),
  ('{"top_n_moved": 1, "source": "by_region"}'), ('{"top_n_moved": 1, "source": "none"}'),
  ('{"primary_metric_delta": 2.5}'), ('{"metric_delta": 51, "on_metric": "users"}'), ('{"metric_delta_pct": 0.5, "on_metric": "users"}'),
  ('{"metric_delta": 1, "on_metric": "none"}');
SELECT explain_threshold(diff, rule) FROM rules, two_days ORDER BY n;
SELECT count(*) AS differ FROM rules, two_days
 WHERE (explain_threshold(diff, rule) -> 'result')::text IS DISTINCT FROM coalesce(meets_threshold(diff, rule)::text, 'null');
-- A row that kept its rank while others passed it has to be lifted too, but a diff has no id for it.
SELECT explain_threshold(dashboard_diff('[{"id": "a"}, {"id": "b"}, {"id": "c"}, {"id": "d"}, {"id": "e"}]',
                                        '[{"id": "d"}, {"id": "e"}, {"id": "c"}, {"id": "a"}, {"id": "b"}]'), '{"top_n_moved": 3}');

-- The verdict is meets_threshold()'s, at every node.
SELECT count(*) AS cases,
       count(*) FILTER (WHERE (e -> 'result')::text IS DISTINCT FROM coalesce(meets_threshold(d, t)::text, 'null')) AS differ
  FROM (VALUES ('{"value_delta_pct": 0.1}'), ('{"set_added_min": 1}'), ('{"primary_metric_delta_pct": 0.1}'),
               ('{"AND": [{"set_added_min": 1}, {"primary_metric_delta_pct": 0.1}]}'), ('{"NOT": {"top_n_reordering": 2}}'),
               ('{"OR": [{"set_removed_min": 1}, {"value_delta_pct": 0.5, "direction": "down"}]}')) v (text),
       LATERAL (SELECT text::jsonb AS t) t,
       (VALUES ('[]', '[{"id": 1}]'), ('[{"id": 1, "n": 1}]', '[{"id": 1, "n": 2}]'), ('[{"id": 1}, {"id": 2}]', '[{"id": 2}]'),
               ('{"primary_rows": [], "primary_metric": 1}', '{"primary_rows": [{"id": 1}], "primary_metric": 2}')) s (a, b),
       LATERAL dashboard_diff(a::jsonb, b::jsonb) d, LATERAL explain_threshold(d, t) e;

-- Numbers of any size.
SELECT explain_threshold(dashboard_diff('[{"id": 1, "n": 1}]', '[{"id": 1, "n": 1e20}]'), '{"value_delta_pct": 1e10}') -> 'measured' AS measured;

--
-- describe_diff(): a sentence or two for a person
--
SELECT describe_diff(dashboard_diff('[]', '[]')) AS nothing;
SELECT describe_diff(dashboard_diff(
  '[{"id": "EGFR", "composite_score": 0.9}, {"id": "BRCA1", "composite_score": 0.8}, {"id": "KRAS", "composite_score": 0.7}, {"id": "TP53", "composite_score": 0.6}]',
  '[{"id": "TP53", "composite_score": 0.95}, {"id": "BRCA1", "composite_score": 0.8984}, {"id": "KRAS", "composite_score": 0.7}, {"id": "EGFR", "composite_score": 0.9}]'));
SELECT describe_diff(dashboard_diff(before::jsonb, after::jsonb)) FROM (VALUES
  ('[{"id": 1, "n": 100}]', '[{"id": 1, "n": 112.34}]'),
  ('[{"id": 1, "n": 100}]', '[{"id": 1, "n": 87.65}]'),
  ('[{"id": 1, "n": 0}]', '[{"id": 1, "n": 5}]'),
  ('[{"id": 1, "n": 5}]', '[{"id": 1, "n": 0}]'),
  ('[{"id": 1, "n": 1000000}]', '[{"id": 1, "n": 1000001}]'),
  ('[{"id": 1, "n": 10000000000}]', '[{"id": 1, "n": 10000000001}]'),
  ('[{"id": 1, "n": 1}]', '[{"id": 1, "n": 123456789012345678901234567890}]'),
  ('[{"id": 1, "s": "open"}]', '[{"id": 1, "s": "closed"}]'),
  ('[{"id": 1, "s": "open"}]', '[{"id": 1}]'),
  ('[{"id": 1, "s": null, "t": true}]', '[{"id": 1, "s": [1, 2], "t": {"a": 1}}]'),
  ('[{"id": 1}]', '[{"id": 1}, {"id": 2}]'),
  ('[{"id": 1}, {"id": 2}]', '[{"id": 1}]'),
  ('{"primary_rows": [], "primary_metric": 12.5}', '{"primary_rows": [], "primary_metric": 10}'),
  ('{"primary_rows": [], "primary_metric": 0}', '{"primary_rows": [], "primary_metric": 10}')
) v (before, after);

-- With a threshold, what made it hold comes first.
SELECT t, describe_diff(dashboard_diff('[{"id": "a", "n": 1, "m": 10}, {"id": "b", "n": 1, "m": 10}]',
                                       '[{"id": "b", "n": 1, "m": 12}, {"id": "a", "n": 1.5, "m": 10}, {"id": "c", "n": 9}]'), t::jsonb)
  FROM (VALUES (NULL), ('{"set_added_min": 1}'), ('{"value_delta_pct": 0.1, "on_field": "m"}'),
               ('{"AND": [{"value_delta_pct": 0.3}, {"top_n_reordering": 1}]}'),
               ('{"OR": [{"set_added_min": 9}, {"NOT": {"set_removed_min": 1}}]}')) v (t);

SELECT rule, describe_diff(diff, rule) FROM rules, two_days WHERE meets_threshold(diff, rule) ORDER BY n;
-- Each fact is told once, in the order of the rules.
SELECT describe_diff(diff, '{"AND": [{"metric_delta": 1, "on_metric": "users"}, {"rank_delta": 3}, {"top_n_moved": 1}, {"value_delta": 3}, {"value_delta_pct": 0.1}]}')
  FROM two_days;

-- Long texts are cut, control characters cannot forge a line, lists are counted.
SELECT describe_diff(dashboard_diff('[]', jsonb_build_array(jsonb_build_object('id', repeat('é', 1000)), jsonb_build_object('id', E'two\nlines\t\x1b[31m'))));
SELECT describe_diff(dashboard_diff('[]', (SELECT jsonb_agg(jsonb_build_object('id', i)) FROM generate_series(1, 5000) i)));
SELECT max(length(describe_diff(dashboard_diff(
  (SELECT jsonb_agg(jsonb_build_object('id', repeat(i::text, 50), repeat('n', 100), i, repeat('s', 100), repeat(i::text, 100))) FROM generate_series(1, 50) i),
  (SELECT jsonb_agg(jsonb_build_object('id', repeat(i::text, 50), repeat('n', 100), -i, repeat('s', 100), repeat(i::text, 200)) ORDER BY -i) FROM generate_series(5, 60) i))))) < 1000 AS short;

-- Figures and other sources are worth a word when nothing else changed.
SELECT describe_diff(dashboard_diff('{"primary_rows": [], "materialized_data": {"users": 100, "orders": 0, "same": 1}}',
                                    '{"primary_rows": [], "materialized_data": {"users": 150, "orders": 5, "same": 1}}'));
SELECT describe_diff(dashboard_diff('{"primary_rows": [], "materialized_data": {"by_region": [], "by_day": [{"id": 1}]}}',
                                    '{"primary_rows": [], "materialized_data": {"by_region": [{"id": "eu"}], "by_day": [{"id": 1, "n": 2}]}}'));

-- NULL in, NULL out; but the threshold may be left out.
SELECT describe_diff(NULL) IS NULL AS a, describe_diff(NULL, '{"set_added_min": 1}') IS NULL AS b,
       explain_threshold(NULL, '{"set_added_min": 1}') IS NULL AS c, explain_threshold('{}', NULL) IS NULL AS d;
