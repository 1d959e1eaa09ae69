-- What the engine says of the oracle's cases. Everything is temporary.

SET client_min_messages = warning;

CREATE TEMP TABLE oracle_cases (
  number integer,      -- with the seed, what the case is made from
  before jsonb,
  after jsonb,
  top_n integer,
  before_problem text, -- why it is no snapshot
  after_problem text,
  diff jsonb,          -- what dashboard_diff() must return
  rules jsonb          -- [{"threshold", "met"}, {"threshold", "too_large"}, ...]
);

-- How a statement fails: "SQLSTATE message: DETAIL".
CREATE FUNCTION pg_temp.failure_of(statement text, a jsonb, b jsonb, n integer)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  state text;
  message text;
  detail text;
BEGIN
  EXECUTE statement USING a, b, n;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
                          detail = PG_EXCEPTION_DETAIL;
  RETURN format('%s %s: %s', state, message, detail);
END
$$;

-- What is wrong with a case that must be refused, or null.
CREATE FUNCTION pg_temp.wrong_refusal(c oracle_cases) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  expected text;
  actual text;
  content jsonb;
  problem text;
BEGIN
  FOR content, problem IN VALUES (c.before, c.before_problem), (c.after, c.after_problem) LOOP
    expected := coalesce('22023 invalid dashboard snapshot: ' || problem, 'no error');
    actual := pg_temp.failure_of('SELECT validate_snapshot($1)', content, NULL, NULL);
    IF actual <> expected THEN
      RETURN format(E'validate_snapshot(%s)\nexpected: %s\nactual:   %s',
                    content, expected, actual);
    END IF;
  END LOOP;
  -- Where both are wrong, either may be told.
  actual := pg_temp.failure_of('SELECT dashboard_diff($1, $2, $3)', c.before, c.after, c.top_n);
  expected := format('22023 invalid dashboard snapshot in argument "before": %s', c.before_problem);
  IF c.before_problem IS NOT NULL AND actual = expected THEN
    RETURN NULL;
  END IF;
  IF c.after_problem IS NOT NULL THEN
    expected := format('22023 invalid dashboard snapshot in argument "after": %s', c.after_problem);
  END IF;
  IF actual <> expected THEN
    RETURN format(E'dashboard_diff()\nexpected: %s\nactual:   %s', expected, actual);
  END IF;
  RETURN NULL;
END
$$;

-- What is wrong with the judgement of a rule, or null.
CREATE FUNCTION pg_temp.wrong_judgement(diff jsonb, top_n integer, rule jsonb)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  threshold jsonb := rule -> 'threshold';
  expected text;
  actual text;
  name text;
BEGIN
  IF NOT validate_threshold(threshold) THEN
    RETURN format('validate_threshold(%L)', threshold);
  END IF;
  IF rule ? 'too_large' THEN
    expected := format('22023 %%: looks at the top %s, the diff holds the top %s.',
                       CASE rule ->> 'too_large' WHEN '0' THEN '%' ELSE rule ->> 'too_large' END,
                       top_n);
    FOREACH name IN ARRAY '{meets_threshold,explain_threshold}'::text[] LOOP
      actual := pg_temp.failure_of(format('SELECT %I($1, $2)', name), diff, threshold, NULL);
      IF actual NOT LIKE expected THEN
        RETURN format(E'%s(%L)\nexpected: %s\nactual:   %s', name, threshold, expected, actual);
      END IF;
    END LOOP;
    RETURN NULL;
  END IF;
  expected := rule -> 'met';
  actual := coalesce(meets_threshold(diff, threshold)::text, 'null');
  IF actual <> expected THEN
    RETURN format(E'meets_threshold(%L)\nexpected: %s\nactual:   %s', threshold, expected, actual);
  END IF;
  actual := explain_threshold(diff, threshold) -> 'result';
  IF actual IS DISTINCT FROM expected THEN
    RETURN format(E'explain_threshold(%L)\nexpected: %s\nactual:   %s',
                  threshold, expected, actual);
  END IF;
  RETURN NULL;
END
$$;

-- What is wrong with a case, or null.
CREATE FUNCTION pg_temp.wrong_case(c oracle_cases) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  actual jsonb;
  rule jsonb;
  wrong text;
BEGIN
  IF c.before_problem IS NOT NULL OR c.after_problem IS NOT NULL THEN
    RETURN pg_temp.wrong_refusal(c);
  END IF;
  actual := dashboard_diff(c.before, c.after, c.top_n);
  -- The text too: 1.1 and 1.10 are equal, but not the same.
  IF actual <> c.diff OR actual::text <> c.diff::text THEN
    RETURN format(E'dashboard_diff()\nexpected: %s\nactual:   %s', c.diff, actual);
  END IF;
  IF NOT (validate_snapshot(c.before) AND validate_snapshot(c.after)) THEN
    RETURN 'validate_snapshot()';
  END IF;
  FOR i IN 0 .. jsonb_array_length(c.rules) - 1 LOOP
    wrong := pg_temp.wrong_judgement(actual, c.top_n, c.rules -> i);
    IF wrong IS NOT NULL THEN
      RETURN format(E'%s\ndiff:     %s', wrong, actual);
    END IF;
  END LOOP;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s %s', SQLSTATE, SQLERRM);
END
$$;

CREATE FUNCTION pg_temp.is_operator(key text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT key NOT IN ('top_n', 'source', 'direction', 'on_field', 'min_abs', 'min_rows', 'ids', 'to',
                     'on_metric')
$$;
