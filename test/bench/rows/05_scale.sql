-- Ten times the rows, which no longer fit into the processor's caches.
INSERT INTO measure (name, what, against, figure, bound, must) VALUES
  ('scale', '`dashboard_diff(a, b)`, 100,000 rows, 1 % changed', 'the same of 10,000 rows',
   'ours / theirs', 'at most', 12);

DO $$
DECLARE
  before jsonb := load('before', 10000);
  after jsonb := load('after', 10000);
  large_before jsonb := load('before', 100000);
  large_after jsonb := load('after', 100000);
  diff jsonb;
  started timestamptz;
BEGIN
  FOR repetition IN 0..15 LOOP
    started := clock_timestamp();
    FOR i IN 1..5 LOOP diff := dashboard_diff(large_before, large_after); END LOOP;
    PERFORM add_sample('scale', repetition, 'ours', clock_timestamp() - started, 5);

    started := clock_timestamp();
    FOR i IN 1..40 LOOP diff := dashboard_diff(before, after); END LOOP;
    PERFORM add_sample('scale', repetition, 'theirs', clock_timestamp() - started, 40);
  END LOOP;
END
$$;
