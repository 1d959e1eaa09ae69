-- What the trigger costs a snapshot that alerts nobody, against the same INSERT into the same table
-- with that trigger disabled: constraints, indexes and the other trigger stay. Both compress and
-- store the document as the table is declared to.
\ir ../subscriptions.sql
INSERT INTO measure (name, what, against, figure, bound, must) VALUES
  ('trigger', 'INSERT of a 10,000-row snapshot, 50 distinct thresholds, none met',
   'the same INSERT without the trigger', 'ours / theirs', 'at most', 1.25);

CALL add_dashboard('ranking', 50, false);
VACUUM ANALYZE;

DO $$
DECLARE
  after jsonb := load('after', 10000);
  spent interval;
  alerts bigint;
BEGIN
  FOR repetition IN 0..15 LOOP
    CALL time_insert('ranking', after, true, spent, alerts);
    ASSERT alerts = 0;
    PERFORM add_sample('trigger', repetition, 'ours', spent, 1);
    COMMIT;
    CALL time_insert('ranking', after, false, spent, alerts);
    PERFORM add_sample('trigger', repetition, 'theirs', spent, 1);
    COMMIT;
  END LOOP;
END
$$;
