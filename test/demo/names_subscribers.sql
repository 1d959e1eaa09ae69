-- Everybody follows both dashboards; one rule of every operator, and of their combinations.
SELECT count(subscribe(d.id, 'webhook', format('http://127.0.0.1:%s/%s', :port, r.who), r.rule,
                       r.baseline)) AS webhooks
  FROM dashboards d,
       (VALUES
         -- as many ids as the top 10 has have another rank than the year before
         ('toymaker', '{"top_n_reordering": 10}'::jsonb, 'previous'),
         -- a name given two and a half times as often, and to 3,000 more children
         ('newspaper', '{"value_delta_pct": 1.5, "on_field": "births", "direction": "up",
                         "min_abs": 3000}', 'previous'),
         -- nine of the hundred are new at once, or gone
         ('publisher', '{"set_added_min": 9}', 'previous'),
         ('archive', '{"set_removed_min": 9}', 'previous'),
         -- all hundred together: a fifth more or fewer births
         ('maternity-ward', '{"primary_metric_delta_pct": 0.2}', 'previous'),
         -- one family follows its own names
         ('the-lindas', '{"value_delta_pct": 0.5, "on_field": "births", "ids": ["Linda", "Larry"]}',
          'previous'),
         -- a slow drift: a half less than when they last heard of it, however many years it takes
         ('the-marys', '{"value_delta_pct": 0.5, "on_field": "births", "ids": ["Mary", "John"]}',
          'last_notified'),
         -- the order shakes although the number of births does not
         ('sociologist', '{"AND": [{"top_n_reordering": 8},
                                   {"NOT": {"primary_metric_delta_pct": 0.01}},
                                   {"OR": [{"set_added_min": 6}, {"set_removed_min": 6}]}]}',
          'previous')
       ) AS r(who, rule, baseline);

-- A persona needs no webhook: it reads the dashboard's own thread.
SELECT count(subscribe(d.id, 'persona', 'historian',
                       '{"AND": [{"top_n_reordering": 3, "top_n": 3}, {"set_added_min": 1}]}'))
       AS personas
  FROM dashboards d;

SELECT subscriber_kind AS kind, regexp_replace(subscriber_id, '.*/', '') AS who,
       threshold_json AS rule
  FROM dashboard_subscriptions WHERE dashboard_artifact_id = 'girls' ORDER BY id;
