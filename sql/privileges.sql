-- Who sees and does what: the owner of a dashboard, a member of the owning role, a stranger.
CREATE ROLE regress_team;
CREATE ROLE regress_owner;
CREATE ROLE regress_member IN ROLE regress_team;
CREATE ROLE regress_stranger;
GRANT regress_team TO regress_owner;
-- Writing has to be granted; row-level security says to which rows.
GRANT INSERT, UPDATE, DELETE ON dashboards, personas, artifact_comments, dashboard_snapshots, dashboard_subscriptions
   TO regress_owner, regress_member, regress_stranger;
INSERT INTO personas (id, owner) VALUES ('regress_ana', 'regress_stranger'), ('regress_team_bot', 'regress_team');
INSERT INTO dashboards (id) VALUES ('admins');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('admins', '[]');

--
-- Making dashboards
--
SET ROLE regress_owner;
-- A dashboard is one's own, or that of a role that one is a member of.
INSERT INTO dashboards (id) VALUES ('own');
INSERT INTO dashboards (id, owner) VALUES ('team', 'regress_team');
-- Not somebody else's.
INSERT INTO dashboards (id, owner) VALUES ('forged', 'regress_stranger');
INSERT INTO dashboards (id, owner) VALUES ('forged', 'pg_monitor');
INSERT INTO dashboards (id, owner) VALUES ('forged', 'no such role');
UPDATE dashboards SET owner = 'regress_stranger' WHERE id = 'own';
INSERT INTO personas (id, owner) VALUES ('forged', 'regress_stranger');
SELECT id, owner FROM dashboards ORDER BY id;
-- A name that is taken is taken, also by a dashboard that one does not see.
INSERT INTO dashboards (id) VALUES ('admins');

-- Content of the two; a webhook and the team's persona hear of it.
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('own', 1, '[]'), ('team', 1, '[]');
SELECT subscribe('own', 'webhook', 'https://example.com/own', '{"set_added_min": 1}') IS NOT NULL AS own,
       subscribe('team', 'webhook', 'https://example.com/team', '{"set_added_min": 1}') IS NOT NULL AS team,
       subscribe('team', 'persona', 'regress_team_bot', '{"set_added_min": 1}') IS NOT NULL AS bot;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('own', 2, '[{"id": 1}]'), ('team', 2, '[{"id": 1}]');
RESET ROLE;

--
-- Seeing
--
CREATE VIEW regress_seen WITH (security_invoker) AS
  SELECT current_user AS who,
         (SELECT array_agg(id ORDER BY id) FROM dashboards) AS dashboards,
         (SELECT array_agg(DISTINCT dashboard_artifact_id) FROM dashboard_snapshots) AS snapshots,
         (SELECT array_agg(dashboard_artifact_id ORDER BY id) FROM dashboard_subscriptions) AS subscriptions,
         (SELECT array_agg(dashboard_artifact_id ORDER BY id) FROM dashboard_alerts) AS alerts,
         (SELECT array_agg(dashboard_artifact_id ORDER BY dashboard_artifact_id) FROM dashboard_diffs) AS diffs,
         (SELECT array_agg(dashboard_artifact_id ORDER BY id) FROM dashboard_deliveries) AS deliveries,
         (SELECT array_agg(artifact_id ORDER BY id) FROM artifact_comments) AS comments,
         (SELECT array_agg(id ORDER BY id) FROM personas) AS personas;
GRANT SELECT ON regress_seen TO PUBLIC;
\x on
SET ROLE regress_owner;
TABLE regress_seen;
SET ROLE regress_member;
TABLE regress_seen;
SET ROLE regress_stranger;
TABLE regress_seen;
RESET ROLE;
\x off
-- Nor does a leak through a condition or an error tell a stranger anything.
CREATE FUNCTION regress_leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'seen %', $1; RETURN true; END $$;
SET ROLE regress_stranger;
SELECT count(*) FROM dashboards WHERE regress_leak(id);
SELECT count(*) FROM dashboard_snapshots WHERE regress_leak(content::text);
SELECT count(*) FROM dashboard_diffs WHERE regress_leak(diff::text);
SELECT count(*) FROM dashboard_alerts WHERE regress_leak(summary);
RESET ROLE;
DROP FUNCTION regress_leak;

