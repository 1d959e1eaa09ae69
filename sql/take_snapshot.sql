-- Snapshots that a dashboard's own queries make.
\set SHOW_CONTEXT never
CREATE TABLE regress_scores (id text PRIMARY KEY, score numeric, played timestamptz, extra jsonb);
INSERT INTO regress_scores VALUES ('ada', 3.50, '2026-01-01 12:00+01', '{"a": [1]}'), ('bob', 7, NULL, NULL), ('cyd', 5, '2026-06-01 12:00+00', '2');
INSERT INTO dashboards (id, view_spec) VALUES ('games', '{
  "data_sources": {"leaders": {"sql": "SELECT id AS who, score, played, extra FROM regress_scores ORDER BY id DESC -- the last first"},
                   "total": {"sql": "SELECT count(*) FROM regress_scores;"},
                   "average": {"sql": "SELECT round(avg(score), 3) FROM regress_scores"},
                   "by_letter": {"sql": "SELECT left(id, 1) AS who, 1 AS n FROM regress_scores ORDER BY 1"},
                   "none": {"sql": "SELECT id AS who FROM regress_scores WHERE false"},
                   "unknown": {"sql": "SELECT sum(score) FROM regress_scores WHERE false"}},
  "primary": "leaders", "id_field": "who", "rank_by": "score", "rank_order": "desc", "primary_metric": "total"}');
SELECT take_snapshot('games') IS NOT NULL AS taken;
-- The rows in the query's order under its names, metrics as numbers, what is not known left out.
SELECT jsonb_pretty(content) FROM dashboard_snapshots WHERE dashboard_artifact_id = 'games';
SELECT s.view_hash = md5(d.view_spec::text) AS view_hash, s.content_hash = md5(s.content::text) AS content_hash,
       s.captured_at BETWEEN now() - interval '1 min' AND clock_timestamp() AS now
  FROM dashboard_snapshots s JOIN dashboards d ON d.id = s.dashboard_artifact_id WHERE d.id = 'games';

-- It alerts as any other snapshot does; with nothing changed it tells nobody, and its hash is the same.
INSERT INTO personas (id) VALUES ('regress_fan');
SELECT subscribe('games', 'persona', 'regress_fan', '{"OR": [{"value_delta": 0.000001}, {"set_added_min": 1}, {"set_removed_min": 1}, {"top_n_reordering": 1},
                                                             {"field_changed": "played"}, {"field_changed": "extra"}]}') IS NOT NULL AS subscribed;
SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'; SET extra_float_digits = -3; SET search_path = public, pg_temp;
SELECT take_snapshot('games') IS NOT NULL AS taken;
RESET TimeZone; RESET DateStyle; RESET extra_float_digits; RESET search_path;
SELECT count(*) AS snapshots, count(DISTINCT content_hash) AS pictures FROM dashboard_snapshots WHERE dashboard_artifact_id = 'games';
SELECT count(*) AS alerts FROM dashboard_alerts;
UPDATE regress_scores SET score = 1 WHERE id = 'bob';
SELECT take_snapshot('games') IS NOT NULL AS taken;
SELECT summary FROM dashboard_alerts WHERE dashboard_artifact_id = 'games';
-- What the own transaction wrote is seen, and a roll-back leaves nothing.
BEGIN;
DELETE FROM regress_scores WHERE id = 'bob';
SELECT take_snapshot('games') IS NOT NULL AS taken;
SELECT summary FROM dashboard_alerts WHERE dashboard_artifact_id = 'games' ORDER BY id DESC LIMIT 1;
ROLLBACK;
SELECT count(*) AS snapshots FROM dashboard_snapshots WHERE dashboard_artifact_id = 'games';

