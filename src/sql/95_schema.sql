-- The schema that all of this is in: it keeps its name, and others had better not create in it.

CREATE FUNCTION @extschema@.dashboard_keep_schema() RETURNS event_trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'dashboard_diff_keep_schema';
REVOKE ALL ON FUNCTION @extschema@.dashboard_keep_schema() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.dashboard_keep_schema() IS
'event trigger that lets only superusers rename the schema of the extension, which the bodies of its functions name';
CREATE EVENT TRIGGER dashboard_diff_keep_schema ON ddl_command_start WHEN TAG IN ('ALTER SCHEMA')
  EXECUTE FUNCTION @extschema@.dashboard_keep_schema();
COMMENT ON EVENT TRIGGER dashboard_diff_keep_schema IS
'keeps the name of the schema that dashboard_diff is installed in';

DO $$
DECLARE
  others text;
BEGIN
  SELECT string_agg(DISTINCT coalesce(quote_ident(r.rolname), 'PUBLIC'), ', ')
    INTO others
    FROM pg_extension e
    JOIN pg_namespace n ON n.oid = e.extnamespace
    JOIN pg_database d ON d.datname = current_database()
   CROSS JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
   -- The database's owner is a member of this one.
   CROSS JOIN LATERAL (SELECT CASE WHEN a.grantee = 'pg_database_owner'::regrole THEN d.datdba
                                   ELSE a.grantee END) AS who (role)
    LEFT JOIN pg_roles r ON r.oid = who.role
   WHERE e.extname = 'dashboard_diff' AND a.privilege_type = 'CREATE'
     AND who.role <> e.extowner AND r.rolsuper IS NOT TRUE;
  IF others IS NOT NULL THEN
    RAISE WARNING 'others may create objects in the schema of dashboard_diff: %', others
      USING ERRCODE = '01000',
            DETAIL = 'Their functions can stand beside those of the extension under the same names, and be called by mistake.',
            HINT = 'Install the extension in a schema of its own: CREATE EXTENSION dashboard_diff SCHEMA ...';
  END IF;
END
$$;
