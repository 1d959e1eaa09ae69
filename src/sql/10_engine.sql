-- The engine: pure functions over documents, no table involved.

CREATE FUNCTION @extschema@.dashboard_diff(before jsonb, after jsonb, top_n integer DEFAULT 10)
RETURNS jsonb
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'dashboard_diff';
COMMENT ON FUNCTION @extschema@.dashboard_diff(jsonb, jsonb, integer) IS
'what changed between two dashboard snapshots: top_n_changes, top_n_unchanged, row_value_deltas, row_changes, id_set_added, id_set_removed, primary_metric, primary_metric_delta_pct, metric_deltas, sources; numbers are exact, shares are fractions of 1';

CREATE FUNCTION @extschema@.validate_snapshot(content jsonb)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 500
AS 'MODULE_PATHNAME', 'dashboard_diff_validate_snapshot';
COMMENT ON FUNCTION @extschema@.validate_snapshot(jsonb) IS
'true for a valid dashboard snapshot, otherwise an error (22023) whose DETAIL names the place';

CREATE FUNCTION @extschema@.meets_threshold(diff jsonb, threshold jsonb)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'dashboard_diff_meets_threshold';
COMMENT ON FUNCTION @extschema@.meets_threshold(jsonb, jsonb) IS
'whether a diff meets a threshold; null where that cannot be known (a metric that one side lacks)';

CREATE FUNCTION @extschema@.validate_threshold(threshold jsonb)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'dashboard_diff_validate_threshold';
COMMENT ON FUNCTION @extschema@.validate_threshold(jsonb) IS
'true for a valid threshold, otherwise an error (22023) whose DETAIL is the JSON path and whose HINT names the nearest known key';

CREATE FUNCTION @extschema@.explain_threshold(diff jsonb, threshold jsonb)
RETURNS jsonb
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 200
AS 'MODULE_PATHNAME', 'dashboard_diff_explain_threshold';
COMMENT ON FUNCTION @extschema@.explain_threshold(jsonb, jsonb) IS
'the threshold with result, measured and, for rules about rows, matched and up to 10 rows at each node';

CREATE FUNCTION @extschema@.describe_diff(diff jsonb, threshold jsonb DEFAULT NULL)
RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 200
AS 'MODULE_PATHNAME', 'dashboard_diff_describe_diff';
COMMENT ON FUNCTION @extschema@.describe_diff(jsonb, jsonb) IS
'a diff in a sentence or two for a person; with a threshold, the facts that made it hold come first';

CREATE FUNCTION @extschema@.has_owner_rights(owner name)
RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'dashboard_diff_has_owner_rights';
COMMENT ON FUNCTION @extschema@.has_owner_rights(name) IS
'whether the current user has the rights of the role: is it, is a member of it, or is a superuser; false where the role does not exist';

CREATE FUNCTION @extschema@.role_has_rights(member name, owner name)
RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'dashboard_diff_role_has_rights';
COMMENT ON FUNCTION @extschema@.role_has_rights(name, name) IS
'whether a role has the rights of another: is it, is a member of it, or is a superuser; where the owner does not exist, only superusers have; false where the member does not exist';

CREATE FUNCTION @extschema@.is_viewer(viewer name)
RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'dashboard_diff_is_viewer';
COMMENT ON FUNCTION @extschema@.is_viewer(name) IS
'whether what a viewer is allowed counts for the current user: it is public, or a role that he has the rights of';

CREATE FUNCTION @extschema@.owns_dashboard(dashboard_id text)
RETURNS boolean
LANGUAGE c STABLE STRICT COST 100
AS 'MODULE_PATHNAME', 'dashboard_diff_owns_dashboard';
COMMENT ON FUNCTION @extschema@.owns_dashboard(text) IS
'whether the current user has the rights of the dashboard''s owner; false where it does not exist';
