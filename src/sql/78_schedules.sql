-- When dashboards are photographed by themselves.

CREATE FUNCTION @extschema@.run_due_snapshots(
  at timestamptz, deadline timestamptz, max_items integer) RETURNS integer
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
RETURN 0;
