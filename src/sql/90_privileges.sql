-- Reading is left to row-level security; writing has to be granted. A dump keeps users' rows.

SET LOCAL search_path TO @extschema@, pg_temp;

GRANT SELECT ON dashboards, personas, artifact_comments, dashboard_snapshots,
  dashboard_subscriptions, dashboard_diffs, dashboard_alerts, dashboard_deliveries,
  dashboard_events, dashboard_pending_snapshots TO PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('dashboards', '');
SELECT pg_catalog.pg_extension_config_dump('personas', '');
SELECT pg_catalog.pg_extension_config_dump('artifact_comments', '');
SELECT pg_catalog.pg_extension_config_dump('artifact_comments_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_snapshots', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_snapshots_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_subscriptions', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_subscriptions_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_diffs', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_alerts', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_alerts_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_deliveries', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_deliveries_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_events', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_events_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_pending_snapshots', '');
SELECT pg_catalog.pg_extension_config_dump('dashboard_pending_snapshots_id_seq', '');
