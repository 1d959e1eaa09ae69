-- meets_threshold(): which diffs meet which thresholds.
\set d 'dashboard_diff(before::jsonb, after::jsonb)'

--
-- AND, OR, NOT: SQL's three-valued logic
--

-- The headline figure is there in no snapshot, so that a rule about it is unknown (NULL).
CREATE TEMP TABLE truth (name text, value boolean, rule jsonb);
INSERT INTO truth VALUES
  ('t', true, '{"set_added_min": 1}'),
  ('f', false, '{"set_added_min": 9}'),
  ('n', NULL, '{"primary_metric_delta_pct": 0.1}');
CREATE TEMP TABLE one_added AS SELECT dashboard_diff('[]', '[{"id": 1}]') AS diff;

\pset null NULL
SELECT name, meets_threshold(diff, rule) AS met, value AS expected FROM truth, one_added;
SELECT name, meets_threshold(diff, jsonb_build_object('NOT', rule)) AS met, NOT value AS expected
  FROM truth, one_added;
SELECT a.name AS a, b.name AS b,
       meets_threshold(diff, jsonb_build_object('AND', jsonb_build_array(a.rule, b.rule))) AS "and",
       a.value AND b.value AS "and expected",
       meets_threshold(diff, jsonb_build_object('OR', jsonb_build_array(a.rule, b.rule))) AS "or",
       a.value OR b.value AS "or expected"
  FROM truth a, truth b, one_added
 ORDER BY a.value DESC NULLS LAST, b.value DESC NULLS LAST;
-- Any number of children, in any nesting: nothing differs from SQL.
SELECT count(*) AS cases,
       count(*) FILTER (WHERE meets_threshold(diff, jsonb_build_object('AND', jsonb_build_array(
           a.rule, b.rule, jsonb_build_object('OR', jsonb_build_array(c.rule, jsonb_build_object('NOT', d.rule))))))
         IS DISTINCT FROM (a.value AND b.value AND (c.value OR NOT d.value))) AS differ_and,
       count(*) FILTER (WHERE meets_threshold(diff, jsonb_build_object('NOT', jsonb_build_object('OR', jsonb_build_array(
           a.rule, jsonb_build_object('AND', jsonb_build_array(b.rule, c.rule)), d.rule))))
         IS DISTINCT FROM (NOT (a.value OR (b.value AND c.value) OR d.value))) AS differ_or
  FROM truth a, truth b, truth c, truth d, one_added;
-- A single child is itself; double negation cancels.
SELECT name,
       meets_threshold(diff, jsonb_build_object('AND', jsonb_build_array(rule))) AS "and",
       meets_threshold(diff, jsonb_build_object('OR', jsonb_build_array(rule))) AS "or",
       meets_threshold(diff, jsonb_build_object('NOT', jsonb_build_object('NOT', rule))) AS not_not
  FROM truth, one_added;
-- NULL in, NULL out.
SELECT meets_threshold(NULL, '{"set_added_min": 1}') AS a, meets_threshold(diff, NULL) AS b FROM one_added;

--
-- value_delta_pct
--

-- Inclusive and exact: 3.0 to 3.3 is ten percent.
SELECT before, after, meets_threshold(:d, '{"value_delta_pct": 0.10}') AS met FROM (VALUES
  ('[{"id": 1, "n": 3.0}]', '[{"id": 1, "n": 3.3}]'),
  ('[{"id": 1, "n": 3.0}]', '[{"id": 1, "n": 3.2999999999999999999}]'),
  ('[{"id": 1, "n": 3.0}]', '[{"id": 1, "n": 2.7}]'),
  ('[{"id": 1, "n": 3.0}]', '[{"id": 1, "n": 2.7000000000000000001}]'),
  ('[{"id": 1, "n": -3.0}]', '[{"id": 1, "n": -3.3}]'),
  ('[{"id": 1, "n": -3.0}]', '[{"id": 1, "n": -2.7}]'),
  ('[{"id": 1, "n": -3.0}]', '[{"id": 1, "n": 3.0}]'),
  ('[{"id": 1, "n": 0.1}]', '[{"id": 1, "n": 0.11}]'),
  ('[{"id": 1, "n": 1e400}]', '[{"id": 1, "n": 1.1e400}]'),
  ('[{"id": 1, "n": 1e-400}]', '[{"id": 1, "n": 1.0999e-400}]')
) v (before, after);
-- The rule sees the numbers, not the share that the diff shows rounded to 6 places.
SELECT :d -> 'row_value_deltas' -> 0 -> 'delta_pct' AS shown,
       meets_threshold(:d, '{"value_delta_pct": 0.333333}') AS a,
       meets_threshold(:d, '{"value_delta_pct": 0.3333333333333333333333}') AS b,
       meets_threshold(:d, '{"value_delta_pct": 0.3333333333333333333334}') AS c
  FROM (VALUES ('[{"id": 1, "n": 3}]', '[{"id": 1, "n": 4}]')) v (before, after);
