-- Work that is done by one at a time.

CREATE FUNCTION @extschema@.lock_work(work text, wait boolean DEFAULT true) RETURNS boolean
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'dashboard_diff_lock_work';
REVOKE ALL ON FUNCTION @extschema@.lock_work(text, boolean) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.lock_work(text, boolean) IS
'takes turns at a work, to the end of the transaction; false where somebody else is at it and one does not wait. Unlike the server''s advisory locks it is not everybody''s to take';
