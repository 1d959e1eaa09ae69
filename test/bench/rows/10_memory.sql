-- The peak memory of the backend, as the kernel counts it, above what it held when warm, less the
-- documents it holds. Writing 5 to clear_refs resets the peak. What loading the documents has left
-- free in the allocator would count as used: a third value of their size takes it.
INSERT INTO measure (name, what, against, figure, bound, must, figure_unit) VALUES
  ('memory', 'peak memory of the backend, 100,000 rows, 1 % changed',
   'the memory with the two detoasted documents', 'ours', 'at most', 96, ' bytes a row');

-- Of the calling backend, in bytes: all that it holds, or its peak, less what it shares.
CREATE FUNCTION memory(field text) RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT 1024 * sum(CASE m[1] WHEN $1 THEN m[2]::bigint ELSE -m[2]::bigint END)::bigint
    FROM regexp_matches(pg_read_file('/proc/self/status'), '(\w+):\s*(\d+) kB', 'g') m
   WHERE m[1] IN ($1, 'RssShmem', 'RssFile')
$$;

CREATE PROCEDURE measure_memory(repetition integer) LANGUAGE plpgsql AS $$
DECLARE
  diff jsonb := dashboard_diff(load('before', 10), load('after', 10));
  warm bigint := memory('VmRSS');
  before jsonb;
  after jsonb;
  filler jsonb;
  held bigint;
BEGIN
  SELECT content INTO before FROM document WHERE name = 'before' AND n = 100000;
  SELECT content INTO after FROM document WHERE name = 'after' AND n = 100000;
  filler := before;
  held := pg_column_size(before) + pg_column_size(after) + pg_column_size(filler);
  ASSERT memory('VmRSS') - warm >= held;
  COPY (SELECT 5) TO '/proc/self/clear_refs';
  diff := dashboard_diff(before, after);
  PERFORM add_sample('memory', repetition, 'ours', (memory('VmHWM') - warm - held) / 100000.0);
  ASSERT jsonb_array_length(diff -> 'row_value_deltas') = 1000;
END
$$;

-- Each in a backend of its own.
CALL measure_memory(1);
\connect
CALL measure_memory(2);
\connect
CALL measure_memory(3);
