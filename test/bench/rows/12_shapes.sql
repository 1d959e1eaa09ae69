-- Shapes that are harder than the table's: no row lies where it lay, or ranks follow a field.
CREATE PROCEDURE note_time(what text, before jsonb, after jsonb) LANGUAGE plpgsql AS $$
DECLARE
  diff jsonb;
  spent interval[];
  started timestamptz;
BEGIN
  FOR repetition IN 0..100 LOOP
    started := clock_timestamp();
    diff := dashboard_diff(before, after);
    spent[repetition] := clock_timestamp() - started;
  END LOOP;
  ASSERT jsonb_array_length(diff -> 'row_value_deltas') = 100;
  INSERT INTO note (content)
  SELECT format('10,000 rows, 1 %% changed, %s: %s ms.', what,
                round((1000 * extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY s)))
                      ::numeric, 2))
    FROM unnest(spent[1:]) s;
END
$$;

CALL note_time('the first row gone, so that every other one has moved',
               load('before', 10000), load('after', 10000) #- '{primary_rows,0}');
CALL note_time('ranked by a field (`rank_by`)',
               load('before', 10000) || '{"rank_by": "score"}',
               load('after', 10000) || '{"rank_by": "score"}');
