-- The whole result at its largest: every row has another score, every second one another status,
-- and the order is another one. The peer makes the same jsonb, which is checked.
\ir ../set_based_diff.sql
INSERT INTO measure (name, what, against, bound, must) VALUES
  ('shuffled', '10,000 rows shuffled, every one changed, the whole result built',
   'SQL that builds the same result (the same statement)', 'at least', 8);

DO $$
DECLARE
  before jsonb := load('before', 10000);
  after jsonb := load('shuffled', 10000);
  ours jsonb;
  theirs jsonb;
  started timestamptz;
BEGIN
  FOR repetition IN 0..11 LOOP
    started := clock_timestamp();
    FOR i IN 1..10 LOOP ours := dashboard_diff(before, after); END LOOP;
    PERFORM add_sample('shuffled', repetition, 'ours', clock_timestamp() - started, 10);

    started := clock_timestamp();
    theirs := set_based_diff(before, after);
    PERFORM add_sample('shuffled', repetition, 'theirs', clock_timestamp() - started, 1);
  END LOOP;
  ASSERT ours::text = theirs::text AND jsonb_array_length(ours -> 'row_value_deltas') = 10000;
END
$$;
