-- A dashboard's checks: what may be declared, and what is found.
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
CREATE FUNCTION pg_temp.error_of_checks(checks text)
RETURNS TABLE (state text, message text, detail text, hint text) LANGUAGE sql AS $$
  SELECT * FROM pg_temp.error_of(format('SELECT validate_checks(%L)', checks));
$$;
\pset format unaligned
\pset footer off

--
-- The grammar
--
SELECT validate_checks('[
  {"freshness": "2 hours"}, {"freshness": "1 day 02:30", "severity": "WARN"},
  {"min_rows": 20}, {"max_rows": 0, "source": "by_region"},
  {"null_fraction": 0.05, "on_field": "score"}, {"null_fraction": 0, "on_field": "score", "source": "by_region", "severity": "FAIL"},
  {"range": [0, 1], "on_field": "score"}, {"range": [null, 1e3], "on_field": "score"}, {"range": [-1.5, null], "on_field": "score"},
  {"warn_when": {"value_delta_pct": 0.1}}, {"fail_when": {"OR": [{"set_removed_min": 5}, {"primary_metric_delta_pct": 0.5}]}},
  {"snapshot": "ok"}]');
SELECT validate_checks(NULL);
-- No list, or too long a one.
SELECT * FROM (VALUES ('null'), ('{}'), ('5'), ('[]'), ('[5]'), ('[{"min_rows": 1}, []]')) v (c), pg_temp.error_of_checks(c);
SELECT validate_checks(jsonb_agg('{"min_rows": 1}'::jsonb)) FROM generate_series(1, 64);
SELECT * FROM pg_temp.error_of_checks((SELECT jsonb_agg('{"min_rows": 1}'::jsonb) FROM generate_series(1, 65))::text);
-- One operator to a check, and its own modifiers.
SELECT * FROM (VALUES
  ('[{}]'), ('[{"severity": "WARN"}]'), ('[{"min_rows": 1, "max_rows": 2}]'), ('[{"min_row": 1}]'), ('[{"min_rows": 1}, {"null_fractions": 0.1, "on_field": "s"}]'),
  ('[{"xyzzy": 1}]'), ('[{"min_rows": 1, "sources": "s"}]'), ('[{"min_rows": 1, "on_field": "s"}]'), ('[{"freshness": "1 h", "source": "s"}]'),
  ('[{"snapshot": "ok", "source": "s"}]'), ('[{"warn_when": {"set_added_min": 1}, "severity": "FAIL"}]'),
  ('[{"null_fraction": 0.1}]'), ('[{"range": [0, 1]}]'), ('[{"range": [0, 1], "on_field": ""}]'), ('[{"min_rows": 1, "source": 5}]'),
  ('[{"min_rows": 1, "severity": "PASS"}]'), ('[{"min_rows": 1, "severity": "warn"}]')
) v (c), pg_temp.error_of_checks(c);
-- Limits.
SELECT * FROM (VALUES
  ('[{"min_rows": 0}]'), ('[{"min_rows": 1.5}]'), ('[{"min_rows": "1"}]'), ('[{"max_rows": -1}]'), ('[{"max_rows": 3000000000}]'),
  ('[{"null_fraction": 1.01, "on_field": "s"}]'), ('[{"null_fraction": -0.1, "on_field": "s"}]'), ('[{"null_fraction": "5 %", "on_field": "s"}]'),
  ('[{"range": [2, 1], "on_field": "s"}]'), ('[{"range": [null, null], "on_field": "s"}]'), ('[{"range": [1], "on_field": "s"}]'), ('[{"range": ["a", 1], "on_field": "s"}]'), ('[{"range": 5, "on_field": "s"}]'),
  ('[{"freshness": "soon"}]'), ('[{"freshness": "0"}]'), ('[{"freshness": "-2 hours"}]'), ('[{"freshness": 3600}]'), ('[{"freshness": "99999999999 years"}]'),
  ('[{"snapshot": "fine"}]'), ('[{"snapshot": true}]')
) v (c), pg_temp.error_of_checks(c);
-- What a sign means does not depend on how intervals are shown.
SET intervalstyle = sql_standard;
SELECT * FROM pg_temp.error_of_checks('[{"freshness": "-1 day 48:00"}]');
RESET intervalstyle;
-- Within a threshold the path goes on.
SELECT * FROM (VALUES
  ('[{"min_rows": 1}, {"min_rows": 1}, {"fail_when": {"AND": [{"value_delta_pc": 1}]}}]'), ('[{"warn_when": {}}]'), ('[{"warn_when": {"value_delta_pct": -1}}]'), ('[{"fail_when": null}]')
) v (c), LATERAL (SELECT state, message, detail, left(hint, 40) AS hint FROM pg_temp.error_of_checks(c)) e;
-- A dashboard's are checked on the way in.
SELECT e.* FROM pg_temp.error_of($$INSERT INTO dashboards (id, metadata) VALUES ('bad', '{"checks": [{"min_rows": 1}, {"null_fraction": 5, "on_field": "x"}]}')$$) e;
SELECT e.* FROM pg_temp.error_of($$INSERT INTO dashboards (id, metadata) VALUES ('bad', '{"checks": null}')$$) e;
INSERT INTO dashboards (id, metadata) VALUES ('good', '{"checks": [{"min_rows": 1}]}'), ('none', '{"tags": []}');

