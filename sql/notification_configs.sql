-- Through what messages leave: settings, sealed credentials, and which subscription takes which.
CREATE ROLE regress_listener;
INSERT INTO dashboards (id) VALUES ('sales');
\set t '{"set_added_min": 1}'
-- The form of what is sealed: a nonce of 12 bytes, a byte, a tag of 16.
\set sealed 'sealed:v1:' `printf '%040d' 0`

INSERT INTO notification_configs (id, type, name, settings, credentials) VALUES
  (1, 'SMTP', 'relay', '{"host": "mail.example.com", "from": "alerts@example.com"}', :'sealed'),
  (2, 'SMTP', 'own relay', '{"host": "192.0.2.1", "port": 25, "security": "none", "from": "a@b", "from_name": "Zahlen, täglich", "username": "a@b", "unsubscribe": "mailto:stop@example.com?subject=stop"}', NULL),
  (3, 'SLACK', 'workspace', '{}', :'sealed'),
  (4, 'TELEGRAM', 'bot', '{"api_url": "https://bot.example.com:8081/api"}', :'sealed'),
  (5, 'SLACK', 'off', DEFAULT, NULL);
UPDATE notification_configs SET is_active = false WHERE id = 5;

--
-- What is refused
--
\set VERBOSITY terse
INSERT INTO notification_configs (id, type, name) VALUES (9, 'PIGEON', 'x');
INSERT INTO notification_configs (id, type, name) VALUES (9, 'slack', 'x');
INSERT INTO notification_configs (id, type, name) VALUES (9, 'SLACK', 'workspace');
INSERT INTO notification_configs (id, type, name) VALUES (9, 'SLACK', '');
-- Whatever is not sealed, for what it is.
UPDATE notification_configs SET credentials = 'xoxb-secret' WHERE id = 3;
UPDATE notification_configs SET credentials = 'sealed:v1:' WHERE id = 3;
UPDATE notification_configs SET credentials = 'sealed:v1:xoxb-1234-5678-abcdefghijklmnopqrstuvwxyz' WHERE id = 3;
UPDATE notification_configs SET credentials = 'sealed:v2:' || repeat('A', 40) WHERE id = 3;
UPDATE notification_configs SET credentials = 'sealed:v1:' || repeat('A', 39) WHERE id = 3;
UPDATE notification_configs SET credentials = 'sealed:v1:' || repeat('A', 40) || E'\n' WHERE id = 3;
UPDATE notification_configs SET credentials = '' WHERE id = 3;
\set VERBOSITY default
CREATE FUNCTION pg_temp.refused(kind text, config text)
RETURNS TABLE (state text, message text, detail text, hint text) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM validate_notification_settings(kind, config::jsonb);
  RETURN QUERY SELECT '00000', 'no error', '', '';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN NEXT;
END
$$;
\pset format unaligned
\pset footer off
-- All of the settings have to be right, and nothing else may be there.
SELECT config, r.* FROM (VALUES ('[]'), ('null'), ('{}'), ('{"host": "h"}'), ('{"from": "a@b"}'), ('{"hots": "h"}'), ('{"password": "x"}'), ('{"api_url": "https://x"}'))
  v (config), pg_temp.refused('SMTP', config) r;
SELECT config, r.detail, r.hint FROM (VALUES
  ('"host": ""'), ('"host": 1'), ('"host": "smtp://h"'), ('"host": "h\r\nQUIT"'), ('"host": "u@h"'), ('"host": "h h"'),
  ('"port": "25"'), ('"port": 0'), ('"port": 65536'), ('"port": 25.5'), ('"port": null'), ('"port": 1e1000'), ('"port": 65535'),
  ('"security": "ssl"'), ('"security": ""'), ('"security": "tls"'),
  ('"from": "Ana <a@b>"'), ('"from": "a@b,c@d"'), ('"from": "a"'), ('"from": "@b"'), ('"from": "a@"'), ('"from": "a@b@c"'), ('"from": "a@b\nBcc: c@d"'), ('"from": ["a@b"]'),
  ('"from_name": "A\r\nBcc: c@d"'), ('"from_name": "Ana B, täglich"'),
  ('"username": "a b"'), ('"username": false'),
  ('"unsubscribe": "http://x"'), ('"unsubscribe": "https://x>, <https://y"'), ('"unsubscribe": "https://x/stop?a=b"')) v (config),
  pg_temp.refused('SMTP', ('{"host": "h", "from": "a@b"}'::jsonb || ('{' || config || '}')::jsonb)::text) r;