SELECT meets_threshold(:d, '{"value_delta_pct": 1e-30}') AS a,
       meets_threshold(:d, '{"value_delta_pct": 1.1e-30}') AS b
  FROM (VALUES ('[{"id": 1, "n": 1e30}]', '[{"id": 1, "n": 1000000000000000000000000000001}]')) v (before, after);
-- From zero to anything else is always enough; zero that stays zero is not.
SELECT before, after, meets_threshold(:d, '{"value_delta_pct": 1000000}') AS met FROM (VALUES
  ('[{"id": 1, "n": 0}]', '[{"id": 1, "n": 0.001}]'),
  ('[{"id": 1, "n": 0.00}]', '[{"id": 1, "n": -1}]'),
  ('[{"id": 1, "n": 0}]', '[{"id": 1, "n": 0.0}]'),
  ('[{"id": 1, "n": 1}]', '[{"id": 1, "n": 1000000}]'),
  ('[{"id": 1, "n": 1}]', '[{"id": 1, "n": 1000001}]')
) v (before, after);
-- Only numbers that stay numbers, of rows that stay.
SELECT before, after, meets_threshold(:d, '{"value_delta_pct": 0.000001}') AS met FROM (VALUES
  ('[{"id": 1, "n": "1"}]', '[{"id": 1, "n": "2"}]'),
  ('[{"id": 1, "n": 1}]', '[{"id": 1, "n": null}]'),
  ('[{"id": 1, "n": 1}]', '[{"id": 1}]'),
  ('[{"id": 1, "n": 1}]', '[{"id": 2, "n": 2}]'),
  ('[{"id": 1, "n": 1}]', '[{"id": 1, "n": 1.00}]')
) v (before, after);

-- on_field
SELECT t, meets_threshold(:d, t::jsonb) AS met FROM (VALUES
  ('[{"id": 1, "a": 10, "b": 10}]', '[{"id": 1, "a": 11, "b": 15}]')) v (before, after), (VALUES
  ('{"value_delta_pct": 0.5}'),
  ('{"value_delta_pct": 0.5, "on_field": "b"}'),
  ('{"value_delta_pct": 0.5, "on_field": "a"}'),
  ('{"value_delta_pct": 0.1, "on_field": "a"}'),
  ('{"value_delta_pct": 0.1, "on_field": "A"}')) t (t);
-- direction: the sign of the change, not of the number.
SELECT after, direction, meets_threshold(:d, jsonb_build_object('value_delta_pct', 0.1, 'direction', direction)) AS met
  FROM (VALUES ('[{"id": 1, "n": -10}]', '[{"id": 1, "n": -5}]'), ('[{"id": 1, "n": -10}]', '[{"id": 1, "n": -15}]')) v (before, after),
       (VALUES ('any'), ('up'), ('down')) d (direction)
 ORDER BY after, direction;
SELECT direction, meets_threshold(:d, jsonb_build_object('value_delta_pct', 0.1, 'direction', direction)) AS met
  FROM (VALUES ('[{"id": 1, "n": 0}]', '[{"id": 1, "n": -5}]')) v (before, after),
       (VALUES ('any'), ('up'), ('down')) d (direction);