--
-- What is found
--
CREATE FUNCTION pg_temp.rows_of(VARIADIC scores text[]) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_agg(CASE WHEN s = '' THEN jsonb_build_object('id', 'r' || i)
                        ELSE jsonb_build_object('id', 'r' || i, 'score', s::jsonb) END ORDER BY i)
    FROM unnest(scores) WITH ORDINALITY u (s, i);
$$;
CREATE FUNCTION pg_temp.found(checks jsonb, content jsonb, previous jsonb DEFAULT NULL, age interval DEFAULT '1 h', failure text DEFAULT NULL)
RETURNS TABLE (status text, summary text, issues text) LANGUAGE sql AS $$
  SELECT e ->> 'status', e ->> 'summary',
         (SELECT string_agg(format('%s at %s: %s', i ->> 'severity', i ->> 'location', i ->> 'message'), E'\n' ORDER BY o)
            FROM jsonb_array_elements(e -> 'issues') WITH ORDINALITY u (i, o))
    FROM evaluate_checks(checks, content, previous, age, failure) e;
$$;
SELECT * FROM pg_temp.found('[{"min_rows": 2}]', pg_temp.rows_of('1', '2'));
SELECT * FROM pg_temp.found('[{"min_rows": 2}, {"max_rows": 2}, {"range": [1, 2], "on_field": "score"}]', pg_temp.rows_of('1', '2'));
SELECT * FROM pg_temp.found('[{"min_rows": 20}]', pg_temp.rows_of('1', '2'));
SELECT * FROM pg_temp.found('[{"max_rows": 1, "severity": "WARN"}, {"max_rows": 0}]', pg_temp.rows_of('1', '2'));
-- A fraction is exact, and a field that is not there is null.
SELECT f, (pg_temp.found(jsonb_build_array(jsonb_build_object('null_fraction', f, 'on_field', 'score')), pg_temp.rows_of('1', 'null', '', '4', '5', '6', '7', 'null', 'null', '10'))).*
  FROM (VALUES (0.05), (0.3999999999999999999999999999999), (0.4), (1), (0)) v (f);
SELECT * FROM pg_temp.found('[{"null_fraction": 0.3333333333333333333333333333333333, "on_field": "score"}]', pg_temp.rows_of('1', 'null', '1'));
SELECT * FROM pg_temp.found('[{"null_fraction": 0, "on_field": "score"}]', '[]');
-- A range holds its ends, and nothing that is no number; null is not judged.
SELECT r, (pg_temp.found(jsonb_build_array(jsonb_build_object('range', r, 'on_field', 'score')), pg_temp.rows_of('0', '1.7', 'null', '-0.001', '', '5'))).*
  FROM (VALUES ('[0, 1]'::jsonb), ('[-0.001, 5.000]'), ('[0, null]'), ('[null, 1.7]'), ('[null, 1.69999999999999999999999999999999999]'), ('[-10, 4]')) v (r);
SELECT * FROM pg_temp.found('[{"range": [0, 1], "on_field": "score"}]', pg_temp.rows_of('1', '"0.5"', 'true', '[1]'));
-- Another row source, or none of that name.
SELECT * FROM pg_temp.found('[{"min_rows": 3, "source": "by_region"}, {"range": [0, 1], "on_field": "s", "source": "total"}, {"min_rows": 1, "source": "by_regio"}]',
  '{"primary_rows": [], "materialized_data": {"by_region": [{"id": 1}], "total": 5}}');
