-- Ten thousand webhook subscriptions whose fifty thresholds are all met. The floor inserts the same
-- snapshot with the trigger disabled and copies what the trigger wrote (10,000 rows of
-- dashboard_alerts, 10,000 of dashboard_deliveries, the one of dashboard_diffs, with their ids) from
-- plain tables back into the same ones, emptied: the same indexes, checks and foreign keys. It does
-- not mark the 10,000 subscriptions as told, which the INSERT does too. Everything is undone and
-- vacuumed in between.
\ir ../subscriptions.sql
INSERT INTO measure (name, what, against, figure, bound, must) VALUES
  ('fan_out', 'INSERT of a 10,000-row snapshot that 10,000 webhook subscriptions match',
   'the snapshot without the trigger and plain `INSERT … SELECT` of as many alerts and deliveries, and the diff, into the same tables',
   'ours / theirs', 'at most', 1.5),
  ('budget', 'what the trigger adds to that INSERT under the default dispatch budget',
   'the budget', 'ours / theirs', 'at most', 1);

CALL add_dashboard('ranking', 10000, true);
VACUUM ANALYZE;

-- The trigger writes once, what it wrote is put aside, and all is as before.
BEGIN;
SET LOCAL dashboard_diff.dispatch_budget = -1;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
VALUES ('ranking', load('after', 10000));
CREATE TEMPORARY TABLE written_diffs AS TABLE dashboard_diffs;
CREATE TEMPORARY TABLE written_alerts AS TABLE dashboard_alerts;
CREATE TEMPORARY TABLE written_deliveries AS TABLE dashboard_deliveries;
DELETE FROM dashboard_deliveries;
DELETE FROM dashboard_alerts;
DELETE FROM dashboard_diffs;
DELETE FROM dashboard_snapshots
 WHERE dashboard_artifact_id = 'ranking' AND id = (SELECT max(id) FROM dashboard_snapshots);
COMMIT;

CREATE PROCEDURE time_copy(after jsonb, OUT spent interval) LANGUAGE plpgsql AS $$
DECLARE
  small jsonb := load('after', 10);
  started timestamptz;
BEGIN
  ALTER TABLE dashboard_snapshots DISABLE TRIGGER dashboard_snapshot_alert;
  INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('warm-up', small);
  started := clock_timestamp();
  INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('ranking', after);
  INSERT INTO dashboard_diffs SELECT * FROM written_diffs;
  INSERT INTO dashboard_alerts SELECT * FROM written_alerts;
  INSERT INTO dashboard_deliveries SELECT * FROM written_deliveries;
  spent := clock_timestamp() - started;
  ROLLBACK;
END
$$;

CREATE PROCEDURE measure_insert(name text, repetition integer, budget text) LANGUAGE plpgsql AS $$
DECLARE
  after jsonb := load('after', 10000);
  spent interval;
  alerts bigint;
BEGIN
  PERFORM set_config('dashboard_diff.dispatch_budget', budget, false);
  COMMIT;
  CALL time_insert('ranking', after, true, spent, alerts);
  PERFORM add_sample(name, repetition, 'ours', spent, 1);
  INSERT INTO told SELECT measure_insert.name, alerts;
END
$$;
CREATE TEMPORARY TABLE told (name text, alerts bigint);

CREATE PROCEDURE measure_copy(repetition integer) LANGUAGE plpgsql AS $$
DECLARE
  after jsonb := load('after', 10000);
  spent interval;
BEGIN
  CALL time_copy(after, spent);
  PERFORM add_sample('fan_out', repetition, 'theirs', spent, 1);
END
$$;

-- Under a budget the trigger's own share counts: the INSERT less the same one without the trigger.
CREATE PROCEDURE measure_share(repetition integer) LANGUAGE plpgsql AS $$
DECLARE
  after jsonb := load('after', 10000);
  spent interval;
  alerts bigint;
BEGIN
  CALL time_insert('ranking', after, false, spent, alerts);
  UPDATE sample s SET value = value - extract(epoch FROM spent) * 1000
   WHERE s.name = 'budget' AND s.repetition = measure_share.repetition AND side = 'ours';
  PERFORM add_sample('budget', repetition, 'theirs', 100);
END
$$;

\set vacuum 'VACUUM dashboard_snapshots, dashboard_subscriptions, dashboard_diffs, dashboard_alerts, dashboard_deliveries'
SELECT unnest(ARRAY[
         format('CALL measure_insert(''fan_out'', %s, ''-1'')', repetition), :'vacuum',
         format('CALL measure_copy(%s)', repetition), :'vacuum',
         format('CALL measure_insert(''budget'', %s, ''100'')', repetition), :'vacuum',
         format('CALL measure_share(%s)', repetition), :'vacuum'])
  FROM generate_series(0, 7) repetition
\gexec

DO $$ BEGIN ASSERT (SELECT min(alerts) = 10000 FROM told WHERE name = 'fan_out'); END $$;
INSERT INTO note (content)
SELECT format('Under the default dispatch budget of 100 ms the INSERT wrote %s to %s of the 10,000 alerts itself.',
              min(alerts), max(alerts))
  FROM told WHERE name = 'budget';
