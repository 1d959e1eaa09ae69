-- How roles that do work for others get the right to.

CREATE FUNCTION @extschema@.allow_functions(role regrole, functions name[]) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  ours   regprocedure;
  schema regnamespace := (SELECT e.extnamespace FROM pg_extension e
                           WHERE e.extname = 'dashboard_diff');
BEGIN
  -- Only where it is missing: a grant more is one more thing to revoke before DROP ROLE.
  IF NOT has_schema_privilege(role, schema::oid, 'USAGE') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %s TO %s', schema, role);
  END IF;
  -- By what they are, and not by name: others may have functions of the same names beside them.
  FOR ours IN
    SELECT p.oid
      FROM pg_extension e
      JOIN pg_depend d
        ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
       AND d.classid = 'pg_proc'::regclass
      JOIN pg_proc p ON p.oid = d.objid
     WHERE e.extname = 'dashboard_diff' AND p.proname = ANY (functions)
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', ours, role);
  END LOOP;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.allow_functions(regrole, name[]) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.allow_functions(regrole, name[]) IS
'grants a role USAGE of the extension''s schema and EXECUTE on functions of it, with the caller''s right to grant';