-- min_abs: small numbers that double are let be. A floor for changes from zero too.
SELECT after, meets_threshold(:d, '{"value_delta_pct": 0.5, "min_abs": 2.5}') AS met,
       meets_threshold(:d, '{"value_delta_pct": 0.5, "min_abs": 0}') AS no_floor
  FROM (VALUES ('[{"id": 1, "n": 2}]', '[{"id": 1, "n": 4.5}]'), ('[{"id": 1, "n": 2}]', '[{"id": 1, "n": 4.49}]'),
               ('[{"id": 1, "n": 2}]', '[{"id": 1, "n": -0.5}]'), ('[{"id": 1, "n": 0}]', '[{"id": 1, "n": 2.49}]'),
               ('[{"id": 1, "n": 0}]', '[{"id": 1, "n": -2.5}]')) v (before, after);
-- min_rows counts rows, not fields.
SELECT t, meets_threshold(:d, t::jsonb) AS met FROM (VALUES
  ('[{"id": 1, "a": 1, "b": 1, "c": 1}, {"id": 2, "a": 1, "b": 1}, {"id": 3, "a": 10}]',
   '[{"id": 1, "a": 2, "b": 2, "c": 2}, {"id": 2, "a": 2, "b": 1}, {"id": 3, "a": 11}]')) v (before, after), (VALUES
  ('{"value_delta_pct": 1, "min_rows": 2}'),
  ('{"value_delta_pct": 1, "min_rows": 3}'),
  ('{"value_delta_pct": 0.1, "min_rows": 3}'),
  ('{"value_delta_pct": 0.1, "min_rows": 4}'),
  ('{"value_delta_pct": 1, "min_rows": 2, "on_field": "b"}')) t (t);
-- ids: only these rows; 1 and 1.0 are one id, 1 and "1" are two.
SELECT ids, meets_threshold(:d, jsonb_build_object('value_delta_pct', 0.1, 'ids', ids::jsonb)) AS met
  FROM (VALUES ('[{"id": 1, "n": 1}, {"id": "a", "n": 1}, {"id": 2, "n": 1}]',
                '[{"id": 1, "n": 2}, {"id": "a", "n": 2}, {"id": 2, "n": 1}]')) v (before, after),
       (VALUES ('[1]'), ('[1.0]'), ('["1"]'), ('["a"]'), ('["A"]'), ('[2]'), ('[7]'), ('[2, 7, "a"]'), ('[1, 1]')) i (ids);
-- All together.
SELECT t, meets_threshold(:d, t::jsonb) AS met FROM (VALUES
  ('[{"id": 1, "a": 10, "b": 1}, {"id": 2, "a": 10, "b": 1}, {"id": 3, "a": 10, "b": 1}]',
   '[{"id": 1, "a": 15, "b": 0}, {"id": 2, "a": 5,  "b": 2}, {"id": 3, "a": 20, "b": 9}]')) v (before, after), (VALUES
  ('{"value_delta_pct": 0.5, "on_field": "a", "direction": "up", "min_rows": 2}'),
  ('{"value_delta_pct": 0.5, "on_field": "a", "direction": "up", "min_rows": 2, "ids": [1, 2]}'),
  ('{"value_delta_pct": 0.5, "on_field": "a", "direction": "up", "min_rows": 2, "min_abs": 6}'),
  ('{"value_delta_pct": 0.5, "on_field": "a", "direction": "down", "min_rows": 1, "ids": [2], "min_abs": 5}')) t (t);

--
-- top_n_reordering
--

-- Ids of either top N with another rank; who enters and who leaves counts.
SELECT k, meets_threshold(:d, jsonb_build_object('top_n_reordering', k)) AS met
  FROM (VALUES ('[{"id": "a"}, {"id": "b"}, {"id": "c"}, {"id": "d"}]',
                '[{"id": "b"}, {"id": "a"}, {"id": "c"}, {"id": "e"}]')) v (before, after), generate_series(3, 5) k ORDER BY k;
-- A change below the top N is none of its business.
SELECT n, k, meets_threshold(:d, jsonb_build_object('top_n_reordering', k, 'top_n', n)) AS met
  FROM (VALUES ('[{"id": "a"}, {"id": "b"}, {"id": "c"}, {"id": "d"}]',
                '[{"id": "a"}, {"id": "c"}, {"id": "b"}, {"id": "d"}]')) v (before, after),
       (VALUES (1, 1), (2, 1), (2, 2), (2, 3), (3, 2), (3, 3), (10, 2)) p (n, k);
