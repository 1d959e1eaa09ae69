-- subscribe(), unsubscribe(), and what a subscription has to be.
INSERT INTO dashboards (id) VALUES ('sales'), ('stock');
INSERT INTO personas (id) VALUES ('ana');
\set t '{"set_added_min": 1}'

--
-- subscribe()
--

-- Every kind, with the defaults; the id is the subscription's.
SELECT subscribe('sales', kind, target, :'t') IS NOT NULL AS subscribed FROM (VALUES
  ('persona', 'ana'), ('webhook', 'https://example.com/hook'), ('email', 'ana@example.com'), ('slack', '#sales'), ('telegram', '-100123')) v (kind, target);
SELECT dashboard_artifact_id, subscriber_kind, subscriber_id, threshold_json, baseline, cooldown, muted_until, is_active,
       last_notified_snapshot_id, secret_version, owner = current_user AS mine
  FROM dashboard_subscriptions ORDER BY id;
SELECT subscribe('sales', 'slack', '#x', :'t') = max(id) + 1 AS its_id FROM dashboard_subscriptions;
-- By name, with the times that hold alerts back.
SELECT subscribe(dashboard_id => 'stock', subscriber_kind => 'slack', subscriber_id => '#stock', threshold_json => :'t',
                 cooldown => '1 hour', muted_until => '2020-01-01 00:00+00') IS NOT NULL AS subscribed;
SELECT subscriber_id, cooldown, muted_until AT TIME ZONE 'UTC' AS muted_until FROM dashboard_subscriptions WHERE dashboard_artifact_id = 'stock';
-- It knows the latest snapshot at its beginning.
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content) VALUES
  ('stock', 1, '2020-01-01', '[]'), ('stock', 3, '2020-01-03', '[]'), ('stock', 2, '2020-01-02', '[]');
SELECT subscribe('stock', 'slack', '#later', :'t') IS NOT NULL AS subscribed;
SELECT subscriber_id, start_snapshot_id FROM dashboard_subscriptions WHERE dashboard_artifact_id = 'stock' ORDER BY id;

--
-- What is refused leaves nothing behind
--
DELETE FROM dashboard_subscriptions;
CREATE FUNCTION pg_temp.refused(dashboard text, kind text, target text, threshold text DEFAULT '{"set_added_min": 1}')
RETURNS TABLE (state text, message text, detail text, hint text) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM subscribe(dashboard, kind, target, threshold::jsonb);
  RETURN QUERY SELECT '00000', 'no error', '', '';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN NEXT;
END
$$;
\pset format unaligned
\pset footer off
-- Who or what there is not.
SELECT * FROM pg_temp.refused('nosuch', 'slack', '#sales');
SELECT * FROM pg_temp.refused('SALES', 'slack', '#sales');
SELECT * FROM pg_temp.refused('', 'slack', '#sales');
SELECT * FROM pg_temp.refused('sales', 'persona', 'nobody');
SELECT * FROM pg_temp.refused('sales', 'pigeon', 'x');
SELECT * FROM pg_temp.refused('sales', 'Slack', '#sales');
SELECT * FROM pg_temp.refused('sales', '', 'x');
-- Thresholds.
SELECT * FROM pg_temp.refused('sales', 'slack', '#sales', '{"set_aded_min": 1}');
SELECT * FROM pg_temp.refused('sales', 'slack', '#sales', '{"AND": [{"set_added_min": 1}, {"value_delta_pct": -1}]}');
SELECT * FROM pg_temp.refused('sales', 'slack', '#sales', 'null');
-- Webhooks.
SELECT target, r.* FROM (VALUES ('example.com/hook'), ('ftp://example.com'), ('https://'), ('https:///path'), ('https://:443/'), ('javascript:alert(1)'),
  ('https://user:pw@example.com/'), ('https://user@example.com/'), ('https://example.com/a b'), (E'https://example.com/\r\nHost: x'), (' https://example.com'), ('')) v (target),
  pg_temp.refused('sales', 'webhook', target) r;
SELECT message FROM pg_temp.refused('sales', 'webhook', 'https://example.com/' || repeat('x', 1980));
SELECT detail FROM pg_temp.refused('sales', 'webhook', 'https://example.com/' || repeat('x', 1981));
-- Mail, with nothing that could add a header or a second recipient.
SELECT target, r.message, r.detail FROM (VALUES ('ana'), ('@example.com'), ('ana@'), ('ana@b@c'), ('ana @example.com'), (E'ana@example.com\nBcc: x@y'),
  ('Ana <ana@example.com>'), ('')) v (target),
  pg_temp.refused('sales', 'email', target) r;
-- Slack: a channel or an incoming webhook, and nobody by name.
SELECT target, r.message, r.detail, r.hint FROM (VALUES ('#sales'), ('#verkäufe-2'), ('C0123ABC'), ('G01'), ('https://hooks.slack.com/services/T0/B0/x'),
  (''), ('#'), ('# sales'), ('#a#b'), ('#<!channel>'), ('sales'), ('@ana'), ('U0123ABC'), ('c0123'), ('C0123 '), ('http://hooks.slack.com/services/x'),
  ('https://u:p@hooks.slack.com/'), ('https://')) v (target), pg_temp.refused('sales', 'slack', target) r;
