-- How dashboards are made, where the database makes them itself.

CREATE FUNCTION @extschema@.validate_view_spec(view_spec jsonb)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'dashboard_diff_validate_view_spec';
COMMENT ON FUNCTION @extschema@.validate_view_spec(jsonb) IS
'true for a valid view_spec, otherwise an error (22023) whose DETAIL is the JSON path: {"data_sources": {name: {"sql": one SELECT}, ...}, "primary", "id_field", "rank_by", "rank_order", "primary_metric"}, or an object with none of these keys, of a dashboard that is made elsewhere';
