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
-- best, be it not ours; and with one argument a cast to a type of that name, too.
-- It runs as whoever makes something, who need not be allowed to use the extension's schema: it names
-- nothing in there. After every command, since ranges, tables and extensions bring functions and types
-- of their own.
CREATE FUNCTION @extschema@.dashboard_keep_names() RETURNS event_trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  beside text;
BEGIN
  IF (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) THEN
    RETURN;
  END IF;
  WITH ours AS MATERIALIZED (
    SELECT p.oid, p.proname, e.extnamespace
      FROM pg_extension e
      JOIN pg_depend d
        ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
       AND d.classid = 'pg_proc'::regclass
      JOIN pg_proc p ON p.oid = d.objid
     WHERE e.extname = 'dashboard_diff'
  )
  SELECT x.what INTO beside
    FROM (SELECT p.oid::regprocedure::text AS what, p.proowner AS owner
            FROM ours o
            JOIN pg_proc p ON p.proname = o.proname AND p.pronamespace = o.extnamespace
           WHERE p.oid NOT IN (SELECT oid FROM ours)
          UNION ALL
          SELECT 'type ' || format_type(t.oid, NULL), t.typowner
            FROM ours o
            JOIN pg_type t ON t.typname = o.proname AND t.typnamespace = o.extnamespace) x
   WHERE pg_has_role(current_user, x.owner, 'USAGE')
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '% would stand beside a function of dashboard_diff', beside
      USING ERRCODE = 'insufficient_privilege',
            DETAIL = 'Only superusers make functions and types of the same name in the extension''s schema.';
  END IF;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.dashboard_keep_names() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.dashboard_keep_names() IS
'event trigger that refuses functions and types which could be called in place of the extension''s functions';
CREATE EVENT TRIGGER dashboard_diff_keep_names ON ddl_command_end
  EXECUTE FUNCTION @extschema@.dashboard_keep_names();
COMMENT ON EVENT TRIGGER dashboard_diff_keep_names IS
'keeps functions and types of others from being called in place of functions of dashboard_diff';

-- Nor may they be there already.
DO $$
DECLARE
  beside text := (
    SELECT string_agg(x.what, ', ' ORDER BY x.what COLLATE "C")
      FROM pg_extension e
     CROSS JOIN LATERAL (
       SELECT p.oid::regprocedure::text AS what, p.proname AS name, p.proowner AS owner
         FROM pg_proc p WHERE p.pronamespace = e.extnamespace
       UNION ALL
       SELECT 'type ' || format_type(t.oid, NULL), t.typname, t.typowner
         FROM pg_type t WHERE t.typnamespace = e.extnamespace) x
      JOIN pg_roles r ON r.oid = x.owner
     WHERE e.extname = 'dashboard_diff' AND NOT r.rolsuper
       AND x.name IN (SELECT p.proname
                        FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
                       WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
                         AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass));
BEGIN
  IF beside IS NOT NULL THEN
    RAISE EXCEPTION 'functions or types of others stand beside functions of dashboard_diff: %', beside
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
            DETAIL = 'They could make some that are taken for those of the extension by mistake.',
            HINT = 'Install the extension in a schema of its own: CREATE EXTENSION dashboard_diff SCHEMA ...';
  END IF;
END
$$;
