-- dashboard_diff 1.0: tells people when a live dashboard has materially changed
-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION dashboard_diff" to load this file. \quit

-- Nothing but pg_catalog is searched below, so that no object of another schema can take part in an
-- expression; all that the extension makes or uses of its own is named with its schema.
SET LOCAL search_path TO pg_catalog, pg_temp;
