-- Snapshots that the database takes of dashboards that say how they are made.

CREATE FUNCTION @extschema@.take_snapshot(dashboard_id text) RETURNS bigint
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'dashboard_diff_take_snapshot';
COMMENT ON FUNCTION @extschema@.take_snapshot(text) IS
'runs the queries of a dashboard''s view_spec as its owner, read-only, in one database snapshot, and inserts what they return; for members of the owner''s role; the id of the snapshot. A query that fails, or runs into dashboard_diff.view_timeout or dashboard_diff.max_rows, is an error, and nothing is inserted';