-- A diff made with a larger top N gives the same answers.
SELECT count(*) AS cases, count(*) FILTER (WHERE a IS DISTINCT FROM b) AS differ
  FROM (SELECT meets_threshold(dashboard_diff(before, after, n), t) AS a,
               meets_threshold(dashboard_diff(before, after, 50), t) AS b
          FROM (SELECT jsonb_agg(jsonb_build_object('id', i) ORDER BY i) AS before,
                       jsonb_agg(jsonb_build_object('id', i) ORDER BY i * 7 % 31) AS after
                  FROM generate_series(1, 30) i) s,
               generate_series(1, 12) n, generate_series(1, 24) k,
               LATERAL (SELECT jsonb_build_object('top_n_reordering', k, 'top_n', n) AS t) t) c;
-- With rank_by, the order of the array does not count, and a tie that stays a tie neither.
SELECT meets_threshold(:d, '{"top_n_reordering": 1}') AS met FROM (VALUES
  ('{"rank_by": "s", "primary_rows": [{"id": 1, "s": 5}, {"id": 2, "s": 5}]}',
   '{"rank_by": "s", "primary_rows": [{"id": 2, "s": 7}, {"id": 1, "s": 7}]}')) v (before, after);

--
-- top_n_moved, top_n_entered, top_n_left, rank_delta
--

-- Rows by place: the letters of a word.
CREATE FUNCTION pg_temp.placed(word text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object('id', letter) ORDER BY n), '[]')
    FROM string_to_table(nullif(word, ''), NULL) WITH ORDINALITY t (letter, n)
$$;
-- The largest limit that a rule still holds for.
CREATE FUNCTION pg_temp.largest(diff jsonb, operator text, modifiers jsonb DEFAULT '{}') RETURNS integer LANGUAGE sql AS $$
  SELECT count(*)::integer FROM generate_series(1, 20) k
   WHERE meets_threshold(diff, modifiers || jsonb_build_object(operator, k))
$$;
-- A newcomer pushes everyone down: all have another rank, none has to be lifted out.
SELECT before, after, n, pg_temp.largest(d, 'top_n_reordering', m) AS reordering, pg_temp.largest(d, 'top_n_moved', m) AS moved,
       pg_temp.largest(d, 'top_n_entered', m) AS entered, pg_temp.largest(d, 'top_n_left', m) AS "left",
       pg_temp.largest(d, 'rank_delta', m) AS rank, pg_temp.largest(d, 'rank_delta', m || '{"direction": "up"}') AS up,
       pg_temp.largest(d, 'rank_delta', m || '{"direction": "down"}') AS down
  FROM (VALUES ('abcdef', 'abcdef', 6), ('abcdef', 'xabcdef', 6), ('abcdef', 'bcdef', 6), ('abcdef', 'fabcde', 6), ('abcdef', 'bcdefa', 6),
               ('abcdef', 'fabcde', 3), ('abcdef', 'fedcba', 6), ('abcdef', 'defabc', 6), ('abcdef', 'abcdfe', 3), ('', 'abc', 3), ('abc', '', 3)) v (before, after, n),
       LATERAL dashboard_diff(pg_temp.placed(before), pg_temp.placed(after), n) d, LATERAL jsonb_build_object('top_n', n) m;
-- Ties: rows that tied before stand in their new order, and a tie that comes about is in order.
SELECT scores, pg_temp.largest(dashboard_diff(
         jsonb_build_object('rank_by', 's', 'primary_rows', before), jsonb_build_object('rank_by', 's', 'primary_rows', after)), 'top_n_moved') AS moved
  FROM (VALUES ('{5,5,3} {5,6,3}'), ('{6,5,3} {5,5,3}'), ('{6,5,3} {5,5,5}'), ('{5,5,5} {4,5,6}'), ('{6,5,3} {5,6,3}'), ('{5,5,3} {5,4,6}')) v (scores),
       LATERAL (SELECT jsonb_agg(jsonb_build_object('id', i, 's', s) ORDER BY i) AS before FROM unnest(split_part(scores, ' ', 1)::int[]) WITH ORDINALITY t (s, i)) b,
       LATERAL (SELECT jsonb_agg(jsonb_build_object('id', i, 's', s) ORDER BY i) AS after FROM unnest(split_part(scores, ' ', 2)::int[]) WITH ORDINALITY t (s, i)) a;
