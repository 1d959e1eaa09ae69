-- Work that is done by one at a time.

CREATE FUNCTION @extschema@.lock_work(work text, wait boolean DEFAULT true) RETURNS boolean
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'dashboard_diff_lock_work';
REVOKE ALL ON FUNCTION @extschema@.lock_work(text, boolean) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.lock_work(text, boolean) IS
'takes turns at a work, to the end of the transaction; false where somebody else is at it and one does not wait. Unlike the server''s advisory locks it is not everybody''s to take';

CREATE FUNCTION @extschema@.lock_works(works text[]) RETURNS void
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'dashboard_diff_lock_works';
REVOKE ALL ON FUNCTION @extschema@.lock_works(text[]) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.lock_works(text[]) IS
'takes turns at several works, as lock_work() does at one; none of them is held up while another one is waited for';

CREATE FUNCTION @extschema@.can_take_snapshot(dashboard_id text) RETURNS boolean
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'dashboard_diff_can_take_snapshot';
REVOKE ALL ON FUNCTION @extschema@.can_take_snapshot(text) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.can_take_snapshot(text) IS
'whether no other transaction has taken or inserted a snapshot of the dashboard and is still open, so that taking one would wait for it';