-- The age.
SELECT a, (pg_temp.found('[{"freshness": "2 hours"}]', '[]', NULL, a)).*
  FROM (VALUES ('2 h'::interval), ('2 h 0.000001 s'), ('3 h 5 min'), ('1 day 4 h 5 min'), ('40 days'), ('2 h 59 min 59 s'), ('-1 h'), (NULL), ('170000000 years')) v (a);
SELECT (pg_temp.found('[{"freshness": "1 s"}]', '[]', NULL, a)).summary FROM (VALUES ('1.5 s'::interval), ('61 s'), ('1 h')) v (a);
-- Changes.
SELECT * FROM pg_temp.found('[{"warn_when": {"value_delta_pct": 0.1}}, {"fail_when": {"set_removed_min": 1}}]', pg_temp.rows_of('1.2', '1'), pg_temp.rows_of('1', '1', '1'));
SELECT * FROM pg_temp.found('[{"warn_when": {"value_delta_pct": 0.5}}, {"min_rows": 1}]', pg_temp.rows_of('1.2', '1'), pg_temp.rows_of('1', '1'));
-- Without a snapshot to compare with, or with one that was made in another way, they are not judged.
SELECT * FROM pg_temp.found('[{"warn_when": {"set_added_min": 1}}, {"min_rows": 1}]', pg_temp.rows_of('1'));
SELECT * FROM pg_temp.found('[{"fail_when": {"set_added_min": 1}}]', '{"rank_by": "score", "primary_rows": [{"id": 1}]}', '[]');
-- A large top N is looked at as far as a threshold asks.
SELECT p.* FROM (SELECT pg_temp.rows_of(VARIADIC array_agg(i::text)) AS a FROM generate_series(1, 30) i) s,
  pg_temp.found('[{"fail_when": {"top_n_left": 1, "top_n": 30}}]', s.a - 29, s.a) p;
-- Unknown is unknown.
SELECT * FROM pg_temp.found('[{"fail_when": {"primary_metric_delta_pct": 0.1}}, {"warn_when": {"AND": [{"metric_delta": 1, "on_metric": "users"}, {"set_added_min": 1}]}}, {"warn_when": {"set_added_min": 1, "source": "s"}}]',
  '[{"id": 1}]', '[]');
SELECT * FROM pg_temp.found('[{"warn_when": {"metric_delta": 1, "on_metric": "users"}}]', '{"primary_rows": [], "materialized_data": {"users": 5}}', '{"primary_rows": [], "materialized_data": {"users": 4}}');
-- The worst first.
SELECT * FROM pg_temp.found('[{"min_rows": 1, "source": "s"}, {"min_rows": 3, "severity": "WARN"}, {"freshness": "1 min"}, {"max_rows": 1}]', pg_temp.rows_of('1', '2'));
-- The snapshot's own success, and no snapshot.
SELECT * FROM pg_temp.found('[{"snapshot": "ok"}]', '[]');
SELECT * FROM pg_temp.found('[{"snapshot": "ok"}, {"min_rows": 1}]', NULL, NULL, NULL);
SELECT * FROM pg_temp.found('[{"snapshot": "ok"}, {"min_rows": 1}]', NULL, NULL, NULL, E'relation "x"\ndoes not exist');
SELECT status, length(summary) FROM pg_temp.found('[{"snapshot": "ok", "severity": "WARN"}]', '[]', NULL, '1 h', repeat('x', 5000));
-- Values of rows cannot swell a message or forge a line.
SELECT * FROM pg_temp.found('[{"range": [0, 1], "on_field": "s"}]', jsonb_build_array(jsonb_build_object('id', E'a\nb', 's', repeat('y', 1000))));
-- What is no snapshot, and what are no checks.
SELECT e.* FROM pg_temp.error_of($$SELECT evaluate_checks('[{"range": [0, 1], "on_field": "s"}]', '[5]', NULL, NULL, NULL)$$) e;
SELECT e.* FROM pg_temp.error_of($$SELECT evaluate_checks('[{"min_rows": 1}]', '"x"', NULL, NULL, NULL)$$) e;
SELECT e.state, e.detail FROM pg_temp.error_of($$SELECT evaluate_checks('[{"min_rows": "x"}]', '[]', NULL, NULL, NULL)$$) e;
SELECT evaluate_checks(NULL, '[]', NULL, NULL, NULL) IS NULL AS nothing;
DELETE FROM dashboards;