SELECT kind, config, r.detail, r.hint FROM (VALUES ('SLACK', '{"api_url": "https://slack.example.com/api"}'), ('SLACK', '{"api_url": "slack.com"}'), ('SLACK', '{"api_url": "https://u:p@x"}'),
  ('TELEGRAM', '{"api_url": "https://x/?y"}'), ('TELEGRAM', '{"api_url": 1}'), ('TELEGRAM', '{"token": "1"}'), ('SLACK', '{"channel": "#x"}'), ('SLACK', '"x"')) v (kind, config),
  pg_temp.refused(kind, config) r;
SELECT r.detail FROM pg_temp.refused('SMTP', '{"from": "a@b", "host": "' || repeat('h', 501) || '"}') r;
\pset format aligned
\pset footer on

--
-- Which subscription takes which
--
SELECT subscribe('sales', 'email', 'ana@example.com', :'t', notification_config_id => 2) AS mail,
       subscribe('sales', 'slack', '#sales', :'t', notification_config_id => 5) AS slack,
       subscribe('sales', 'telegram', '-100', :'t', notification_config_id => 4) AS telegram,
       subscribe('sales', 'email', 'ben@example.com', :'t') AS usual \gset
SELECT subscriber_kind, notification_config_id, notification_config_type FROM dashboard_subscriptions ORDER BY id;
-- One that there is, of the type that fits, for a kind that takes one.
SELECT subscribe('sales', 'email', 'x@example.com', :'t', notification_config_id => 99);
SELECT subscribe('sales', 'email', 'x@example.com', :'t', notification_config_id => 3);
SELECT subscribe('sales', 'slack', '#x', :'t', notification_config_id => 1);
SELECT subscribe('sales', 'telegram', '1', :'t', notification_config_id => 3);
SELECT subscribe('sales', 'webhook', 'https://example.com/', :'t', notification_config_id => 1);
\set VERBOSITY terse
UPDATE dashboard_subscriptions SET notification_config_id = 3 WHERE id = :mail;
UPDATE dashboard_subscriptions SET subscriber_kind = 'slack', subscriber_id = '#x' WHERE id = :mail;
UPDATE dashboard_subscriptions SET subscriber_kind = 'webhook', subscriber_id = 'https://example.com/' WHERE id = :mail;
-- Which stays so while it is taken.
UPDATE notification_configs SET type = 'TELEGRAM', settings = '{}' WHERE id = 2;
DELETE FROM notification_configs WHERE id = 2;
\set VERBOSITY default
UPDATE dashboard_subscriptions SET notification_config_id = 1 WHERE id = :mail;
UPDATE dashboard_subscriptions SET notification_config_id = NULL WHERE id = :slack;
DELETE FROM notification_configs WHERE id = 2;

--
-- Who sees and does what
--
GRANT EXECUTE ON FUNCTION delivery_providers() TO regress_listener;
SET ROLE regress_listener;
SELECT id, type, name, settings, length(credentials) FROM delivery_providers();
-- Others see which there are, and no more.
SELECT id, type, name, is_active FROM notification_configs ORDER BY id;
SELECT credentials FROM notification_configs;
SELECT settings FROM notification_configs;
INSERT INTO notification_configs (type, name) VALUES ('SLACK', 'x');
UPDATE notification_configs SET is_active = true;
DELETE FROM notification_configs;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION delivery_providers() FROM regress_listener;
SET ROLE regress_listener;
SELECT * FROM delivery_providers();
RESET ROLE;