-- Telegram: a chat's id, or a public channel by name.
SELECT target, r.message, r.detail, r.hint FROM (VALUES ('123'), ('-1001234567890'), ('@sales_eu'),
  (''), ('-'), ('--1'), ('1.5'), ('12a'), (E'1\n2'), ('1234567890123456789'), ('@'), ('@abc'), ('@a/../sendMessage'), ('sales'), ('https://t.me/sales')) v (target),
  pg_temp.refused('sales', 'telegram', target) r;
-- What must not be left out.
SELECT state, message FROM pg_temp.refused(NULL, 'slack', '#sales');
SELECT state, message FROM pg_temp.refused('sales', NULL, '#sales');
SELECT state, message FROM pg_temp.refused('sales', 'slack', NULL);
SELECT state, message FROM pg_temp.refused('sales', 'slack', '#sales', NULL);
\pset format aligned
\pset footer on
SELECT subscriber_kind, subscriber_id FROM dashboard_subscriptions WHERE length(subscriber_id) < 2000 ORDER BY id;

--
-- Changing one
--
SELECT subscribe('sales', 'webhook', 'https://example.com/hook', :'t') AS id \gset
UPDATE dashboard_subscriptions SET threshold_json = '{"set_added_min": 5}', cooldown = '5 min' WHERE id = :id;
UPDATE dashboard_subscriptions SET subscriber_id = 'https://example.org/hook' WHERE id = :id;
-- Is checked in the same way.
UPDATE dashboard_subscriptions SET threshold_json = '{"set_added_min": 0}' WHERE id = :id;
UPDATE dashboard_subscriptions SET subscriber_id = 'x' WHERE id = :id;
UPDATE dashboard_subscriptions SET subscriber_kind = 'email' WHERE id = :id;
UPDATE dashboard_subscriptions SET dashboard_artifact_id = 'nosuch' WHERE id = :id;
UPDATE dashboard_subscriptions SET subscriber_kind = 'persona', subscriber_id = 'ben' WHERE id = :id;
SELECT subscriber_kind, subscriber_id, threshold_json, cooldown FROM dashboard_subscriptions WHERE id = :id;

--
-- unsubscribe()
--

-- Takes its alerts and deliveries along, not those of others; the thread stays.
DELETE FROM dashboard_subscriptions;
SELECT subscribe('sales', 'webhook', 'https://example.com/a', :'t') AS a \gset
SELECT subscribe('sales', 'webhook', 'https://example.com/b', :'t') AS b \gset
SELECT subscribe('sales', 'persona', 'ana', :'t') AS c \gset
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('sales', 1, '[]'), ('sales', 2, '[{"id": 1}]');
SELECT unsubscribe(:a) AS first, unsubscribe(:a) AS again, unsubscribe(NULL) IS NULL AS nothing, unsubscribe(-1) AS unknown;
SELECT unsubscribe(:c);
SELECT (SELECT array_agg(subscriber_id) FROM dashboard_subscriptions) AS subscriptions,
       (SELECT count(*) FROM dashboard_alerts) AS alerts,
       (SELECT array_agg(target) FROM dashboard_deliveries) AS deliveries,
       (SELECT count(*) FROM artifact_comments) AS comments;

--
-- rotate_webhook_secret()
--
SELECT rotate_webhook_secret(:b), previous_secret_until IS NULL AS before FROM dashboard_subscriptions WHERE id = :b;
SELECT secret_version, previous_secret_until - clock_timestamp() BETWEEN '23:59' AND '24:00' AS a_day FROM dashboard_subscriptions WHERE id = :b;
SELECT rotate_webhook_secret(:b, '1 hour');
SELECT secret_version, previous_secret_until - clock_timestamp() BETWEEN '0:59' AND '1:00' AS an_hour FROM dashboard_subscriptions WHERE id = :b;
SELECT rotate_webhook_secret(-1) IS NULL AS unknown;
SELECT webhook_secret_version(:b) AS in_force, webhook_secret_version(-1) IS NULL AS unknown;

--
-- Changes behind its back
--

-- A persona or dashboard that goes.
SELECT subscribe('stock', 'persona', 'ana', :'t') IS NOT NULL AS subscribed;
DELETE FROM dashboards WHERE id = 'sales';
SELECT dashboard_artifact_id, subscriber_id FROM dashboard_subscriptions ORDER BY id;

-- A persona takes its subscriptions along.
DELETE FROM personas WHERE id = 'ana';
SELECT count(*) FROM dashboard_subscriptions;

\set VERBOSITY terse
-- A cooldown is a length of time, and not one that leaves the calendar.
SELECT subscribe('stock', 'webhook', 'https://example.com/', :'t', cooldown => '-1 s');
SELECT subscribe('stock', 'webhook', 'https://example.com/', :'t', cooldown => '300000 years');
\set VERBOSITY default
-- One address, bare.
SELECT subscribe('stock', 'email', 'ana@example.com,ben@example.com', :'t');
SELECT subscribe('stock', 'email', 'a,b@example.com', :'t');
SELECT subscribe('stock', 'email', '<ana@example.com>', :'t');

DELETE FROM dashboards;
DELETE FROM personas;