--
-- A query that fails inserts nothing
--
CREATE FUNCTION regress_taken(sql text DEFAULT NULL, sources jsonb DEFAULT '{}', spec jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
  DECLARE detail text; hint text; before bigint := (SELECT count(*) FROM dashboard_snapshots);
  BEGIN
    IF sql IS NOT NULL THEN
      UPDATE dashboards SET view_spec = jsonb_build_object(
          'data_sources', jsonb_build_object('rows', jsonb_build_object('sql', sql)) || sources, 'primary', 'rows') || spec
       WHERE id = 'games';
    END IF;
    BEGIN
      PERFORM take_snapshot('games');
      RETURN (SELECT content FROM dashboard_snapshots WHERE dashboard_artifact_id = 'games' ORDER BY id DESC LIMIT 1);
    EXCEPTION WHEN OTHERS OR query_canceled THEN
      GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
      RETURN concat_ws(' | ', SQLSTATE, SQLERRM, detail, nullif(hint, ''),
                       CASE WHEN (SELECT count(*) FROM dashboard_snapshots) <> before THEN 'INSERTED' END);
    END;
  END $$;
\x on
\t on
SELECT regress_taken('SELECT id FROM no_such_table');
SELECT regress_taken('SELECT 1 / (score - score) AS id FROM regress_scores');
SELECT regress_taken('SELECT $1 AS id');
SELECT regress_taken('SELECT 1 AS nothing');
SELECT regress_taken('SELECT unnest(ARRAY[1, 1]) AS id');
SELECT regress_taken('SELECT NULL AS id');
SET dashboard_diff.view_timeout = '50ms';
SELECT regress_taken('SELECT pg_sleep(60)::text AS id');
SELECT regress_taken('SELECT id FROM generate_series(1, 1e12) AS id WHERE id < 0');
RESET dashboard_diff.view_timeout;
SET dashboard_diff.max_rows = 10;
SELECT regress_taken('SELECT id FROM generate_series(1, 11) AS id');
SELECT regress_taken('SELECT id FROM generate_series(1, 10) AS id');
RESET dashboard_diff.max_rows;
-- Somebody else's time limit ends the statement as ever.
UPDATE dashboards SET view_spec = '{"data_sources": {"rows": {"sql": "SELECT pg_sleep(60)::text AS id"}}}' WHERE id = 'games';
SET statement_timeout = '200ms';
SELECT take_snapshot('games');
RESET statement_timeout;
-- The primary metric must be one, but may be unknown.
SELECT regress_taken('SELECT 1 AS id', '{"n": {"sql": "SELECT 1 AS id, 2 AS n"}}', '{"primary_metric": "n"}');
SELECT regress_taken('SELECT 1 AS id', '{"n": {"sql": "SELECT ''NaN''::numeric"}}', '{"primary_metric": "n"}');
SELECT regress_taken('SELECT 1 AS id', '{"n": {"sql": "SELECT 1 WHERE false"}}', '{"primary_metric": "n"}');
-- Rows that are called primary are rows, even where they look like a metric; numbers of all types are metrics, other types are not.
SELECT regress_taken('SELECT 1 AS id', '{"a": {"sql": "SELECT 1.50::float4"}, "b": {"sql": "SELECT 2::smallint"}, "c": {"sql": "SELECT -3e400::numeric"}}');
SELECT regress_taken('SELECT 1 AS id', '{"text": {"sql": "SELECT ''x'' AS id"}, "two": {"sql": "VALUES (1), (2)"}}', '{"id_field": "id"}');
-- Dashboards without queries, or none.
UPDATE dashboards SET view_spec = '{"made": "elsewhere"}' WHERE id = 'games';
SELECT regress_taken();
UPDATE dashboards SET view_spec = NULL WHERE id = 'games';
SELECT regress_taken();
DELETE FROM dashboards WHERE id = 'games';
SELECT regress_taken();
INSERT INTO dashboards (id) VALUES ('games');
\x off
\t off
-- The session goes on as if nothing had been, also where the error is caught.
DO $$
DECLARE caught text;
BEGIN
  UPDATE dashboards SET view_spec = '{"data_sources": {"x": {"sql": "SELECT 1 / 0 AS id"}}}' WHERE id = 'games';
  FOR i IN 1..3 LOOP
    BEGIN
      PERFORM take_snapshot('games');
    EXCEPTION WHEN division_by_zero THEN
      caught := SQLERRM;
    END;
  END LOOP;
  RAISE NOTICE '%', caught;
END $$;
SELECT current_user = session_user AS myself, current_setting('transaction_read_only') AS read_only;
-- A snapshot of no rows is one.
UPDATE dashboards SET view_spec = '{"data_sources": {"x": {"sql": "SELECT 1 AS id WHERE false"}}}' WHERE id = 'games';
SELECT take_snapshot('games') IS NOT NULL AS taken;
SELECT content FROM dashboard_snapshots WHERE dashboard_artifact_id = 'games' ORDER BY id DESC LIMIT 1;
DELETE FROM dashboards WHERE id = 'games';
DROP FUNCTION regress_taken;
DROP TABLE regress_scores;
DELETE FROM personas WHERE id = 'regress_fan';