--
-- Whose a config is, and who sends through it
--
CREATE ROLE regress_relay;
CREATE ROLE regress_ana;
CREATE ROLE regress_ben;
CREATE ROLE regress_team ROLE regress_ana;
DELETE FROM dashboards;
GRANT INSERT, UPDATE, DELETE ON dashboards, dashboard_subscriptions TO regress_ana, regress_ben;
GRANT ALL ON notification_configs TO regress_relay, regress_ben;
GRANT UPDATE (status, attempts, next_attempt_at, parked, finished_at), INSERT ON dashboard_deliveries TO regress_ana, regress_ben;
INSERT INTO dashboards (id, owner) VALUES ('of_ana', 'regress_ana'), ('of_ben', 'regress_ben');
SELECT setval('notification_configs_id_seq', 100);
SET ROLE regress_relay;
INSERT INTO notification_configs (id, type, name, allowed_roles, created_at) VALUES (3, 'SLACK', 'team relay', '{regress_team}', 'infinity') RETURNING id > 5 AS own_id, owner, isfinite(created_at) AS created;
SELECT id AS relay FROM notification_configs WHERE name = 'team relay' \gset
\set VERBOSITY terse
UPDATE notification_configs SET allowed_roles = '{regress_team}' WHERE id = :relay;
INSERT INTO notification_configs (type, name, owner) VALUES ('SLACK', 'x', 'regress_ben');
INSERT INTO notification_configs (type, name, allowed_roles) VALUES ('SLACK', 'x', '{NULL}');
UPDATE notification_configs SET owner = 'regress_ben';
UPDATE notification_configs SET id = 1;
UPDATE notification_configs SET created_at = now();
\set VERBOSITY default
SELECT name, settings, allowed_roles FROM notification_configs;
SET ROLE regress_ana;
SELECT name, owner, allowed_roles FROM notification_configs;
SELECT settings FROM notification_configs;
SELECT subscribe('of_ana', 'slack', '#a', :'t', notification_config_id => :relay) IS NOT NULL AS named, subscribe('of_ana', 'slack', '#b', :'t') IS NOT NULL AS unnamed;
SELECT subscribe('of_ana', 'slack', '#x', :'t', notification_config_id => 3);
SELECT count(send_test(id)) AS tests FROM dashboard_subscriptions;
-- Nobody of the team.
SET ROLE regress_ben;
SELECT name FROM notification_configs;
SELECT subscribe('of_ben', 'slack', '#x', :'t', notification_config_id => :relay);
SELECT subscribe('of_ben', 'slack', '#c', :'t') IS NOT NULL AS unnamed;
UPDATE dashboard_subscriptions SET notification_config_id = :relay;
WITH d AS (DELETE FROM notification_configs RETURNING 1) SELECT count(*) AS deleted FROM d;
SELECT count(send_test(id)) AS tests FROM dashboard_subscriptions;
RESET ROLE;
\set VERBOSITY terse
UPDATE dashboard_subscriptions SET notification_config_id = :relay WHERE subscriber_id = '#c';
\set VERBOSITY default
SELECT target, notification_config_id = :relay AS by_the_relay FROM claim_deliveries('w', '{slack}', 10) ORDER BY 1;
-- Looked at anew each time: taken away, given to all.
SET ROLE regress_relay;
UPDATE notification_configs SET allowed_roles = '{}';
RESET ROLE;
SELECT release_deliveries('w') > 0 AS released;
SELECT target, notification_config_id FROM claim_deliveries('w', '{slack}', 10) ORDER BY 1;
UPDATE notification_configs SET allowed_roles = '{public}' WHERE id = :relay;
SELECT release_deliveries('w') > 0 AS released;
SELECT target, notification_config_id = :relay AS by_the_relay FROM claim_deliveries('w', '{slack}', 10) ORDER BY 1;
-- One that is not active is no default.
UPDATE notification_configs SET is_active = false WHERE id = :relay;
SELECT release_deliveries('w') > 0 AS released;
SELECT target, notification_config_id = :relay AS by_the_relay FROM claim_deliveries('w', '{slack}', 10) ORDER BY 1;
SELECT may_use_config(:relay, 'regress_ben') AS ben, may_use_config(3, 'regress_ben') AS not_ben, may_use_config(3, current_user) AS super, may_use_config(0, current_user) AS none, may_use_config(3, 'regress_nobody') AS nobody;

DELETE FROM dashboards;
DELETE FROM notification_configs;
DELETE FROM dashboard_listeners;
REVOKE ALL ON dashboards, dashboard_subscriptions, notification_configs, dashboard_deliveries FROM regress_ana, regress_ben, regress_relay;
DROP ROLE regress_ana, regress_ben, regress_relay, regress_team;
DROP ROLE regress_listener;
