-- The peer in SQL: the result of dashboard_diff() for rows that rank by their place, made by one
-- statement of sets. The fastest of the variants that were tried: a hash full join by the id as
-- text; rows compared as a whole, by their bytes, before any field is looked at (rows of different
-- bytes may still be equal, which the comparison of the fields finds); jsonb_each() only for pairs
-- of rows that differ. Slower were: rows compared by "=", ids compared as jsonb, merge joins,
-- joins by the whole row or its text, EXCEPT, and columns by jsonb_to_recordset().
CREATE FUNCTION set_based_diff(before jsonb, after jsonb, top_n integer DEFAULT 10) RETURNS jsonb
LANGUAGE sql STABLE AS $$
WITH pair AS MATERIALIZED (
  SELECT coalesce(b.value, a.value) -> 'id' AS id,
         a.value AS old, a.place AS "from", b.value AS new, b.place AS "to"
    FROM (SELECT value, ordinality AS place, value ->> 'id' AS id
            FROM jsonb_array_elements(before -> 'primary_rows') WITH ORDINALITY) a
    FULL JOIN (SELECT value, ordinality AS place, value ->> 'id' AS id
                 FROM jsonb_array_elements(after -> 'primary_rows') WITH ORDINALITY) b USING (id)
   WHERE ROW(a.value)::record *<> ROW(b.value)::record OR a.place <= top_n OR b.place <= top_n
), change AS MATERIALIZED (
  SELECT p.id, p."to", n.key AS field, p.old -> n.key AS old, n.value AS new
    FROM pair p, jsonb_each(p.new) n
   WHERE p.old IS NOT NULL AND n.value IS DISTINCT FROM p.old -> n.key
   UNION ALL
  SELECT p.id, p."to", o.key, o.value, NULL
    FROM pair p, jsonb_each(p.old) o
   WHERE NOT p.new ? o.key
), number AS (
  SELECT id, "to", field, old::numeric AS old, new::numeric AS new
    FROM change
   WHERE jsonb_typeof(old) = 'number' AND jsonb_typeof(new) = 'number'
)
SELECT jsonb_build_object(
  'top_n', top_n,
  'top_n_changes', (
    SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'from', "from", 'to', "to")
                              ORDER BY "to", "from"), '[]')
      FROM pair
     WHERE ("from" <= top_n OR "to" <= top_n) AND "from" IS DISTINCT FROM "to"),
  'top_n_unchanged', (
    SELECT coalesce(jsonb_agg("to" ORDER BY "to"), '[]')
      FROM pair
     WHERE "to" <= top_n AND "from" = "to"),
  'row_value_deltas', (
    SELECT coalesce(jsonb_agg(
             jsonb_build_object(
               'id', id, 'field', field, 'old', old, 'new', new, 'delta', new - old, 'delta_pct',
               CASE WHEN old <> 0 THEN trim_scale(round((new - old) / abs(old), 6)) END)
             ORDER BY "to", field COLLATE "C"), '[]')
      FROM number),
  'row_changes', (
    SELECT coalesce(jsonb_agg(
             CASE WHEN new IS NULL THEN jsonb_build_object('id', id, 'field', field, 'old', old)
                  WHEN old IS NULL THEN jsonb_build_object('id', id, 'field', field, 'new', new)
                  ELSE jsonb_build_object('id', id, 'field', field, 'old', old, 'new', new)
             END ORDER BY "to", field COLLATE "C"), '[]')
      FROM change
     WHERE (jsonb_typeof(old) = 'number' AND jsonb_typeof(new) = 'number') IS NOT TRUE),
  'id_set_added', (
    SELECT coalesce(jsonb_agg(id ORDER BY "to"), '[]') FROM pair WHERE "from" IS NULL),
  'id_set_removed', (
    SELECT coalesce(jsonb_agg(id ORDER BY "from"), '[]') FROM pair WHERE "to" IS NULL),
  'primary_metric', NULL,
  'primary_metric_delta_pct', NULL,
  'metric_deltas', '[]'::jsonb,
  'sources', '{}'::jsonb)
$$;
