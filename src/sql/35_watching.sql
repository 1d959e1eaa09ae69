-- Snapshots that stand in tables of the user's own.

CREATE FUNCTION @extschema@.watch_snapshots(
  snapshots regclass,
  id_column name,
  dashboard_column name,
  captured_at_column name,
  content_column name,
  definition_column name DEFAULT NULL
) RETURNS void
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'dashboard_diff_watch_snapshots';
COMMENT ON FUNCTION @extschema@.watch_snapshots(regclass, name, name, name, name, name) IS
'alerts subscribers of what is inserted into the table from now on: makes a trigger of dashboard_snapshot_alert(); once more with other columns replaces it; needs the right to make triggers on the table';

CREATE FUNCTION @extschema@.unwatch_snapshots(snapshots regclass) RETURNS boolean
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'dashboard_diff_unwatch_snapshots';
COMMENT ON FUNCTION @extschema@.unwatch_snapshots(regclass) IS
'drops what watch_snapshots() or a CREATE TRIGGER of dashboard_snapshot_alert() made; false where there was nothing';
