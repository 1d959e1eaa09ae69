-- The floor: the server's own comparison of two equal documents, which has to look at all of
-- both and finds nothing. Two documents of their own in memory, not one twice.
INSERT INTO measure (name, what, against, bound, must) VALUES
  ('equality', '`dashboard_diff(a, b)`, 10,000 rows, 1 % changed',
   'the server''s `a = b` of two equal documents of that size', 'at least', 10);

DO $$
DECLARE
  before jsonb := load('before', 10000);
  equal jsonb := load('before', 10000);
  after jsonb := load('after', 10000);
  diff jsonb;
  is_equal boolean;
  started timestamptz;
BEGIN
  FOR repetition IN 0..15 LOOP
    started := clock_timestamp();
    FOR i IN 1..40 LOOP diff := dashboard_diff(before, after); END LOOP;
    PERFORM add_sample('equality', repetition, 'ours', clock_timestamp() - started, 40);

    started := clock_timestamp();
    FOR i IN 1..10 LOOP is_equal := before = equal; END LOOP;
    PERFORM add_sample('equality', repetition, 'theirs', clock_timestamp() - started, 10);
  END LOOP;
  ASSERT is_equal;
END
$$;
