-- The documents that are compared: rows of an id and 8 fields, about 170 bytes of text each.
-- Everything follows from the row's number, so that every run compares the same.

CREATE FUNCTION bench_row(i bigint, score_step numeric, status_step integer) RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN jsonb_build_object(
  'id', 'ent-' || i,
  'name', 'Item ' || i,
  'status', (ARRAY['open', 'waiting', 'review', 'done'])[1 + (i + status_step) % 4],
  'region', (ARRAY['north', 'south', 'east', 'west', 'abroad'])[1 + i % 5],
  'score', round((i * 7919 % 1000003) / 1000003.0, 4) + score_step,
  'users', i * 31 % 100000,
  'revenue', round(i * 104729 % 100000007 / 100.0, 2),
  'growth', round((i * 6007 % 2000) / 1000.0 - 1, 3),
  'active', i % 3 <> 0);

CREATE FUNCTION bench_before(n bigint) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN (SELECT jsonb_build_object('primary_rows', jsonb_agg(bench_row(i, 0, 0) ORDER BY i))
          FROM generate_series(1, n) i);

-- 1 % of the rows changed: every hundredth has another score and every five-hundredth another
-- status as well; near the top two rows changed places and one gave way to a new one. The other
-- rows keep their places, for jsondiffpatch's sake: between the first and the last difference of
-- order it fills the table of a longest common subsequence, the square of the rows.
CREATE FUNCTION bench_after(n bigint) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN (SELECT jsonb_build_object('primary_rows', jsonb_agg(
                 bench_row(CASE i WHEN 9 THEN n + 1 ELSE i END,
                           CASE i % 100 WHEN 50 THEN 0.0125 ELSE 0 END,
                           CASE i % 500 WHEN 250 THEN 1 ELSE 0 END)
                 ORDER BY CASE i WHEN 3 THEN 5 WHEN 5 THEN 3 ELSE i END))
          FROM generate_series(1, n) i);

-- Every row has another score, every second one another status, and the order is another one.
CREATE FUNCTION bench_shuffled(n bigint) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN (SELECT jsonb_build_object('primary_rows', jsonb_agg(
                 bench_row(i, 0.0125, (i % 2)::integer) ORDER BY hashint8extended(i, 1), i))
          FROM generate_series(1, n) i);

CREATE TABLE document (name text, n bigint, content jsonb, PRIMARY KEY (name, n));
ALTER TABLE document ALTER content SET STORAGE EXTERNAL;
INSERT INTO document
SELECT d.name, n, d.content
  FROM unnest(ARRAY[10, 10000, 100000]) n
 CROSS JOIN LATERAL (VALUES ('before', bench_before(n)), ('after', bench_after(n))) d(name, content)
UNION ALL
SELECT 'shuffled', 10000, bench_shuffled(10000);

-- A document as a flat value of the session's own memory: the concatenation builds a new one, so
-- that nobody has to fetch or to detoast it again.
CREATE FUNCTION load(name text, n bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT content || '{}' FROM document d WHERE d.name = $1 AND d.n = $2
$$;
