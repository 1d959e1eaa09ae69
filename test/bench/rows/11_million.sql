-- The next size up works; too long to be repeated.
DO $$
DECLARE
  before jsonb := bench_before(1000000);
  after jsonb := bench_after(1000000);
  diff jsonb;
  started timestamptz := clock_timestamp();
  spent interval;
BEGIN
  diff := dashboard_diff(before, after);
  spent := clock_timestamp() - started;
  ASSERT jsonb_array_length(diff -> 'row_value_deltas') = 10000;
  INSERT INTO note (content)
  SELECT format('1,000,000 rows (two documents of %s MB), 1 %% changed: %s ms.',
                pg_column_size(before) / 1000000, round(extract(epoch FROM spent) * 1000));
END
$$;
