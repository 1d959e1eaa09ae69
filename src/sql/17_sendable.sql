-- What is sent to listeners, who read UTF-8 and have memory for many messages, not for one of any
-- size.

CREATE FUNCTION @extschema@.sendable(given text, max_chars integer) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'dashboard_diff_sendable_text';
REVOKE ALL ON FUNCTION @extschema@.sendable(text, integer) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.sendable(text, integer) IS
'the first characters of the text, with a question mark in place of what cannot be converted to UTF-8';

CREATE FUNCTION @extschema@.sendable(given jsonb, max_bytes integer) RETURNS jsonb
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'dashboard_diff_sendable_jsonb';
REVOKE ALL ON FUNCTION @extschema@.sendable(jsonb, integer) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.sendable(jsonb, integer) IS
'the document, with a question mark in place of what cannot be converted to UTF-8; null where it is larger';

CREATE FUNCTION @extschema@.sendable_entries(entries jsonb) RETURNS jsonb
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT coalesce(jsonb_agg(
           jsonb_build_object(
             'dashboard_id', left(e.entry ->> 'dashboard_id', 200),
             'title', left(e.entry ->> 'title', 200),
             'status', left(e.entry ->> 'status', 20),
             'was', left(e.entry ->> 'was', 20),
             'headline', left(e.entry ->> 'headline', 300),
             'summary', left(e.entry ->> 'summary', 500),
             'issues', (SELECT coalesce(jsonb_agg(
                                 jsonb_build_object(
                                   'severity', left(i.issue ->> 'severity', 20),
                                   'message', left(i.issue ->> 'message', 200),
                                   'location', left(i.issue ->> 'location', 100))
                                 ORDER BY i.place), '[]')
                          FROM jsonb_array_elements(
                                 CASE jsonb_typeof(e.entry -> 'issues')
                                   WHEN 'array' THEN e.entry -> 'issues' ELSE '[]' END)
                                 WITH ORDINALITY AS i(issue, place)
                         WHERE i.place <= 3),
             'issue_count', CASE WHEN length(e.entry ->> 'issue_count') <= 9
                                 THEN e.entry -> 'issue_count' END)
           ORDER BY e.place), '[]')
    FROM jsonb_array_elements(CASE jsonb_typeof(sendable_entries.entries)
                                WHEN 'array' THEN sendable_entries.entries ELSE '[]' END)
           WITH ORDINALITY AS e(entry, place)
   WHERE e.place <= 50;
END;
REVOKE ALL ON FUNCTION @extschema@.sendable_entries(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.sendable_entries(jsonb) IS
'the entries of a large notice, cut short';

-- A webhook's path is often its secret, and what the database says of it is seen by others than the
-- subscriber.
CREATE FUNCTION @extschema@.loggable_target(target text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT CASE WHEN loggable_target.target LIKE '%://%' THEN
           format('%s (%s)',
                  regexp_replace(substring(loggable_target.target FROM '^[^/]*://[^/\\?#]*'),
                                 '//.*@', '//'),
                  left(encode(sha256(convert_to(loggable_target.target,
                                                getdatabaseencoding()::text::name)), 'hex'), 8))
         ELSE loggable_target.target END;
END;
COMMENT ON FUNCTION @extschema@.loggable_target(text) IS
'a target as it is told to others: of a URL the host, and the first 8 hexadecimal digits of the SHA-256 of all of it, which tell it from others';
