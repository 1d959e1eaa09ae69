-- The cost of an INSERT follows the distinct thresholds, not the subscriptions: two dashboards of
-- the same fifty thresholds, none met.
\ir ../subscriptions.sql
INSERT INTO measure (name, what, against, figure, bound, must) VALUES
  ('subscriptions', 'the same INSERT, 1,000,000 subscriptions of 50 distinct thresholds',
   'the same INSERT, 50 subscriptions', 'ours / theirs', 'at most', 1.5);

CALL add_dashboard('few', 50, false);
CALL add_dashboard('many', 1000000, false);
VACUUM ANALYZE;

DO $$
DECLARE
  after jsonb := load('after', 10000);
  spent interval;
  alerts bigint;
BEGIN
  FOR repetition IN 0..15 LOOP
    CALL time_insert('many', after, true, spent, alerts);
    ASSERT alerts = 0;
    PERFORM add_sample('subscriptions', repetition, 'ours', spent, 1);
    COMMIT;
    CALL time_insert('few', after, true, spent, alerts);
    ASSERT alerts = 0;
    PERFORM add_sample('subscriptions', repetition, 'theirs', spent, 1);
    COMMIT;
  END LOOP;
END
$$;
