-- Who is let see a dashboard: what a viewer sees and may do, and how that ends.
SET jit = off; -- many plans, each used once
CREATE ROLE regress_owner;
CREATE ROLE regress_group;
CREATE ROLE regress_viewer IN ROLE regress_group;
CREATE ROLE regress_stranger;
GRANT INSERT, UPDATE, DELETE ON dashboards, personas, artifact_comments, dashboard_snapshots, dashboard_subscriptions, validation_records,
  health_acknowledgements TO regress_owner, regress_viewer, regress_stranger;
SET ROLE regress_owner;
INSERT INTO dashboards (id, title) VALUES ('shown', 'Shown'), ('hidden', 'Hidden');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('shown', '[]'), ('hidden', '[]');
SELECT subscribe('shown', 'webhook', 'https://example.com/secret', '{"set_added_min": 1}') IS NOT NULL AS webhook;
INSERT INTO artifact_comments (artifact_id, content) VALUES ('shown', 'hello');
RESET ROLE;
CREATE VIEW regress_seen WITH (security_invoker) AS
  SELECT (SELECT array_agg(id) FROM dashboards) AS dashboards,
         (SELECT array_agg(dashboard_artifact_id) FROM dashboard_snapshots) AS snapshots,
         (SELECT array_agg(artifact_id) FROM artifact_comments) AS comments,
         (SELECT array_agg(dashboard_id) FROM health_summary()) AS health,
         (SELECT array_agg(viewer) FROM dashboard_viewers) AS viewers,
         (SELECT count(*) FROM dashboard_subscriptions) AS subscriptions,
         (SELECT count(*) FROM dashboard_alerts) AS alerts, (SELECT count(*) FROM dashboard_events) AS events,
         (SELECT count(*) FROM dashboard_deliveries) AS deliveries, (SELECT count(*) FROM dashboard_diffs) AS diffs;
GRANT SELECT ON regress_seen TO PUBLIC;

-- Nobody lets himself, or others, see what is not his.
SET ROLE regress_viewer;
SELECT allow_viewer('shown', 'regress_viewer');
SELECT allow_viewer('shown', 'public');
SELECT allow_viewer('nosuch', 'regress_viewer');
INSERT INTO dashboard_viewers (dashboard_artifact_id, viewer) VALUES ('shown', 'regress_viewer');
TABLE regress_seen;
SET ROLE regress_owner;
SELECT allow_viewer('shown', 'no such role');
SELECT allow_viewer('shown', 'regress_group');
SELECT allow_viewer('shown', 'regress_group'); -- twice is once
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('shown', '[{"id": 1}]');
\x on
SET ROLE regress_viewer;
TABLE regress_seen;
SET ROLE regress_stranger;
TABLE regress_seen;
\x off
-- To see is not to write.
SET ROLE regress_viewer;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('shown', '[{"id": 2}]');
INSERT INTO artifact_comments (artifact_id, content) VALUES ('shown', 'hello');
INSERT INTO validation_records (dashboard_id, status) VALUES ('shown', 'PASS');
INSERT INTO health_acknowledgements (dashboard_id, record_id, checked_at, status) VALUES ('shown', 1, now(), 'FAIL');
DELETE FROM dashboard_snapshots;
UPDATE dashboards SET title = 'mine';
DELETE FROM dashboards;
DELETE FROM artifact_comments;
SELECT take_snapshot('shown');
SELECT revoke_viewer('shown', 'regress_group');
-- Nor to have it sent.
SELECT subscribe('shown', 'email', 'viewer@example.com', '{"set_added_min": 1}');
INSERT INTO personas (id) VALUES ('regress_bot');
SELECT subscribe('shown', 'persona', 'regress_bot', '{"set_added_min": 1}') AS bot \gset
SELECT count(*) AS snapshots_tried FROM backtest_threshold('shown', '{"set_added_min": 1}');
-- A subscription is the viewer's own, though what it is told is the dashboard's.
SELECT unsubscribe(:bot);
SELECT subscribe('shown', 'persona', 'regress_bot', '{"set_added_min": 1}') AS bot \gset
SET ROLE regress_owner;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('shown', '[]'), ('shown', '[{"id": 3}]');
SET ROLE regress_viewer;
SELECT summary FROM dashboard_alerts;
SELECT content FROM artifact_comments WHERE comment_type = 'snapshot_alert';

-- The end of it ends the subscription, and is told.
SET ROLE regress_owner;
SELECT revoke_viewer('shown', 'regress_group') AS revoked, revoke_viewer('shown', 'regress_group') AS again;
SELECT s.is_active, regexp_replace(e.message, '\d+', 'N') AS message FROM dashboard_subscriptions s JOIN dashboard_events e USING (dashboard_artifact_id)
 WHERE s.id = :bot AND e.event_type = 'subscription_off';
SET ROLE regress_viewer;
UPDATE dashboard_subscriptions SET is_active = true WHERE id = :bot;
\x on
TABLE regress_seen;
\x off
-- A persona's name brings nothing that was said to somebody else.
DELETE FROM personas WHERE id = 'regress_bot';
SET ROLE regress_stranger;
INSERT INTO personas (id) VALUES ('regress_bot');
SELECT count(*) FROM artifact_comments;
INSERT INTO personas (id) VALUES ('regress_other');
UPDATE personas SET id = 'regress_renamed' WHERE id = 'regress_bot';
SELECT count(*) FROM artifact_comments;