--
-- Subscribing
--

-- The team's members may have its dashboard sent to anybody, but a persona is its owner's to subscribe.
SET ROLE regress_member;
SELECT subscribe('team', 'email', 'member@example.com', '{"set_added_min": 5}') IS NOT NULL AS email;
SELECT subscribe('team', 'persona', 'regress_ana', '{"set_added_min": 5}');
-- Not one of somebody else.
SELECT subscribe('own', 'email', 'member@example.com', '{"set_added_min": 5}');
SELECT subscribe('own', 'persona', 'regress_ana', '{"set_added_min": 5}');
SELECT subscribe('admins', 'webhook', 'https://example.com/x', '{"set_added_min": 5}');
-- A persona's owner may subscribe it, and it alone, to a dashboard that he was let see.
SET ROLE regress_stranger;
SELECT subscribe('team', 'persona', 'regress_ana', '{"set_added_min": 1}');
SELECT allow_viewer('team', 'regress_stranger');
SET ROLE regress_member;
SELECT allow_viewer('team', 'regress_stranger');
SET ROLE regress_stranger;
SELECT subscribe('team', 'persona', 'regress_ana', '{"set_added_min": 1}') AS ana \gset
SELECT subscribe('team', 'persona', 'regress_team_bot', '{"set_added_min": 1}');
SELECT subscribe('team', 'webhook', 'https://example.com/x', '{"set_added_min": 1}');
SELECT subscribe('team', 'slack', '#x', '{"set_added_min": 1}');
-- And cannot make something else of it afterwards, nor of somebody else's.
UPDATE dashboard_subscriptions SET subscriber_kind = 'webhook', subscriber_id = 'https://example.com/x' WHERE id = :ana;
UPDATE dashboard_subscriptions SET subscriber_id = 'regress_team_bot' WHERE id = :ana;
UPDATE dashboard_subscriptions SET owner = 'regress_team' WHERE id = :ana;
UPDATE dashboard_subscriptions SET threshold_json = '{"set_added_min": 2}';
INSERT INTO dashboard_subscriptions (dashboard_artifact_id, subscriber_kind, subscriber_id, threshold_json, owner)
VALUES ('team', 'webhook', 'https://example.com/x', '{"set_added_min": 1}', 'regress_team');
INSERT INTO dashboard_subscriptions (dashboard_artifact_id, subscriber_kind, subscriber_id, threshold_json, owner)
VALUES ('team', 'webhook', 'https://example.com/x', '{"set_added_min": 1}', 'pg_monitor');
RESET ROLE;
-- A superuser may do all of that.
SELECT subscribe('own', 'persona', 'regress_ana', '{"set_added_min": 5}') IS NOT NULL AS persona,
       subscribe('own', 'webhook', 'https://example.com/admin', '{"set_added_min": 5}') IS NOT NULL AS webhook;
SELECT dashboard_artifact_id, subscriber_kind, subscriber_id, threshold_json, CASE WHEN owner = current_user THEN 'me' ELSE owner END AS owner
  FROM dashboard_subscriptions ORDER BY id;

