-- Snapshots as they lie in a table, compressed with lz4: both statements fetch and detoast the same
-- two documents, and jsonb_typeof() does no more than that.
INSERT INTO measure (name, what, against, figure, bound, must) VALUES
  ('stored', '`dashboard_diff(a, b)` of stored snapshots, 10,000 rows, lz4',
   '`jsonb_typeof` of both, which only detoasts', 'ours / theirs', 'at most', 2.5);

CREATE TABLE stored (name text, content jsonb COMPRESSION lz4);
INSERT INTO stored VALUES ('before', load('before', 10000)), ('after', load('after', 10000));
VACUUM ANALYZE stored;

DO $$
DECLARE
  diff jsonb;
  kinds text;
  started timestamptz;
BEGIN
  ASSERT (SELECT count(*) FROM stored WHERE pg_column_compression(content) = 'lz4') = 2;
  FOR repetition IN 0..15 LOOP
    started := clock_timestamp();
    FOR i IN 1..20 LOOP
      SELECT dashboard_diff(a.content, b.content) INTO diff
        FROM stored a, stored b WHERE a.name = 'before' AND b.name = 'after';
    END LOOP;
    PERFORM add_sample('stored', repetition, 'ours', clock_timestamp() - started, 20);

    started := clock_timestamp();
    FOR i IN 1..20 LOOP
      SELECT jsonb_typeof(a.content) || jsonb_typeof(b.content) INTO kinds
        FROM stored a, stored b WHERE a.name = 'before' AND b.name = 'after';
    END LOOP;
    PERFORM add_sample('stored', repetition, 'theirs', clock_timestamp() - started, 20);
  END LOOP;
END
$$;