-- top_n_moved against every subset of the rows that could stay.
SELECT count(*) AS cases, count(*) FILTER (WHERE moved <> 5 - kept) AS differ
  FROM (SELECT pg_temp.largest(dashboard_diff(pg_temp.placed('abcde'), pg_temp.placed(word)), 'top_n_moved') AS moved,
               (SELECT max(length(subset)) FROM (SELECT string_agg(substr(word, i, 1), '' ORDER BY i) AS subset
                                                   FROM generate_series(1, 31) mask, generate_series(1, 5) i
                                                  WHERE mask & (1 << (i - 1)) <> 0 GROUP BY mask) s
                 WHERE subset COLLATE "C" = (SELECT string_agg(l, '' ORDER BY l COLLATE "C") FROM string_to_table(subset, NULL) l)) AS kept
          FROM (SELECT a || b || c || d || e AS word
                  FROM unnest('{a,b,c,d,e}'::text[]) a, unnest('{a,b,c,d,e}'::text[]) b, unnest('{a,b,c,d,e}'::text[]) c,
                       unnest('{a,b,c,d,e}'::text[]) d, unnest('{a,b,c,d,e}'::text[]) e) w
         WHERE (SELECT count(DISTINCT l) FROM string_to_table(word, NULL) l) = 5) p;
-- rank_delta: who comes or goes has not moved; ids names the rows that count.
SELECT ids, pg_temp.largest(dashboard_diff(pg_temp.placed('abcdef'), pg_temp.placed('fxabce')), 'rank_delta', jsonb_build_object('ids', ids::jsonb)) AS rank
  FROM (VALUES ('["f"]'), ('["x", "d"]'), ('["a", "e"]'), ('["zz"]')) i (ids);
-- A diff made with a larger top N gives the same answers.
SELECT count(*) AS cases, count(*) FILTER (WHERE a IS DISTINCT FROM b) AS differ
  FROM (SELECT meets_threshold(dashboard_diff(before, after, n), t) AS a,
               meets_threshold(dashboard_diff(before, after, 50), t) AS b
          FROM (SELECT jsonb_agg(jsonb_build_object('id', i) ORDER BY i) AS before,
                       jsonb_agg(jsonb_build_object('id', i) ORDER BY i * 7 % 31) AS after
                  FROM generate_series(1, 30) i) s,
               unnest('{top_n_moved,top_n_entered,top_n_left,rank_delta}'::text[]) operator, generate_series(1, 12) n, generate_series(1, 14) k,
               LATERAL (SELECT jsonb_build_object(operator, k, 'top_n', n) AS t) t) c;

--
-- value_delta
--
SELECT before, after, meets_threshold(:d, '{"value_delta": 0.30}') AS met,
       meets_threshold(:d, '{"value_delta": 0.30, "direction": "up"}') AS up, meets_threshold(:d, '{"value_delta": 0.30, "direction": "down"}') AS down
  FROM (VALUES
  ('[{"id": 1, "n": 3.0}]', '[{"id": 1, "n": 3.3}]'),
  ('[{"id": 1, "n": 3.0}]', '[{"id": 1, "n": 3.2999999999999999999}]'),
  ('[{"id": 1, "n": 0.1}]', '[{"id": 1, "n": -0.2}]'),
  ('[{"id": 1, "n": 0}]', '[{"id": 1, "n": 0.3}]'),
  ('[{"id": 1, "n": 1e30}]', '[{"id": 1, "n": 1000000000000000000000000000000.3}]'),
  ('[{"id": 1, "n": 1e30}]', '[{"id": 1, "n": 1000000000000000000000000000000.29}]')
) v (before, after);
SELECT t, meets_threshold(:d, t::jsonb) AS met FROM (VALUES
  ('[{"id": 1, "a": 10, "b": 1}, {"id": 2, "a": 10, "b": 1}, {"id": 3, "a": 10, "b": 1}]',
   '[{"id": 1, "a": 15, "b": 0}, {"id": 2, "a": 5,  "b": 2}, {"id": 3, "a": 20, "b": 9}]')) v (before, after), (VALUES
  ('{"value_delta": 10}'), ('{"value_delta": 10.1}'), ('{"value_delta": 8, "on_field": "b"}'), ('{"value_delta": 9, "on_field": "b"}'),
  ('{"value_delta": 5, "min_rows": 3}'), ('{"value_delta": 6, "min_rows": 2}'), ('{"value_delta": 5, "on_field": "a", "direction": "down", "ids": [2]}')) t (t);