-- The subscriber sees the dashboard, its snapshots and thread, and of alerts and diffs its own.
SET ROLE regress_member;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('team', 3, '[{"id": 1}, {"id": 2}, {"id": 3}]');
\x on
SET ROLE regress_stranger;
TABLE regress_seen;
RESET ROLE;
\x off
-- unsubscribe() reaches one's own.
SELECT id AS bot FROM dashboard_subscriptions WHERE subscriber_id = 'regress_team_bot' \gset
SET ROLE regress_stranger;
SELECT unsubscribe(:bot) AS of_the_team, unsubscribe(:ana) AS own;
RESET ROLE;
-- Who owns the dashboard can end what a persona's owner began, but not bend it.
SET ROLE regress_stranger;
SELECT subscribe('team', 'persona', 'regress_ana', '{"set_added_min": 1}') AS ana \gset
SET ROLE regress_member;
UPDATE dashboard_subscriptions SET threshold_json = '{"set_added_min": 9}' WHERE id = :ana;
SELECT unsubscribe(:ana) AS by_the_team;
RESET ROLE;

--
-- Writing
--
SET ROLE regress_stranger;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('team', '[]');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, captured_at, content) VALUES ('team', now(), '[]');
INSERT INTO artifact_comments (artifact_id, content) VALUES ('team', 'hello');
DELETE FROM dashboards;
DELETE FROM dashboard_snapshots;
SELECT prune_snapshots('0 s');
UPDATE dashboards SET title = 'mine';
UPDATE artifact_comments SET content = 'x';
INSERT INTO dashboard_alerts (dashboard_artifact_id, subscription_id, snapshot_a, snapshot_b, explanation, summary) VALUES ('team', 1, 1, 1, '{}', '');
INSERT INTO dashboard_deliveries (dashboard_artifact_id, alert_id, subscriber_kind, target) VALUES ('team', 1, 'webhook', 'https://example.com');
INSERT INTO dashboard_diffs (dashboard_artifact_id, snapshot_a, snapshot_b, diff) VALUES ('team', 1, 1, '{}');
DELETE FROM dashboard_deliveries;
-- The listener's functions are for the listener.
SELECT * FROM claim_deliveries('x', '{webhook}', 1);
SELECT finish_deliveries('x', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}');
SELECT park_deliveries('x', '{}', '{}', '{}');
SELECT * FROM parked_endpoints('{webhook}', '', '', 1);
SELECT listener_seen('x');
SELECT switch_off_subscriptions('{}', '{}', '{}');
SELECT prune_deliveries('1 day');
SELECT count(*) FROM dashboard_delivery_stats;
SELECT count(*) FROM dashboard_listeners;
SELECT release_deliveries('x');
SELECT next_delivery_due('{webhook}');
SET ROLE regress_owner;
-- Alerts, diffs and deliveries are not even for the owner to write.
INSERT INTO dashboard_diffs (dashboard_artifact_id, snapshot_a, snapshot_b, diff) VALUES ('own', 7, 8, '{}');
UPDATE dashboard_deliveries SET target = 'https://example.com/elsewhere';
UPDATE dashboard_alerts SET summary = '';
INSERT INTO artifact_comments (artifact_id, content) VALUES ('own', 'hello');
SELECT author_id, content FROM artifact_comments WHERE artifact_id = 'own';
RESET ROLE;
SELECT dashboard_artifact_id, count(*) FROM dashboard_snapshots GROUP BY 1 ORDER BY 1;

-- Who may insert but owns nothing cannot alert through a table of its own.
GRANT CREATE ON SCHEMA public TO regress_stranger;
SET ROLE regress_stranger;
CREATE TABLE regress_forged (id bigint, dash text, at timestamptz, doc jsonb);
CREATE TRIGGER t AFTER INSERT ON regress_forged FOR EACH ROW EXECUTE FUNCTION dashboard_snapshot_alert('id', 'dash', 'at', 'doc');
INSERT INTO regress_forged VALUES (1, 'team', now(), '[]');
-- Nor when it names the table like the extension's.
RESET ROLE;
CREATE SCHEMA regress_evil AUTHORIZATION regress_stranger;
SET ROLE regress_stranger;
CREATE TABLE regress_evil.dashboard_snapshots (id bigint, dash text, at timestamptz, doc jsonb);
CREATE TRIGGER t AFTER INSERT ON regress_evil.dashboard_snapshots FOR EACH ROW EXECUTE FUNCTION public.dashboard_snapshot_alert('id', 'dash', 'at', 'doc');
INSERT INTO regress_evil.dashboard_snapshots VALUES (1, 'team', now(), '[]');

