-- Columns that are the extension's to choose, whatever rights on a table are granted.

CREATE FUNCTION @extschema@.dashboard_kept_columns() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'dashboard_diff_kept_columns';
REVOKE ALL ON FUNCTION @extschema@.dashboard_kept_columns() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.dashboard_kept_columns() IS
'trigger for writers that are neither superuser nor owner of the table: BEFORE INSERT FOR EACH ROW it gives the columns that its arguments name their defaults; BEFORE UPDATE FOR EACH STATEMENT it refuses (42501) a statement that sets one of them';

CREATE FUNCTION @extschema@.is_own_table(written regclass) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'dashboard_diff_is_own_table';
COMMENT ON FUNCTION @extschema@.is_own_table(regclass) IS
'whether the current user is a superuser or the table''s owner, as the extension''s own statements are';

CREATE FUNCTION @extschema@.is_restore(written regclass) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'dashboard_diff_is_restore';
COMMENT ON FUNCTION @extschema@.is_restore(regclass) IS
'whether the current user is restoring a dump into the table: row_security is off, and he is a superuser or the table''s owner';