--
-- field_changed
--
SELECT t, meets_threshold(:d, t::jsonb) AS met FROM (VALUES
  ('[{"id": 1, "s": "open", "n": 1, "x": {"a": 1}}, {"id": 2, "s": "open", "n": 1}, {"id": 3, "s": "open", "x": 1}]',
   '[{"id": 1, "s": "done", "n": 2, "x": {"a": 2.0}}, {"id": 2, "s": null, "n": 1.0}, {"id": 3, "s": "open"}, {"id": 4, "s": "done"}]')) v (before, after), (VALUES
  ('{"field_changed": "s"}'), ('{"field_changed": "s", "min_rows": 2}'), ('{"field_changed": "s", "min_rows": 3}'), ('{"field_changed": "S"}'),
  ('{"field_changed": "s", "to": "done"}'), ('{"field_changed": "s", "to": "done", "min_rows": 2}'), ('{"field_changed": "s", "to": null}'),
  ('{"field_changed": "s", "to": "done", "ids": [2, 4]}'), ('{"field_changed": "n"}'), ('{"field_changed": "n", "min_rows": 2}'),
  ('{"field_changed": "n", "to": 2.00}'), ('{"field_changed": "n", "to": "2"}'), ('{"field_changed": "x", "to": {"a": 2}}'),
  ('{"field_changed": "x", "min_rows": 2}'), ('{"field_changed": "x", "to": null}')) t (t);

--
-- set_added_min, set_removed_min
--
SELECT k, meets_threshold(:d, jsonb_build_object('set_added_min', k)) AS added,
       meets_threshold(:d, jsonb_build_object('set_removed_min', k)) AS removed
  FROM (VALUES ('[{"id": 1}, {"id": 2}, {"id": 3}]', '[{"id": 1}, {"id": "2"}]')) v (before, after), generate_series(1, 3) k ORDER BY k;

--
-- primary_metric_delta_pct
--
SELECT before, after, meets_threshold(dashboard_diff(before::jsonb, after::jsonb), t::jsonb) AS met, t FROM (VALUES
  ('{"primary_rows": [], "primary_metric": 3.0}', '{"primary_rows": [], "primary_metric": 3.3}', '{"primary_metric_delta_pct": 0.10}'),
  ('{"primary_rows": [], "primary_metric": 3.0}', '{"primary_rows": [], "primary_metric": 3.3}', '{"primary_metric_delta_pct": 0.1000000000000000000001}'),
  ('{"primary_rows": [], "primary_metric": 3.0}', '{"primary_rows": [], "primary_metric": 2.7}', '{"primary_metric_delta_pct": 0.10}'),
  ('{"primary_rows": [], "primary_metric": 3.0}', '{"primary_rows": [], "primary_metric": 2.7}', '{"primary_metric_delta_pct": 0.10, "direction": "up"}'),
  ('{"primary_rows": [], "primary_metric": 3.0}', '{"primary_rows": [], "primary_metric": 2.7}', '{"primary_metric_delta_pct": 0.10, "direction": "down"}'),
  ('{"primary_rows": [], "primary_metric": 3.0}', '{"primary_rows": [], "primary_metric": 3.3}', '{"primary_metric_delta_pct": 0.10, "min_abs": 0.3}'),
  ('{"primary_rows": [], "primary_metric": 3.0}', '{"primary_rows": [], "primary_metric": 3.3}', '{"primary_metric_delta_pct": 0.10, "min_abs": 0.31}'),
  ('{"primary_rows": [], "primary_metric": 0}', '{"primary_rows": [], "primary_metric": 0.1}', '{"primary_metric_delta_pct": 5}'),
  ('{"primary_rows": [], "primary_metric": 0}', '{"primary_rows": [], "primary_metric": 0}', '{"primary_metric_delta_pct": 0.0001}'),
  ('{"primary_rows": [], "primary_metric": 5}', '{"primary_rows": [], "primary_metric": 5}', '{"primary_metric_delta_pct": 0.0001}'),
  ('{"primary_rows": []}', '{"primary_rows": [], "primary_metric": 5}', '{"primary_metric_delta_pct": 0.0001}'),
  ('{"primary_rows": [], "primary_metric": 5}', '{"primary_rows": []}', '{"primary_metric_delta_pct": 0.0001}')
) v (before, after, t);