--
-- A search_path full of traps: nothing of the caller's runs with the extension owner's rights
--
CREATE FUNCTION regress_evil.trap_text(text, text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION regress_evil.trap_bigint(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION regress_evil.trap_time(timestamptz, timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION regress_evil.trap_concat(text, text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE OPERATOR regress_evil.= (leftarg = text, rightarg = text, function = regress_evil.trap_text);
CREATE OPERATOR regress_evil.<> (leftarg = text, rightarg = text, function = regress_evil.trap_text);
CREATE OPERATOR regress_evil.> (leftarg = text, rightarg = text, function = regress_evil.trap_text);
CREATE OPERATOR regress_evil.|| (leftarg = text, rightarg = text, function = regress_evil.trap_concat);
CREATE OPERATOR regress_evil.= (leftarg = bigint, rightarg = bigint, function = regress_evil.trap_bigint);
CREATE OPERATOR regress_evil.< (leftarg = bigint, rightarg = bigint, function = regress_evil.trap_bigint);
CREATE OPERATOR regress_evil.> (leftarg = timestamptz, rightarg = timestamptz, function = regress_evil.trap_time);
CREATE OPERATOR regress_evil.< (leftarg = timestamptz, rightarg = timestamptz, function = regress_evil.trap_time);
CREATE OPERATOR regress_evil.<= (leftarg = timestamptz, rightarg = timestamptz, function = regress_evil.trap_time);
CREATE FUNCTION regress_evil.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION regress_evil.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION regress_evil.md5(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION regress_evil.unnest(anyarray) RETURNS SETOF anyelement LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION regress_evil.has_owner_rights(name) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION regress_evil.validate_snapshot(jsonb) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE TABLE regress_evil.dashboards (id text, owner name);
CREATE TABLE regress_evil.dashboard_subscriptions (id text);
CREATE TEMP TABLE dashboards (id text, owner name);
CREATE TEMP TABLE dashboard_subscriptions (id text);
GRANT USAGE ON SCHEMA regress_evil TO PUBLIC;
RESET ROLE;
-- The trap works:
SET search_path = regress_evil, pg_catalog, public;
SELECT 'a'::text = 'b'::text;
-- A superuser's session that was led into it subscribes, inserts, prunes and unsubscribes; nothing is trapped.
DELETE FROM public.dashboard_subscriptions WHERE subscriber_id OPERATOR(pg_catalog.=) 'https://example.com/admin';
SELECT public.subscribe('team', 'persona', 'regress_ana', '{"set_added_min": 1}') AS subscribed \gset
INSERT INTO public.dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('team', 4, '[{"id": 7}]'), ('team', 5, '[{"id": 8}]');
INSERT INTO public.dashboard_snapshots (dashboard_artifact_id, id, captured_at, content) VALUES ('team', 6, '2100-01-01', '[{"id": 9}]');
SELECT public.prune_snapshots('0 s') > 0 AS pruned;
SELECT public.rotate_webhook_secret(:subscribed);
SELECT public.unsubscribe(:subscribed);
SELECT count(*) > 0 AS claimed FROM public.claim_deliveries('x', '{webhook}', 10);
SELECT public.finish_deliveries('x', '{own}', '{0}', '{1}', '{gone}', '{NULL}', '{NULL}', '{NULL}', '{1}', '{}');
SELECT public.next_delivery_due('{webhook}') IS NULL AS none_due;
SELECT public.release_deliveries('x') > 0 AS released;
SELECT public.delivery_retry_delay(1);
RESET search_path;
SELECT snapshot_a, snapshot_b, count(*) FROM dashboard_alerts WHERE dashboard_artifact_id = 'team' GROUP BY 1, 2 ORDER BY 2;
-- Nor in the session of somebody whose rights the trigger goes beyond.
SET ROLE regress_member;
SET search_path = regress_evil, pg_temp, pg_catalog, public;
INSERT INTO public.dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('team', 7, '[{"id": 10}]');
RESET search_path;
RESET ROLE;
SELECT count(*) FROM dashboard_alerts WHERE dashboard_artifact_id = 'team' AND snapshot_b = 7;
-- The trapper has set it in vain for itself: row-level security looks at the true tables and functions.
SET ROLE regress_stranger;
SET search_path = regress_evil, pg_temp, pg_catalog, public;
SELECT count(*) FROM public.dashboards;
SELECT count(*) FROM public.dashboard_snapshots;
INSERT INTO public.dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('team', 8, '[{"id": 7}]');
RESET search_path;
RESET ROLE;

-- Events and pending snapshots are seen by whoever sees the dashboard, and written by nobody.
SET dashboard_diff.dispatch_budget = 0;
INSERT INTO public.dashboard_snapshots (dashboard_artifact_id, id, content) VALUES ('team', 9, '{"rank_by": "v", "primary_rows": [{"id": 9}]}');
RESET dashboard_diff.dispatch_budget;
SET ROLE regress_stranger;
SELECT count(*) AS pending FROM dashboard_pending_snapshots;
SELECT dispatch_pending();
RESET ROLE;
SET ROLE regress_member;
SELECT snapshot_id FROM dashboard_pending_snapshots;
DELETE FROM dashboard_pending_snapshots;
INSERT INTO dashboard_events (dashboard_artifact_id, event_type, message) VALUES ('team', 'new_baseline', 'forged');
RESET ROLE;
GRANT EXECUTE ON FUNCTION dispatch_pending TO regress_stranger;
-- Whoever may finish it sees nothing of it, and sets no trap for it.
SET ROLE regress_stranger;
SET search_path = regress_evil, pg_temp, pg_catalog, public;
SELECT public.dispatch_pending();
SELECT count(*) AS events FROM public.dashboard_events;
RESET search_path;
RESET ROLE;
SET ROLE regress_member;
SELECT snapshot_id, message FROM dashboard_events;
SET search_path = regress_evil, pg_temp, pg_catalog, public;
SELECT snapshot_a, snapshot_b FROM public.backtest_threshold('team', '{"set_added_min": 1}') ORDER BY 2 LIMIT 2;
RESET search_path;
RESET ROLE;

-- Membership counts at the moment of asking.
SET ROLE regress_member;
SELECT count(*) FROM public.dashboards;
RESET ROLE;
REVOKE regress_team FROM regress_member;
SET ROLE regress_member;
SELECT count(*) FROM public.dashboards;
RESET ROLE;
SELECT has_owner_rights(current_user) AS self, has_owner_rights('regress_team') AS as_superuser, has_owner_rights('no such role') AS nobody;
SET ROLE regress_owner;
SELECT has_owner_rights('regress_owner') AS self, has_owner_rights('regress_team') AS member, has_owner_rights('regress_stranger') AS other, has_owner_rights(NULL) IS NULL AS unknown;
RESET ROLE;

\set VERBOSITY terse
SET client_min_messages = error;
DROP SCHEMA regress_evil CASCADE;
DROP VIEW regress_seen;
DROP TABLE regress_forged;
DELETE FROM public.dashboards;
DELETE FROM personas;
DROP OWNED BY regress_stranger, regress_member, regress_owner, regress_team;
DROP ROLE regress_stranger, regress_member, regress_owner, regress_team;

-- Nobody without rights holds up what takes turns: its locks are not those that everybody may take.
BEGIN;
SELECT count(*) AS claimed FROM claim_deliveries('regress', '{}', 1);
SELECT plan_validations(now());
SELECT count(*) AS locks, bool_and(objsubid > 2) AS of_their_own
  FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
ROLLBACK;
