-- What CREATE EXTENSION leaves behind. Must run first: the other files need the extension.
CREATE EXTENSION dashboard_diff;

-- The extension's objects, as the catalogs have them.
CREATE TEMP VIEW own_functions AS
  SELECT p.oid::regprocedure AS function, p.*,
         (SELECT lanname FROM pg_language l WHERE l.oid = p.prolang) AS language
    FROM pg_depend d
    JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
    JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
   WHERE d.deptype = 'e' AND e.extname = 'dashboard_diff';
CREATE TEMP VIEW own_relations AS
  SELECT c.*
    FROM pg_depend d
    JOIN pg_class c ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
    JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
   WHERE d.deptype = 'e' AND e.extname = 'dashboard_diff';

-- There is something to look at.
SELECT count(*) > 15 AS functions FROM own_functions;
SELECT count(*) >= 8 AS tables FROM own_relations WHERE relkind = 'r';

-- Everything that can be named says what it is.
SELECT function FROM own_functions WHERE obj_description(oid, 'pg_proc') IS NULL ORDER BY 1;
SELECT relname FROM own_relations
 WHERE relkind IN ('r', 'v') AND obj_description(oid, 'pg_class') IS NULL ORDER BY 1;
SELECT obj_description(oid, 'pg_extension') IS NOT NULL AS commented
  FROM pg_extension WHERE extname = 'dashboard_diff';

-- Whatever runs with its owner's rights has a fixed search_path, and cannot be called by everybody.
SELECT function FROM own_functions
 WHERE prosecdef AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false);
SELECT function FROM own_functions
 WHERE prosecdef AND (proacl IS NULL OR has_function_privilege('pg_monitor', oid, 'EXECUTE'));
-- So has every other function that is not in C: pg_catalog first, pg_temp last. The names in
-- health_summary() were looked up when it was made; without a setting it can be inlined.
SELECT function FROM own_functions
 WHERE language <> 'c' AND proname <> 'health_summary' AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false);
-- C functions are the engine and triggers; none of them runs with its owner's rights as declared.
SELECT function FROM own_functions WHERE language = 'c' AND prosecdef;

-- The engine may be used in indexes and checks, and by parallel workers.
SELECT function, provolatile, proisstrict, proparallel FROM own_functions
 WHERE proname IN ('dashboard_diff', 'meets_threshold', 'validate_threshold', 'validate_snapshot',
                   'explain_threshold', 'describe_diff')
 ORDER BY function::text;
SELECT function, proargnames, pg_get_expr(proargdefaults, 0) AS defaults FROM own_functions
 WHERE proname IN ('dashboard_diff', 'meets_threshold', 'validate_threshold', 'explain_threshold',
                   'describe_diff', 'unsubscribe', 'prune_snapshots')
 ORDER BY function::text;

-- Everybody may read, as far as row-level security lets them; nobody may write unless granted. What
-- listeners are doing belongs to no owner: it is for those who monitor.
SELECT relname, relrowsecurity,
       has_table_privilege('pg_monitor', oid, 'SELECT') AS readable
  FROM own_relations
 WHERE relkind = 'r' AND relname <> 'notification_configs' AND NOT (relrowsecurity AND has_table_privilege('pg_monitor', oid, 'SELECT'))
 ORDER BY 1;