--
-- primary_metric_delta, metric_delta, metric_delta_pct
--
SELECT t, meets_threshold(:d, t::jsonb) AS met FROM (VALUES
  ('{"primary_rows": [], "primary_metric": 3.0, "materialized_data": {"users": 100, "orders": 0, "same": 5, "gone": 1}}',
   '{"primary_rows": [], "primary_metric": 3.3, "materialized_data": {"users": 80, "orders": 2, "same": 5.0, "new": 1}}')) v (before, after), (VALUES
  ('{"primary_metric_delta": 0.3}'), ('{"primary_metric_delta": 0.31}'), ('{"primary_metric_delta": 0.3, "direction": "down"}'),
  ('{"primary_metric_delta": 0.1, "min_abs": 0.4}'), ('{"metric_delta": 20, "on_metric": "users"}'), ('{"metric_delta": 20.1, "on_metric": "users"}'),
  ('{"metric_delta_pct": 0.2, "on_metric": "users"}'), ('{"metric_delta_pct": 0.2, "on_metric": "users", "direction": "up"}'),
  ('{"metric_delta_pct": 1000, "on_metric": "orders"}'), ('{"metric_delta_pct": 1000, "on_metric": "orders", "min_abs": 3}'),
  -- A diff lists metrics that are on both sides and differ: any other has not changed.
  ('{"metric_delta": 0.1, "on_metric": "same"}'), ('{"metric_delta": 0.1, "on_metric": "gone"}'), ('{"metric_delta": 0.1, "on_metric": "new"}'),
  ('{"NOT": {"metric_delta": 0.1, "on_metric": "same"}}')) t (t);
SELECT meets_threshold(dashboard_diff('[]', '[]'), '{"primary_metric_delta": 1}') AS unknown;

--
-- source: another row source than the primary one
--
SELECT t, meets_threshold(:d, t::jsonb || '{"source": "by_region"}') AS by_region, meets_threshold(:d, t::jsonb || '{"source": "same"}') AS same,
       meets_threshold(:d, t::jsonb || '{"source": "none"}') AS none, meets_threshold(:d, t::jsonb) AS "primary"
  FROM (VALUES
  ('{"primary_rows": [{"id": "p"}], "materialized_data": {"same": [{"id": 1}], "by_region": [{"id": "a", "n": 1, "s": "x"}, {"id": "b", "n": 1}, {"id": "c"}]}}',
   '{"primary_rows": [{"id": "p"}], "materialized_data": {"same": [{"id": 1}], "by_region": [{"id": "b", "n": 3}, {"id": "a", "n": 1, "s": "y"}, {"id": "d"}]}}')) v (before, after), (VALUES
  ('{"top_n_reordering": 4}'), ('{"top_n_moved": 1}'), ('{"top_n_entered": 1}'), ('{"top_n_left": 1}'), ('{"rank_delta": 1}'),
  ('{"value_delta_pct": 2}'), ('{"value_delta": 2}'), ('{"field_changed": "s"}'), ('{"set_added_min": 1}'), ('{"set_removed_min": 1}')) t (t);

--
-- A diff that somebody put together by hand
--

-- What is not told is not there.
SELECT meets_threshold('{}', '{"set_added_min": 1}') AS added,
       meets_threshold('{}', '{"primary_metric_delta_pct": 1}') AS metric,
       meets_threshold('{"id_set_added": [1, 2]}', '{"set_added_min": 2}') AS two;

-- A diff made by hand may name a row's fields in any order: rows are counted once.
SELECT meets_threshold(d, '{"value_delta_pct": 0.5, "min_rows": 2}') AS two_rows,
       meets_threshold(d, '{"value_delta_pct": 0.5, "min_rows": 3}') AS three_rows
  FROM (VALUES ('{"row_value_deltas": [{"id": 1, "field": "a", "old": 1, "new": 2}, {"id": 2, "field": "a", "old": 1, "new": 2},
                                       {"id": 1.0, "field": "b", "old": 1, "new": 2}]}'::jsonb)) v (d);