-- Nor one that did not exist when something was said to it; nor where a subscription led.
SET ROLE regress_owner;
SELECT allow_viewer('shown', 'regress_stranger');
INSERT INTO artifact_comments (artifact_id, content, mentions) VALUES ('shown', 'to the cfo', '{cfo,regress_other}') RETURNING mentions;
INSERT INTO artifact_comments (artifact_id, content, comment_type) VALUES ('shown', 'forged', 'subscription_off');
INSERT INTO artifact_comments (artifact_id, content, author_type) VALUES ('shown', 'forged', 'system');
INSERT INTO artifact_comments (artifact_id, content, mentions) VALUES ('hidden', 'to whom it does not concern', '{regress_other}') RETURNING mentions;
RESET ROLE;
INSERT INTO artifact_comments (artifact_id, content, comment_type) VALUES ('shown', 'led to https://example.com', 'subscription_off');
SET ROLE regress_stranger;
SELECT content FROM artifact_comments WHERE comment_type = 'subscription_off';
SET ROLE regress_owner;
SELECT revoke_viewer('shown', 'regress_stranger');
SET ROLE regress_stranger;
INSERT INTO personas (id) VALUES ('cfo');
SELECT content FROM artifact_comments WHERE 'cfo' = ANY (mentions);

-- PUBLIC is a role here.
SET ROLE regress_owner;
SELECT allow_viewer('hidden', 'PUBLIC');
SELECT dashboard_artifact_id, viewer FROM dashboard_viewers;
SET ROLE regress_stranger;
SELECT id FROM dashboards;
SET ROLE regress_owner;
SELECT revoke_viewer('hidden', 'public');
SET ROLE regress_stranger;
SELECT id FROM dashboards;
RESET ROLE;

-- Columns that are not a caller's to choose: whatever is given, or refused.
SET ROLE regress_owner;
INSERT INTO dashboard_subscriptions (id, dashboard_artifact_id, subscriber_kind, subscriber_id, threshold_json, secret_version, previous_secret_until,
    last_notified_at, last_notified_snapshot_id, baseline_snapshot_id, baseline_at, start_snapshot_id, created_at)
VALUES (1, 'shown', 'webhook', 'https://example.com/mine', '{"set_added_min": 1}', 7, 'infinity', '294276-12-31', 9, 9, '294276-12-31', NULL, 'infinity')
RETURNING id <> 1 AS other_id, secret_version, previous_secret_until, last_notified_at, last_notified_snapshot_id, baseline_snapshot_id, baseline_at,
  start_snapshot_id IS NOT NULL AS start, isfinite(created_at) AS created;
UPDATE dashboard_subscriptions SET last_notified_at = '294276-12-31', cooldown = '100 years';
UPDATE dashboard_subscriptions SET id = id + 1;
UPDATE dashboard_subscriptions SET secret_version = 1;
UPDATE dashboard_subscriptions SET (previous_secret_until, muted_until) = (now(), now());
INSERT INTO dashboard_subscriptions (dashboard_artifact_id, subscriber_kind, subscriber_id, threshold_json)
VALUES ('shown', 'webhook', 'https://example.com/x', '{"set_added_min": 1}')
ON CONFLICT (dashboard_artifact_id, id) DO UPDATE SET secret_version = 3;
MERGE INTO dashboard_subscriptions s USING (SELECT 1) x ON true WHEN MATCHED THEN UPDATE SET baseline_at = now();
UPDATE artifact_comments SET id = 1000000;
INSERT INTO artifact_comments (artifact_id, id, content, created_at) VALUES ('shown', 1000000, 'x', '-infinity') RETURNING id < 1000000 AS own_id, isfinite(created_at) AS own_time;
-- Also where a dump's setting is set.
SET row_security = off;
INSERT INTO artifact_comments (artifact_id, id, content) VALUES ('shown', 1000000, 'x');
RESET row_security;
-- What is the caller's stays so.
UPDATE dashboard_subscriptions SET cooldown = '1 hour', muted_until = 'infinity', is_active = false WHERE subscriber_id LIKE '%mine';
SELECT rotate_webhook_secret(id), rotate_webhook_secret(-1) IS NULL AS of_none FROM dashboard_subscriptions WHERE subscriber_id LIKE '%mine';
SET ROLE regress_stranger;
SELECT rotate_webhook_secret(id) FROM (VALUES (1), (2), (3)) v(id);
RESET ROLE;
-- A restore brings back what was.
SET row_security = off;
INSERT INTO artifact_comments (artifact_id, id, content) VALUES ('shown', 1000000, 'x') RETURNING id;
RESET row_security;
-- No time of a subscriber's keeps a snapshot out.
UPDATE dashboard_subscriptions SET last_notified_at = '294276-12-31', cooldown = '100 years', is_active = true, muted_until = NULL;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('shown', '[{"id": 4}]');
UPDATE dashboard_subscriptions SET last_notified_at = 'infinity';
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('shown', '[{"id": 5}]');

UPDATE dashboard_subscriptions SET last_notified_at = '2030-01-01', cooldown = make_interval(months => 70000000, days => -2099999990), subscriber_id = subscriber_id;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('shown', '[{"id": 6}]');
SELECT count(*) FROM dashboard_pending_snapshots;

DROP VIEW regress_seen;
DELETE FROM dashboards;
DELETE FROM personas;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM regress_owner, regress_viewer, regress_stranger;
DROP ROLE regress_owner, regress_viewer, regress_group, regress_stranger;
