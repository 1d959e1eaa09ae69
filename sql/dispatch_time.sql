-- Time that is up in the middle of a comparison or of a rule: what is cut leaves nothing half done.
\set VERBOSITY terse
\set SHOW_CONTEXT never
INSERT INTO dashboards (id) VALUES ('long');
INSERT INTO personas (id) VALUES ('ana'), ('ben'), ('mallory');
CREATE VIEW regress_pending AS
  SELECT snapshot_id, previous_snapshot_id AS previous, next_key = '' AS from_the_start, after_subscription_id > -9223372036854775808 AS in_group
    FROM dashboard_pending_snapshots ORDER BY id;
CREATE VIEW regress_told AS
  SELECT s.subscriber_id, a.snapshot_a, a.snapshot_b FROM dashboard_alerts a JOIN dashboard_subscriptions s ON s.id = a.subscription_id ORDER BY 1, 2, 3;
CREATE FUNCTION regress_shot(id bigint, document jsonb) RETURNS void LANGUAGE sql AS $$
  INSERT INTO dashboard_snapshots (dashboard_artifact_id, id, captured_at, content)
  VALUES ('long', id, '2030-01-01 00:00+00'::timestamptz + id * interval '1 day', document)
$$;
CREATE FUNCTION regress_rows(many integer, value integer) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_agg(jsonb_build_object('id', i, 'v', i + value)) FROM generate_series(1, many) i
$$;
SELECT subscribe('long', 'persona', 'ana', '{"value_delta": 1, "min_rows": 100000}') IS NOT NULL AS ana;
SELECT subscribe('long', 'persona', 'ben', '{"value_delta": 1, "min_rows": 99999}', 'last_notified') IS NOT NULL AS ben;

--
-- An insert takes the time of one comparison, and stops in the middle of the next; the rest is told later
--
SET dashboard_diff.dispatch_budget = -1;
SELECT regress_shot(1, regress_rows(100000, 0));
SELECT regress_shot(2, regress_rows(99000, 0));
SET dashboard_diff.dispatch_budget = 1;
SELECT regress_shot(3, regress_rows(100000, 1));
SELECT snapshot_id, previous FROM regress_pending;
DO $$ BEGIN WHILE dispatch_pending('0') > 0 LOOP END LOOP; END $$;
TABLE regress_told;

--
-- What takes longer than view_timeout is not the insert's, and not anybody else's
--
CREATE TABLE regress_shots (id bigint, dash text, at timestamptz, doc jsonb);
CREATE TRIGGER alert AFTER INSERT ON regress_shots FOR EACH ROW EXECUTE FUNCTION dashboard_snapshot_alert('id', 'dash', 'at', 'doc');
SET dashboard_diff.dispatch_budget = -1;
INSERT INTO regress_shots VALUES (5, 'long', '2030-02-01 00:00+00', regress_rows(100000, 0));
SET dashboard_diff.dispatch_budget = '1 min';
SET dashboard_diff.view_timeout = 10;
-- What is not valid is refused, though it is not compared.
INSERT INTO regress_shots VALUES (6, 'long', '2030-02-02 00:00+00', regress_rows(100000, 1) || '[{"id": 1}]');
INSERT INTO regress_shots VALUES (6, 'long', '2030-02-02 00:00+00', regress_rows(100000, 1));
SELECT snapshot_id, previous FROM regress_pending;
-- A machine may be busy for a while: it is tried three times.
SELECT dispatch_pending() AS worked_on;
SELECT snapshot_id, failures, last_error FROM dashboard_pending_snapshots;
UPDATE dashboard_pending_snapshots SET retry_at = clock_timestamp();
SELECT dispatch_pending() AS worked_on;
UPDATE dashboard_pending_snapshots SET retry_at = clock_timestamp();
SELECT dispatch_pending() AS worked_on;
SELECT count(*) FROM regress_pending;
SET dashboard_diff.view_timeout = 0;
SET dashboard_diff.dispatch_budget = 0;
INSERT INTO regress_shots VALUES (7, 'long', '2030-02-03 00:00+00', regress_rows(100000, 2));
SELECT dispatch_pending() AS worked_on;
RESET dashboard_diff.view_timeout;
TABLE regress_told;
SELECT snapshot_id, message FROM dashboard_events WHERE event_type = 'dispatch_failed' ORDER BY id;
DROP TABLE regress_shots;
DELETE FROM dashboards;

--
-- A rule that is long is cut too, and costs no other subscriber an alert
--
INSERT INTO dashboards (id) VALUES ('long');
SELECT subscribe('long', 'persona', 'mallory', jsonb_build_object('OR', (SELECT jsonb_agg(jsonb_build_object('value_delta_pct', ('0.1999' || repeat('7', 96))::numeric))
                                                                           FROM generate_series(1, 255)))) IS NOT NULL AS mallory;
SELECT subscribe('long', 'persona', 'ana', jsonb_build_object('set_added_min', i)) IS NOT NULL AS ana FROM generate_series(1, 3) i;
SET dashboard_diff.dispatch_budget = -1;
SELECT regress_shot(1, jsonb_build_array(jsonb_build_object('id', 1, 'v', repeat('7', 131072)::numeric)));
SET dashboard_diff.dispatch_budget = 5;
SELECT regress_shot(2, jsonb_build_array(jsonb_build_object('id', 1, 'v', repeat('8', 131072)::numeric), jsonb '{"id": 2}', jsonb '{"id": 3}', jsonb '{"id": 4}'));
SELECT count(*) AS pending FROM regress_pending;
SET dashboard_diff.view_timeout = 150;
DO $$ BEGIN WHILE dispatch_pending('0') > 0 LOOP END LOOP; END $$;
TABLE regress_pending;
TABLE regress_told;
SELECT event_type, snapshot_id, left(message, 115) AS message, length(message) FROM dashboard_events;
RESET dashboard_diff.view_timeout;
-- Pieces as small as they get, and all of them.
SET dashboard_diff.dispatch_budget = 0;
SELECT regress_shot(3, jsonb_build_array(jsonb_build_object('id', 1, 'v', repeat('7', 131072)::numeric))),
       regress_shot(4, jsonb_build_array(jsonb_build_object('id', 1, 'v', repeat('8', 131072)::numeric), jsonb '{"id": 2}', jsonb '{"id": 3}', jsonb '{"id": 4}'));
DO $$ BEGIN WHILE dispatch_pending('0') > 0 LOOP END LOOP; END $$;
TABLE regress_told;
RESET dashboard_diff.dispatch_budget;
DELETE FROM dashboards;

--
-- A threshold that an earlier version took, and that is too large now
--
INSERT INTO dashboards (id) VALUES ('long');
SELECT subscribe('long', 'persona', 'ana', '{"set_added_min": 1}') IS NOT NULL AS ana;
BEGIN;
SET row_security = off; -- as a restore does
SELECT subscribe('long', 'persona', 'mallory', '{"set_removed_min": 1}') IS NOT NULL AS mallory;
UPDATE dashboard_subscriptions SET threshold_json = jsonb_build_object('value_delta_pct', ('0.' || repeat('7', 16000))::numeric) WHERE subscriber_id = 'mallory';
SELECT regress_shot(1, '[]');
\set VERBOSITY default
SELECT regress_shot(2, '[{"id": 1}]');
\set VERBOSITY terse
TABLE regress_pending;
TABLE regress_told;
ROLLBACK;

DELETE FROM dashboards;
DELETE FROM personas;
DROP VIEW regress_pending, regress_told;
DROP FUNCTION regress_shot, regress_rows;
