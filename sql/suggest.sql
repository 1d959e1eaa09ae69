-- suggest_threshold(): the limit that history says would send about as many alerts as one wants.
\set VERBOSITY terse
INSERT INTO dashboards (id) VALUES ('league'), ('empty');
-- Half a year of twelve teams whose points swing, each at a pace of its own.
INSERT INTO dashboard_snapshots (dashboard_artifact_id, captured_at, content)
SELECT 'league', '2030-01-01 00:00+00'::timestamptz + day * interval '1 day',
       jsonb_build_object('rank_by', 'points', 'primary_metric', sum(points),
                          'primary_rows', jsonb_agg(jsonb_build_object('id', 'team ' || team, 'points', points, 'form', (day + team) / 9) ORDER BY team))
  FROM generate_series(0, 180) AS day, generate_series(1, 12) AS team,
       LATERAL (SELECT 1000 + 20 * team + (60 + 9 * team) * abs((day * (20 - team)) % 400 - 200) / 100 AS points) p
 GROUP BY day ORDER BY day;
CREATE VIEW regress_rules AS
  SELECT rule, baseline, per_week, cooldown, per_week * 180 / 7 AS wanted
    FROM unnest(ARRAY['{"top_n_reordering": 3}', '{"top_n_moved": 1}', '{"rank_delta": 1, "direction": "up"}', '{"value_delta": 10, "on_field": "points"}',
                      '{"value_delta_pct": 0.5, "min_rows": 3}', '{"primary_metric_delta": 100}', '{"field_changed": "form"}',
                      '{"AND": [{"top_n_reordering": 2}, {"NOT": {"rank_delta": 4}}]}', '{"OR": [{"rank_delta": 2}, {"value_delta": 20}]}']::jsonb[]) rule
   CROSS JOIN unnest(ARRAY['previous', 'last_notified']) baseline
   CROSS JOIN unnest(ARRAY[0.1, 0.5, 2, 5]) per_week
   CROSS JOIN unnest(ARRAY[NULL, '36 hours']::interval[]) cooldown;
CREATE TABLE regress_suggested AS
  SELECT r.*, s.suggested, (SELECT count(*) FROM backtest_threshold('league', s.suggested, r.baseline, cooldown => r.cooldown)) AS alerts
    FROM regress_rules r CROSS JOIN LATERAL (SELECT suggest_threshold('league', r.rule, r.per_week, r.baseline, cooldown => r.cooldown) AS suggested) s;
SELECT baseline, suggested, wanted::numeric(6, 1), alerts FROM regress_suggested WHERE per_week IN (0.5, 2) AND cooldown IS NULL ORDER BY rule, baseline, wanted;
-- It is the same rule but for its limits.
SELECT count(*) AS of_another_shape FROM regress_suggested
 WHERE regexp_replace(rule::text, '\m(\d|\.)+|"min_rows": \d+, ', '', 'g') <> regexp_replace(suggested::text, '\m(\d|\.)+|"min_rows": \d+, ', '', 'g');
-- No limit does clearly better: all those of integers that there can be are tried.
CREATE TABLE regress_tried AS
  SELECT r.rule, r.baseline, r.cooldown, k, count(b) AS alerts
    FROM (SELECT DISTINCT rule, baseline, cooldown FROM regress_suggested WHERE rule ?| ARRAY['top_n_reordering', 'top_n_moved', 'rank_delta', 'value_delta']) r
   CROSS JOIN generate_series(1, 60) k
   CROSS JOIN LATERAL (SELECT jsonb_set(r.rule, ARRAY[(SELECT key FROM jsonb_object_keys(r.rule) key WHERE key ~ 'top_n|delta')], to_jsonb(k)) AS rule) tried
    LEFT JOIN LATERAL backtest_threshold('league', tried.rule, r.baseline, cooldown => r.cooldown) b ON true
   GROUP BY 1, 2, 3, 4;
SELECT s.rule, s.baseline, s.cooldown, s.suggested, s.wanted, s.alerts, t.k AS better, t.alerts AS than
  FROM regress_suggested s JOIN regress_tried t ON (t.rule, t.baseline) = (s.rule, s.baseline) AND t.cooldown IS NOT DISTINCT FROM s.cooldown
 WHERE abs(t.alerts - s.wanted) < abs(s.alerts - s.wanted) - 0.1 * s.wanted AND t.alerts > 0;
-- The history that counts can be cut.
SELECT suggest_threshold('league', '{"top_n_reordering": 1}', 1) AS all_of_it, suggest_threshold('league', '{"top_n_reordering": 1}', 1, since => '2030-05-01') AS the_last_months;

-- What cannot be answered.
SELECT suggest_threshold('league', '{"NOT": {"set_added_min": 1}}', 1);
SELECT suggest_threshold('league', '{"set_added_min": 1}', 0);
SELECT suggest_threshold('league', '{"set_added_min": 1}', 'NaN');
SELECT suggest_threshold('league', '{"set_added_min": 1}', 'Infinity');
SELECT suggest_threshold('league', '{"set_added_min": 1}', 1, 'tomorrow');
SELECT suggest_threshold('league', '{"set_added_min": "1"}', 1);
SELECT suggest_threshold('empty', '{"set_added_min": 1}', 1);
SELECT suggest_threshold('nosuch', '{"set_added_min": 1}', 1);
SELECT suggest_threshold('league', NULL, 1);
-- Nothing ever came or went: any limit is as good as the other.
SELECT suggest_threshold('league', '{"set_added_min": 3}', 1);

DROP VIEW regress_rules;
DROP TABLE regress_suggested, regress_tried;
DELETE FROM dashboards;
