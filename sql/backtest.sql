-- backtest_threshold(): the alerts of the trigger, without anybody having subscribed.
\set VERBOSITY terse
INSERT INTO dashboards (id) VALUES ('past');
INSERT INTO personas (id) VALUES ('ana');
CREATE VIEW regress_history AS
  SELECT i, '2030-01-01 00:00+00'::timestamptz + i * interval '6 h' AS at,
         jsonb_build_object('primary_rows', rows, 'primary_metric', total, 'materialized_data', jsonb_build_object('orders', 100 + i % 7),
                            -- Now and then the ranking is defined in another way, and a snapshot has no rows at all.
                            'rank_by', CASE WHEN i BETWEEN 70 AND 95 THEN 'w' ELSE 'v' END) AS document
    FROM generate_series(1, 140) i
   CROSS JOIN LATERAL (
     SELECT coalesce(jsonb_agg(jsonb_build_object('id', r, 'v', v, 'w', v % 5, 'status', CASE WHEN v % 11 = 0 THEN 'done' ELSE 'open' END) ORDER BY r), '[]') AS rows, coalesce(sum(v), 0) AS total
       FROM (SELECT r, (r * 37 + i * (r % 4) + i * i / (10 + r)) % 101 + i AS v FROM generate_series(1, 12) r
              WHERE (r + i) % 13 <> 0 AND i % 50 <> 0) rows_of_day) day;
-- Every rule with every baseline and cooldown is subscribed to, and the history goes through the trigger.
CREATE TABLE regress_rules (no integer, threshold jsonb, baseline text, cooldown interval, subscription bigint);
INSERT INTO regress_rules
SELECT row_number() OVER (), t, b, c, NULL
  FROM unnest(ARRAY[
         '{"top_n_reordering": 5}', '{"top_n_reordering": 2, "top_n": 3}', '{"value_delta_pct": 0.5}', '{"value_delta_pct": 0.2, "min_rows": 4, "direction": "up", "on_field": "v"}',
         '{"set_added_min": 2}', '{"set_removed_min": 1}', '{"primary_metric_delta_pct": 0.3}', '{"AND": [{"set_added_min": 1}, {"NOT": {"top_n_reordering": 9}}]}',
         '{"OR": [{"primary_metric_delta_pct": 0.8}, {"value_delta_pct": 4}]}']::jsonb[]) t
 CROSS JOIN unnest(ARRAY['previous', 'last_notified']) b
 CROSS JOIN unnest(ARRAY[NULL, '2 days', '13 hours']::interval[]) c;
UPDATE regress_rules SET subscription = subscribe('past', 'persona', 'ana', threshold, baseline, cooldown);
SET dashboard_diff.dispatch_budget = -1;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content) SELECT 'past', i, at, document FROM regress_history ORDER BY i;
SELECT count(*) AS rules, sum(alerts) AS alerts, min(alerts) AS fewest, max(alerts) AS most
  FROM (SELECT r.no, count(a.id) AS alerts FROM regress_rules r LEFT JOIN dashboard_alerts a ON a.subscription_id = r.subscription GROUP BY r.no) a;
CREATE VIEW regress_live AS
  SELECT r.no, a.snapshot_a, a.snapshot_b, s.captured_at, a.explanation
    FROM regress_rules r JOIN dashboard_alerts a ON a.subscription_id = r.subscription JOIN dashboard_snapshots s ON s.id = a.snapshot_b;
CREATE VIEW regress_replayed AS
  SELECT r.no, b.* FROM regress_rules r CROSS JOIN backtest_threshold('past', r.threshold, r.baseline, cooldown => r.cooldown) b;
SELECT count(*) AS differences FROM ((TABLE regress_live EXCEPT ALL TABLE regress_replayed) UNION ALL (TABLE regress_replayed EXCEPT ALL TABLE regress_live)) d;
-- Since some time: as if the rule had been subscribed with just then.
UPDATE dashboard_subscriptions SET is_active = false;
UPDATE regress_rules SET subscription = subscribe('past', 'persona', 'ana', threshold, baseline, cooldown);
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content) SELECT 'past', i + 1000, at + interval '1 year', document FROM regress_history ORDER BY i;
CREATE OR REPLACE VIEW regress_replayed AS
  SELECT r.no, b.* FROM regress_rules r CROSS JOIN backtest_threshold('past', r.threshold, r.baseline, '2031-01-01 00:00+00', r.cooldown) b;
SELECT count(*) > 500 AS many FROM regress_live;
SELECT count(*) AS differences FROM ((TABLE regress_live EXCEPT ALL TABLE regress_replayed) UNION ALL (TABLE regress_replayed EXCEPT ALL TABLE regress_live)) d;
-- What is found in the order of time does not depend on the order of the ids, nor of the rows.
SELECT snapshot_a, snapshot_b, captured_at, explanation FROM backtest_threshold('past', '{"primary_metric_delta_pct": 0.9}', since => '2031-01-20 00:00+00') ORDER BY snapshot_b;

--
-- A table of one's own
--
CREATE TABLE regress_shots (doc jsonb, at timestamp, dash varchar, no smallint);
INSERT INTO dashboards (id) VALUES ('mine'), ('nowhere');
SELECT * FROM backtest_threshold('mine', '{"set_added_min": 1}');
INSERT INTO regress_shots VALUES ('[]', '2030-01-01', 'mine', 1), ('[{"id": 1}]', '2030-01-02', 'mine', 2), ('[{"id": 1}, {"id": 1}]', '2030-01-03', 'mine', 3),
                                 ('[{"id": 2}]', '2030-01-04', 'mine', 4), (NULL, '2030-01-05', 'mine', 5), ('[{"id": 3}]', '2030-01-06', 'mine', 6), ('[{"id": 4}]', NULL, 'mine', 7);
SELECT watch_snapshots('regress_shots', 'no', 'dash', 'at', 'doc');
-- What is not valid is a new baseline, as for the trigger; what has no document or no time is not there.
SELECT snapshot_a, snapshot_b FROM backtest_threshold('mine', '{"set_added_min": 1}');
SELECT snapshot_a, snapshot_b FROM backtest_threshold('mine', '{"set_added_min": 1}', since => '2030-01-03');
SELECT * FROM backtest_threshold('nowhere', '{"set_added_min": 1}');

--
-- Errors, and rights: the caller's
--
SELECT * FROM backtest_threshold('nosuch', '{"set_added_min": 1}');
SELECT * FROM backtest_threshold('past', '{"set_added_min": 0}');
SELECT * FROM backtest_threshold('past', '{"set_added_min": 1}', 'yesterday');
SELECT * FROM backtest_threshold('past', '{"set_added_min": 1}', cooldown => '-1 s');
SELECT * FROM backtest_threshold(NULL, '{"set_added_min": 1}');
CREATE ROLE regress_reader;
SET ROLE regress_reader;
SELECT * FROM backtest_threshold('past', '{"set_added_min": 1}');
RESET ROLE;
UPDATE dashboards SET owner = 'regress_reader' WHERE id = 'mine';
SET ROLE regress_reader;
SELECT count(*) AS may_not_read_the_table FROM backtest_threshold('mine', '{"set_added_min": 1}');
RESET ROLE;
GRANT SELECT ON regress_shots TO regress_reader;
SET ROLE regress_reader;
SELECT count(*) AS may FROM backtest_threshold('mine', '{"set_added_min": 1}');
RESET ROLE;
DROP TABLE regress_shots;
DELETE FROM dashboards;
DELETE FROM personas;
DROP ROLE regress_reader;
DROP VIEW regress_live, regress_replayed, regress_history;
DROP TABLE regress_rules;
