-- A threshold tried on the snapshots that are already there.

CREATE FUNCTION @extschema@.backtest_threshold(
  dashboard_id text,
  threshold jsonb,
  baseline text DEFAULT 'previous',
  since timestamptz DEFAULT '-infinity',
  cooldown interval DEFAULT NULL
) RETURNS TABLE (
  snapshot_a bigint,
  snapshot_b bigint,
  captured_at timestamptz,
  explanation jsonb
)
LANGUAGE c STABLE ROWS 10
AS 'MODULE_PATHNAME', 'dashboard_diff_backtest_threshold';
COMMENT ON FUNCTION @extschema@.backtest_threshold(text, jsonb, text, timestamptz, interval) IS
'the alerts that a subscription made at since would have had: the dashboard''s snapshots are replayed in the order of (captured_at, id) by the code of the trigger, baseline and cooldown included';
CREATE FUNCTION @extschema@.suggest_threshold(
  dashboard_id text,
  threshold jsonb,
  alerts_per_week numeric,
  baseline text DEFAULT 'previous',
  since timestamptz DEFAULT '-infinity',
  cooldown interval DEFAULT NULL
) RETURNS jsonb
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'dashboard_diff_suggest_threshold';
COMMENT ON FUNCTION @extschema@.suggest_threshold(text, jsonb, numeric, text, timestamptz, interval) IS
'the same rule with its limit chosen so that the dashboard''s history would have sent about that many alerts a week; the limits of a tree, but for those under NOT, are all raised or lowered by one factor';
