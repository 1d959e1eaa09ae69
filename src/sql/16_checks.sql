-- Checks: what a dashboard declares to be in order, and what is found of it. Pure functions.

CREATE FUNCTION @extschema@.validate_checks(checks jsonb)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'dashboard_diff_validate_checks';
COMMENT ON FUNCTION @extschema@.validate_checks(jsonb) IS
'true for a valid list of checks, otherwise an error (22023) whose DETAIL is the JSON path and whose HINT names the nearest known key';

CREATE FUNCTION @extschema@.evaluate_checks(
  checks jsonb, content jsonb, previous jsonb, age interval, failure text
) RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'dashboard_diff_evaluate_checks';
COMMENT ON FUNCTION @extschema@.evaluate_checks(jsonb, jsonb, jsonb, interval, text) IS
'what the checks find: {"status": PASS, WARN, FAIL or UNKNOWN, "summary", "issues": [{"severity", "message", "location"}]}, the worst first; content: the latest snapshot, null where there is none; previous: the one to compare it with; age: of the latest snapshot; failure: why the last automatic snapshot was not taken, null where it was';
