-- The peer within the server: the best statement of sets that finds the same changes, planned
-- once, its documents in memory. It is checked to give the very same result.
\ir ../set_based_diff.sql
INSERT INTO measure (name, what, against, bound, must) VALUES
  ('set_based', 'the same',
   'the best set-based SQL (`jsonb_array_elements … WITH ORDINALITY`, hash full join by id, rows compared by their bytes, `jsonb_each` of those that differ)',
   'at least', 50);

DO $$
DECLARE
  before jsonb := load('before', 10000);
  after jsonb := load('after', 10000);
  ours jsonb;
  theirs jsonb;
  started timestamptz;
BEGIN
  FOR repetition IN 0..15 LOOP
    started := clock_timestamp();
    FOR i IN 1..40 LOOP ours := dashboard_diff(before, after); END LOOP;
    PERFORM add_sample('set_based', repetition, 'ours', clock_timestamp() - started, 40);

    started := clock_timestamp();
    FOR i IN 1..5 LOOP theirs := set_based_diff(before, after); END LOOP;
    PERFORM add_sample('set_based', repetition, 'theirs', clock_timestamp() - started, 5);
  END LOOP;
  ASSERT ours::text = theirs::text AND jsonb_array_length(ours -> 'row_value_deltas') = 100;
END
$$;
