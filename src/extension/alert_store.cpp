#include "extension/alert_store.h"

namespace dashboard_diff {

namespace {

Statement dashboard_statement{
    R"(
SELECT d.owner
  FROM @extschema@.dashboards d
 WHERE d.id = $1
   AND EXISTS (SELECT FROM @extschema@.dashboard_subscriptions s
                WHERE s.dashboard_artifact_id = $1 AND s.is_active)
)",
    1,
    {TEXTOID}};

// Steps from key to key through the index: the cost follows the distinct thresholds, not the
// subscriptions.
Statement thresholds_statement{
    R"(
WITH RECURSIVE met AS (
  (SELECT s.threshold_key
     FROM @extschema@.dashboard_subscriptions s
    WHERE s.dashboard_artifact_id = $1 AND s.is_active
    ORDER BY s.threshold_key
    LIMIT 1)
  UNION ALL
  SELECT (SELECT s.threshold_key
            FROM @extschema@.dashboard_subscriptions s
           WHERE s.dashboard_artifact_id = $1 AND s.is_active
             AND s.threshold_key > m.threshold_key
           ORDER BY s.threshold_key
           LIMIT 1)
    FROM met m
   WHERE m.threshold_key IS NOT NULL
)
SELECT m.threshold_key, t.threshold_json
  FROM met m
 CROSS JOIN LATERAL (
   SELECT s.threshold_json
     FROM @extschema@.dashboard_subscriptions s
    WHERE s.dashboard_artifact_id = $1 AND s.is_active AND s.threshold_key = m.threshold_key
    LIMIT 1) t
)",
    1,
    {TEXTOID}};

Statement store_statement{
    R"(
WITH met AS (
  SELECT m.threshold_key, m.explanation, m.summary
    FROM unnest($5::text[], $6::jsonb[], $7::text[]) AS m(threshold_key, explanation, summary)
), told AS (
  UPDATE @extschema@.dashboard_subscriptions s
     SET last_notified_snapshot_id = $3, last_notified_at = $4
    FROM met m
   WHERE s.dashboard_artifact_id = $1
     AND s.is_active
     AND s.threshold_key = m.threshold_key
     AND (s.muted_until IS NULL OR s.muted_until <= $4)
     AND (s.cooldown IS NULL OR s.last_notified_at IS NULL
          OR s.last_notified_at + s.cooldown <= $4)
  RETURNING s.id, s.subscriber_kind, s.subscriber_id, m.explanation, m.summary
), pair AS (
  INSERT INTO @extschema@.dashboard_diffs
    (dashboard_artifact_id, snapshot_a, snapshot_b, diff, excerpt)
  SELECT $1, $2, $3, $8, $9
   WHERE EXISTS (SELECT FROM told)
  -- Ids come again where a table was emptied: the new snapshot is the one that counts.
  ON CONFLICT (dashboard_artifact_id, snapshot_a, snapshot_b) DO UPDATE
    SET diff = EXCLUDED.diff, excerpt = EXCLUDED.excerpt, created_at = EXCLUDED.created_at
), alert AS (
  INSERT INTO @extschema@.dashboard_alerts
    (dashboard_artifact_id, subscription_id, snapshot_a, snapshot_b, explanation, summary)
  SELECT $1, t.id, $2, $3, t.explanation, t.summary
    FROM told t
   ORDER BY t.id
  ON CONFLICT (dashboard_artifact_id, subscription_id, snapshot_b) DO UPDATE
    SET snapshot_a = EXCLUDED.snapshot_a, explanation = EXCLUDED.explanation,
        summary = EXCLUDED.summary, created_at = EXCLUDED.created_at
  RETURNING id, subscription_id
), outbox AS (
  INSERT INTO @extschema@.dashboard_deliveries
    (dashboard_artifact_id, alert_id, subscriber_kind, target)
  -- By the key of the subscriptions: of a CTE the planner knows no size.
  SELECT $1, a.id, s.subscriber_kind, s.subscriber_id
    FROM alert a
    JOIN @extschema@.dashboard_subscriptions s
      ON s.dashboard_artifact_id = $1 AND s.id = a.subscription_id
   WHERE s.subscriber_kind <> 'persona'
   ORDER BY a.id
), comment AS (
  INSERT INTO @extschema@.artifact_comments
    (artifact_id, author_id, author_type, comment_type, content, mentions)
  SELECT $1, 'dashboard_diff', 'system', 'snapshot_alert',
         '@' || t.subscriber_id || ' ' || t.summary, ARRAY[t.subscriber_id]
    FROM told t
   WHERE t.subscriber_kind = 'persona'
   ORDER BY t.id
)
SELECT count(*) FROM told
)",
    9,
    {TEXTOID, INT8OID, INT8OID, TIMESTAMPTZOID, TEXTARRAYOID, JSONBARRAYOID, TEXTARRAYOID, JSONBOID,
     JSONBOID}};

Datum make_array(Datum* elements, int count, Oid type) {
    return PointerGetDatum(construct_array(elements, count, type, -1, false, TYPALIGN_INT));
}

} // namespace

AlertedDashboard find_alerted_dashboard(const Installation& installation, const char* dashboard) {
    Datum values[] = {CStringGetTextDatum(dashboard)};
    execute(dashboard_statement, installation, values, nullptr, Visibility::transaction, 1);
    if (SPI_processed == 0)
        return {false, nullptr};
    return {true, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1)};
}

StoredThresholds find_thresholds(const Installation& installation, const char* dashboard) {
    Datum values[] = {CStringGetTextDatum(dashboard)};
    execute(thresholds_statement, installation, values, nullptr, Visibility::transaction, 0);
    StoredThresholds found{SPI_processed, nullptr, nullptr};
    const std::size_t bytes = found.count * sizeof(Datum);
    found.keys = static_cast<Datum*>(palloc(bytes));
    found.documents = static_cast<Datum*>(palloc(bytes));
    for (std::uint64_t i = 0; i < found.count; ++i) {
        bool is_null;
        const HeapTuple row = SPI_tuptable->vals[i];
        found.keys[i] = SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &is_null);
        found.documents[i] = SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &is_null);
    }
    return found;
}

std::int64_t store_alerts(const Installation& installation, const Findings& findings) {
    Datum values[] = {
        CStringGetTextDatum(findings.dashboard),
        Int64GetDatum(findings.snapshot_a),
        Int64GetDatum(findings.snapshot_b),
        TimestampTzGetDatum(findings.captured_at),
        make_array(findings.keys, findings.count, TEXTOID),
        make_array(findings.explanations, findings.count, JSONBOID),
        make_array(findings.summaries, findings.count, TEXTOID),
        findings.diff,
        findings.excerpt,
    };
    const char nulls[] = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', findings.excerpt == 0 ? 'n' : ' ',
                          '\0'};
    execute(store_statement, installation, values, nulls, Visibility::transaction, 0);
    bool is_null;
    return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
}

} // namespace dashboard_diff