SELECT relname FROM own_relations
 WHERE relkind = 'r'
   AND has_table_privilege('pg_monitor', oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER, REFERENCES')
 ORDER BY 1;
SELECT relname FROM own_relations
 WHERE CASE WHEN relkind = 'S' THEN has_sequence_privilege('pg_monitor', oid, 'USAGE, UPDATE') END
 ORDER BY 1;

-- Of the notification configs, what one chooses by.
SELECT array_agg(attname ORDER BY attnum) AS readable
  FROM pg_attribute
 WHERE attrelid = 'notification_configs'::regclass AND attnum > 0
   AND has_column_privilege('pg_monitor', attrelid, attnum, 'SELECT');

-- Every table whose rows belong to a dashboard begins its keys with the dashboard's id.
SELECT c.relname, o.conname, o.contype, a.attname AS first_column
  FROM own_relations c
  JOIN pg_constraint o ON o.conrelid = c.oid AND o.contype IN ('p', 'u')
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = o.conkey[1]
 WHERE EXISTS (SELECT FROM pg_attribute d
                WHERE d.attrelid = c.oid AND d.attname = 'dashboard_artifact_id')
   AND a.attname <> 'dashboard_artifact_id'
 ORDER BY 1, 2;
-- All foreign keys have an index to delete by.
SELECT o.conrelid::regclass AS referencing, o.conname
  FROM own_relations c
  JOIN pg_constraint o ON o.conrelid = c.oid AND o.contype = 'f'
 WHERE NOT EXISTS (
   SELECT FROM pg_index i
    WHERE i.indrelid = o.conrelid
      AND (SELECT array_agg(k ORDER BY k) FROM unnest(o.conkey) k)
        = (SELECT array_agg(k ORDER BY k)
             FROM unnest((i.indkey::int2[])[0:cardinality(o.conkey) - 1]) k))
 ORDER BY 1, 2;

-- Users' rows, and the place of their sequences, are part of a dump; what listeners hold is not.
SELECT relname, relkind FROM own_relations c
 WHERE relkind IN ('r', 'S')
   AND c.oid <> ALL (SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'dashboard_diff')
 ORDER BY 1;

-- The extension does not move.
CREATE SCHEMA regress_elsewhere;
ALTER EXTENSION dashboard_diff SET SCHEMA regress_elsewhere;
DROP SCHEMA regress_elsewhere;

-- It goes without a trace ...
DROP EXTENSION dashboard_diff;
SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace;
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace;

-- ... and lives in any schema, under any name, whatever the search_path, also in this session.
CREATE SCHEMA "my Schema; 10 % a.b";
CREATE EXTENSION dashboard_diff SCHEMA "my Schema; 10 % a.b";
SELECT DISTINCT relnamespace::regnamespace FROM own_relations;
SELECT DISTINCT pronamespace::regnamespace FROM own_functions;
INSERT INTO "my Schema; 10 % a.b".dashboards (id) VALUES ('sales');
INSERT INTO "my Schema; 10 % a.b".personas (id) VALUES ('ana');
SELECT "my Schema; 10 % a.b".subscribe('sales', 'persona', 'ana', '{"set_added_min": 1}') AS subscription;
INSERT INTO "my Schema; 10 % a.b".dashboard_snapshots (dashboard_artifact_id, content)
VALUES ('sales', '[]'), ('sales', '[{"id": 1}]');
SELECT id, snapshot_a, snapshot_b, summary FROM "my Schema; 10 % a.b".dashboard_alerts;
SELECT author_id, content FROM "my Schema; 10 % a.b".artifact_comments;
SELECT "my Schema; 10 % a.b".prune_snapshots('0 s');
SELECT "my Schema; 10 % a.b".unsubscribe(1);

-- A schema may be renamed under a running session.
SELECT "my Schema; 10 % a.b".subscribe('sales', 'persona', 'ana', '{"set_added_min": 1}') AS subscription;
ALTER SCHEMA "my Schema; 10 % a.b" RENAME TO regress_renamed;
INSERT INTO regress_renamed.dashboard_snapshots (dashboard_artifact_id, content)
VALUES ('sales', '[{"id": 1}, {"id": 2}]');
SELECT snapshot_a, snapshot_b, summary FROM regress_renamed.dashboard_alerts;

-- The extension lives elsewhere again; the same session goes on.
DROP EXTENSION dashboard_diff;
DROP SCHEMA regress_renamed;
CREATE EXTENSION dashboard_diff;
SELECT DISTINCT relnamespace::regnamespace FROM own_relations;
INSERT INTO dashboards (id) VALUES ('sales');
INSERT INTO personas (id) VALUES ('ana');
SELECT subscribe('sales', 'persona', 'ana', '{"set_added_min": 1}') AS subscription;
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
VALUES ('sales', '[]'), ('sales', '[{"id": 1}]');
SELECT id, snapshot_a, snapshot_b, summary FROM dashboard_alerts;

DELETE FROM dashboards;
DELETE FROM personas;
