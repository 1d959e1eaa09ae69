-- Rules that nobody has subscribed with, tried on the 145 years that are there now.
\set tops '{"top_n_moved": 3}'

-- How the girls' top 10 shook, had somebody asked for three names out of order.
SELECT count(*) AS alerts, min(captured_at)::date AS first, max(captured_at)::date AS last
  FROM backtest_threshold('girls', :'tops');

-- The limit that would have sent about one message in ten years, and when.
SELECT suggest_threshold('girls', :'tops', 1 / (10 * 52.18)) AS rule \gset
SELECT :'rule' AS rule, string_agg(extract(year FROM captured_at)::text, ', ') AS years
  FROM backtest_threshold('girls', :'rule');
