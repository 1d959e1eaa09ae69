-- Reading is left to row-level security; writing has to be granted. A dump keeps users' rows.

SET LOCAL search_path TO @extschema@, pg_temp;

GRANT SELECT ON dashboards, dashboard_viewers, personas, artifact_comments, dashboard_snapshots,
  dashboard_subscriptions, dashboard_diffs, dashboard_alerts, dashboard_deliveries,
  dashboard_delivery_attempts, dashboard_delivery_log, dashboard_events,
  dashboard_pending_snapshots TO PUBLIC;
GRANT SELECT ON dashboard_schedules TO PUBLIC;
GRANT SELECT ON validation_records, dashboard_health, health_acknowledgements TO PUBLIC;
GRANT SELECT ON dashboard_listeners, dashboard_leases, dashboard_delivery_stats TO pg_monitor;
GRANT SELECT ON validation_policies, validation_windows, validation_tasks TO PUBLIC;
GRANT SELECT ON user_dashboard_preferences, validation_states, validation_notices TO PUBLIC;
-- Enough to choose one by.
GRANT SELECT (id, type, name, is_active) ON notification_configs TO PUBLIC;

CREATE FUNCTION allow_listener(role regrole) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @extschema@.allow_functions(role, ARRAY[
    'dispatch_pending', 'claim_deliveries', 'finish_deliveries', 'park_deliveries',
    'parked_endpoints', 'release_deliveries', 'next_delivery_due', 'listener_seen',
    'webhook_secret_version', 'policy_secret_version', 'delivery_providers', 'set_aside_unreadable']::name[]);
END
$$;
REVOKE ALL ON FUNCTION allow_listener(regrole) FROM PUBLIC;
COMMENT ON FUNCTION allow_listener(regrole) IS
'grants a role what dashboard_diff_listener needs: EXECUTE on its functions, no right on any table';

SELECT pg_catalog.pg_extension_config_dump('dashboards', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_viewers', '');
SELECT pg_catalog.pg_extension_config_dump('personas', '');
SELECT pg_catalog.pg_extension_config_dump('artifact_comments', '');
SELECT pg_catalog.pg_extension_config_dump('artifact_comments_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_snapshots', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_snapshots_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('notification_configs', '');
SELECT pg_catalog.pg_extension_config_dump('notification_configs_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_subscriptions', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_subscriptions_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_diffs', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_alerts', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_alerts_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_deliveries', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_deliveries_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_delivery_attempts', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_delivery_attempts_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_events', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_events_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_pending_snapshots', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_pending_snapshots_id_seq', '');

SELECT pg_catalog.pg_extension_config_dump('validation_policies', '');
SELECT pg_catalog.pg_extension_config_dump('validation_policies_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('validation_windows', '');
SELECT pg_catalog.pg_extension_config_dump('validation_tasks', '');
SELECT pg_catalog.pg_extension_config_dump('validation_tasks_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('user_dashboard_preferences', '');
SELECT pg_catalog.pg_extension_config_dump('validation_states', '');
SELECT pg_catalog.pg_extension_config_dump('validation_notices', '');
SELECT pg_catalog.pg_extension_config_dump('validation_notices_id_seq', '');
-- dashboard_health is made anew by triggers as dashboards and records come back.
SELECT pg_catalog.pg_extension_config_dump('validation_records', '');
SELECT pg_catalog.pg_extension_config_dump('validation_records_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('health_acknowledgements', '');
