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

-- A call that leaves out arguments, or gives them without a type, would mean the function that fits
-- best, be it not ours.
CREATE FUNCTION @extschema@.functions_beside_ours(functions oid[])
RETURNS SETOF regprocedure
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT p.oid
    FROM pg_extension e
    JOIN pg_depend d
      ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
     AND d.classid = 'pg_proc'::regclass
    JOIN pg_proc ours ON ours.oid = d.objid
    JOIN pg_proc p
      ON p.proname = ours.proname AND p.pronamespace = e.extnamespace AND p.oid <> ours.oid
    JOIN pg_roles r ON r.oid = p.proowner
   WHERE e.extname = 'dashboard_diff' AND NOT r.rolsuper
     AND (functions_beside_ours.functions IS NULL OR p.oid = ANY (functions_beside_ours.functions))
     AND NOT EXISTS (SELECT FROM pg_depend member
                      WHERE member.classid = 'pg_proc'::regclass AND member.objid = p.oid
                        AND member.refclassid = 'pg_extension'::regclass
                        AND member.refobjid = e.oid AND member.deptype = 'e');
END;
REVOKE ALL ON FUNCTION @extschema@.functions_beside_ours(oid[]) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.functions_beside_ours(oid[]) IS
'which of these functions (null: of all) have the name and schema of one of the extension''s, and no superuser as owner';

-- SECURITY DEFINER because whoever creates a function need have no right to the one above.
CREATE FUNCTION @extschema@.dashboard_keep_names() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  beside regprocedure;
BEGIN
  SELECT f INTO beside
    FROM @extschema@.functions_beside_ours(
           ARRAY(SELECT c.objid FROM pg_event_trigger_ddl_commands() c
                  WHERE c.classid = 'pg_proc'::regclass)) AS f
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'function % would stand beside one of dashboard_diff', beside
      USING ERRCODE = 'insufficient_privilege',
            DETAIL = 'Only superusers make functions of the same name in the extension''s schema.';
  END IF;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.dashboard_keep_names() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.dashboard_keep_names() IS
'event trigger that refuses functions which could be called in place of the extension''s';
CREATE EVENT TRIGGER dashboard_diff_keep_names ON ddl_command_end
  WHEN TAG IN ('CREATE FUNCTION', 'CREATE PROCEDURE', 'CREATE AGGREGATE', 'ALTER FUNCTION',
               'ALTER PROCEDURE', 'ALTER ROUTINE', 'ALTER AGGREGATE')
  EXECUTE FUNCTION @extschema@.dashboard_keep_names();
COMMENT ON EVENT TRIGGER dashboard_diff_keep_names IS
'keeps functions of others from being called in place of those of dashboard_diff';

DO $$
DECLARE
  beside text := (SELECT string_agg(f::text, ', ')
                    FROM @extschema@.functions_beside_ours(NULL::oid[]) AS f);
BEGIN
  IF beside IS NOT NULL THEN
    RAISE EXCEPTION 'functions of others stand beside those of dashboard_diff: %', beside
      USING ERRCODE = 'duplicate_function',
            DETAIL = 'They would be called in their place.',
            HINT = 'Drop them, or install the extension in a schema of its own.';
  END IF;
END
$$;

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
