-- Fifty distinct thresholds of several kinds, and the INSERT that is timed.

-- None of them is met by the change of one document to the other, or all of them are.
CREATE FUNCTION fifty_thresholds(are_met boolean) RETURNS SETOF jsonb LANGUAGE sql AS $$
  SELECT threshold::jsonb
    FROM generate_series(1, 10) i
   CROSS JOIN (SELECT CASE WHEN are_met THEN 1 ELSE 1000 END AS k) met
   CROSS JOIN LATERAL (VALUES
     (format('{"value_delta_pct": 0.00%s, "on_field": "score", "min_rows": %s}', i, k)),
     (format('{"top_n_reordering": %s, "top_n": %s}', k, 10 + i)),
     (format('{"OR": [{"set_added_min": %s}, {"set_removed_min": %s}]}', k, 1000 + i)),
     (format('{"AND": [{"set_removed_min": %s}, {"NOT": {"set_added_min": %s}}]}', k, 1000 + i)),
     (format('{"AND": [{"top_n_reordering": %s},
                       {"value_delta_pct": 0.00%s, "on_field": "score", "direction": "up"}]}', k, i))
   ) v(threshold)
$$;

-- Times one INSERT of a snapshot and undoes it. The trigger's statements are planned before, by
-- the same INSERT into a dashboard of ten rows: ALTER TABLE made the server forget them. Documents
-- are values in memory, so that either side pays for compressing and storing them, not for
-- reading them.
CREATE PROCEDURE time_insert(dashboard text, content jsonb, with_trigger boolean,
                             OUT spent interval, OUT alerts bigint)
LANGUAGE plpgsql AS $$
DECLARE
  small jsonb := load('after', 10);
  started timestamptz;
BEGIN
  IF NOT with_trigger THEN
    ALTER TABLE dashboard_snapshots DISABLE TRIGGER dashboard_snapshot_alert;
  END IF;
  FOREACH dashboard IN ARRAY ARRAY['warm-up', dashboard] LOOP
    started := clock_timestamp();
    INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
    VALUES (dashboard, CASE dashboard WHEN 'warm-up' THEN small ELSE content END);
    spent := clock_timestamp() - started;
  END LOOP;
  SELECT count(*) INTO alerts
    FROM dashboard_alerts a WHERE a.dashboard_artifact_id = dashboard;
  ROLLBACK;
END
$$;

INSERT INTO dashboards (id) VALUES ('warm-up');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
VALUES ('warm-up', load('before', 10));
INSERT INTO dashboard_subscriptions (dashboard_artifact_id, subscriber_kind, subscriber_id,
                                     threshold_json)
VALUES ('warm-up', 'webhook', 'https://example.com/', '{"set_added_min": 1}');

-- A dashboard with a snapshot and subscriptions of fifty distinct thresholds.
CREATE PROCEDURE add_dashboard(dashboard text, subscriptions integer, are_met boolean)
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO dashboards (id) VALUES (dashboard);
  INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
  VALUES (dashboard, load('before', 10000));
  INSERT INTO dashboard_subscriptions (dashboard_artifact_id, subscriber_kind, subscriber_id,
                                       threshold_json)
  SELECT dashboard, 'webhook', 'https://example.com/hook/' || i,
         (ARRAY(SELECT fifty_thresholds(are_met)))[1 + i % 50]
    FROM generate_series(1, subscriptions) i;
END
$$;
