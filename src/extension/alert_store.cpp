#include "extension/alert_store.h"

extern "C" {
#include "utils/datum.h"
}

namespace dashboard_diff {

namespace {

constexpr int groups_at_once = 256;

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

// Steps from key to key through the index: the cost follows the distinct groups, not the
// subscriptions.
Statement groups_statement{
    R"(
WITH RECURSIVE step AS (
  (SELECT s.evaluation_key
     FROM @extschema@.dashboard_subscriptions s
    WHERE s.dashboard_artifact_id = $1 AND s.is_active AND s.evaluation_key >= $2
    ORDER BY s.evaluation_key
    LIMIT 1)
  UNION ALL
  SELECT (SELECT s.evaluation_key
            FROM @extschema@.dashboard_subscriptions s
           WHERE s.dashboard_artifact_id = $1 AND s.is_active
             AND s.evaluation_key > step.evaluation_key
           ORDER BY s.evaluation_key
           LIMIT 1)
    FROM step
   WHERE step.evaluation_key IS NOT NULL
), found AS (
  SELECT step.evaluation_key FROM step WHERE step.evaluation_key IS NOT NULL LIMIT $3
)
SELECT found.evaluation_key, one.threshold_json, one.baseline_snapshot_id, one.baseline_at
  FROM found
 CROSS JOIN LATERAL (
   SELECT s.threshold_json, s.baseline_snapshot_id, s.baseline_at
     FROM @extschema@.dashboard_subscriptions s
    WHERE s.dashboard_artifact_id = $1 AND s.is_active
      AND s.evaluation_key = found.evaluation_key
    ORDER BY s.id
    LIMIT 1) one
 ORDER BY found.evaluation_key
)",
    3,
    {TEXTOID, TEXTOID, INT4OID}};

Statement group_statement{
    R"(
SELECT s.evaluation_key, s.threshold_json, s.baseline_snapshot_id, s.baseline_at
  FROM @extschema@.dashboard_subscriptions s
 WHERE s.dashboard_artifact_id = $1 AND s.id = $2 AND s.is_active
)",
    2,
    {TEXTOID, INT8OID}};

// Of a CTE the planner knows no size, so that none is joined: subscriptions are found by an array
// of ids, and what their alerts hold in arrays, by the threshold's part of the key, which stays as
// it is when the baseline's part changes.
Statement store_statement{
    R"(
WITH met AS (
  SELECT m.key, m.place FROM unnest($5::text[]) WITH ORDINALITY AS m(key, place)
), next AS (
  SELECT s.id, m.key, m.place
    FROM met m
   CROSS JOIN LATERAL (
     SELECT u.id
       FROM @extschema@.dashboard_subscriptions u
      WHERE u.dashboard_artifact_id = $1 AND u.is_active AND u.evaluation_key = m.key
        AND u.id > CASE m.place WHEN 1 THEN $6 ELSE '-9223372036854775808'::bigint END
        AND u.created_at <= $8 AND ($15 = 0 OR u.id = $15)
      ORDER BY u.id
      LIMIT $7) s
   -- Group by group without being sorted: what is lateral can only be a nested loop.
   LIMIT $7
), free AS (
  SELECT next.id FROM next WHERE NOT $16
  UNION ALL
  SELECT locked.id
    FROM (SELECT u.id FROM @extschema@.dashboard_subscriptions u
           WHERE $16 AND u.dashboard_artifact_id = $1
             AND u.id = ANY (ARRAY(SELECT next.id FROM next))
             FOR NO KEY UPDATE SKIP LOCKED) locked
), told AS (
  UPDATE @extschema@.dashboard_subscriptions s
     SET last_notified_snapshot_id = $3, last_notified_at = $4,
         baseline_snapshot_id = $3, baseline_at = $4
   WHERE s.dashboard_artifact_id = $1
     AND s.id = ANY (ARRAY(SELECT free.id FROM free))
     AND s.is_active
     AND s.evaluation_key = ANY ($5)
     AND @extschema@.alert_is_due($4, s.muted_until, s.cooldown, s.last_notified_at)
     AND ($9 OR NOT EXISTS (SELECT FROM @extschema@.dashboard_alerts a
                             WHERE a.dashboard_artifact_id = $1 AND a.subscription_id = s.id
                               AND a.snapshot_b = $3))
  RETURNING s.id, s.subscriber_kind, s.subscriber_id, nextval($10) AS alert_id,
            array_position(ARRAY(SELECT right(met.key, 32) FROM met ORDER BY met.place),
                           right(s.evaluation_key, 32)) AS place,
            right(s.evaluation_key, 32)::uuid AS finding
), pair AS (
  INSERT INTO @extschema@.dashboard_diffs AS d
    (dashboard_artifact_id, snapshot_a, snapshot_b, diff, excerpt)
  SELECT $1, $2, $3, $11, $12
   WHERE EXISTS (SELECT FROM told)
  -- A threshold judged later may look at a larger top N.
  ON CONFLICT (dashboard_artifact_id, snapshot_b, snapshot_a) DO UPDATE
    SET diff = EXCLUDED.diff, excerpt = EXCLUDED.excerpt
    WHERE d.diff -> 'top_n' < EXCLUDED.diff -> 'top_n'
), alert AS (
  INSERT INTO @extschema@.dashboard_alerts
    (dashboard_artifact_id, id, subscription_id, snapshot_a, snapshot_b, explanation, summary,
     finding)
  SELECT $1, t.alert_id, t.id, $2, $3, $13[t.place], $14[t.place], t.finding
    FROM told t
), outbox AS (
  INSERT INTO @extschema@.dashboard_deliveries
    (dashboard_artifact_id, alert_id, subscriber_kind, target)
  SELECT $1, t.alert_id, t.subscriber_kind, t.subscriber_id
    FROM told t
   WHERE t.subscriber_kind <> 'persona'
), comment AS (
  INSERT INTO @extschema@.artifact_comments
    (artifact_id, author_id, author_type, comment_type, content, mentions)
  SELECT $1, 'dashboard_diff', 'system', 'snapshot_alert',
         '@' || t.subscriber_id || ' ' || $14[t.place], ARRAY[t.subscriber_id]
    FROM told t
   WHERE t.subscriber_kind = 'persona'
), last AS (
  SELECT n.key, n.id FROM next n ORDER BY n.place DESC, n.id DESC LIMIT 1
)
SELECT (SELECT count(*) FROM told), (SELECT count(*) FROM next),
       (SELECT last.key FROM last), (SELECT last.id FROM last), 
       (SELECT array_agg(next.id) FROM next
         WHERE $16 AND next.id <> ALL (ARRAY(SELECT free.id FROM free)))
)",
    16,
    {TEXTOID, INT8OID, INT8OID, TIMESTAMPTZOID, TEXTARRAYOID, INT8OID, INT4OID, TIMESTAMPTZOID,
     BOOLOID, REGCLASSOID, JSONBOID, JSONBOID, JSONBARRAYOID, TEXTARRAYOID, INT8OID, BOOLOID}};

Statement baseline_statement{
    R"(
WITH next AS (
  SELECT s.id
    FROM @extschema@.dashboard_subscriptions s
   WHERE s.dashboard_artifact_id = $1 AND s.is_active AND s.evaluation_key = $4 AND s.id > $5
     AND s.created_at <= $7 AND ($8 = 0 OR s.id = $8)
   ORDER BY s.id
   LIMIT $6
), free AS (
  SELECT next.id FROM next WHERE NOT $9
  UNION ALL
  SELECT locked.id
    FROM (SELECT u.id FROM @extschema@.dashboard_subscriptions u
           WHERE $9 AND u.dashboard_artifact_id = $1
             AND u.id = ANY (ARRAY(SELECT next.id FROM next))
             FOR NO KEY UPDATE SKIP LOCKED) locked
), moved AS (
  UPDATE @extschema@.dashboard_subscriptions s
     SET baseline_snapshot_id = $2, baseline_at = $3
   WHERE s.dashboard_artifact_id = $1 AND s.id = ANY (ARRAY(SELECT free.id FROM free))
     AND s.evaluation_key = $4
)
SELECT 0::bigint, (SELECT count(*) FROM next), $4, (SELECT max(next.id) FROM next), 
       (SELECT array_agg(next.id) FROM next
         WHERE $9 AND next.id <> ALL (ARRAY(SELECT free.id FROM free)))
)",
    9,
    {TEXTOID, INT8OID, TIMESTAMPTZOID, TEXTOID, INT8OID, INT4OID, TIMESTAMPTZOID, INT8OID,
     BOOLOID}};

Statement forget_statement{
    R"(
DELETE FROM @extschema@.dashboard_diffs d
 WHERE d.dashboard_artifact_id = $1 AND d.snapshot_b = $2
)",
    2,
    {TEXTOID, INT8OID}};

Statement event_statement{
    R"(
INSERT INTO @extschema@.dashboard_events (dashboard_artifact_id, event_type, snapshot_id, message)
SELECT $1, $2, $3, $4
 WHERE NOT EXISTS (SELECT FROM @extschema@.dashboard_events e
                    WHERE e.dashboard_artifact_id = $1 AND e.snapshot_id = $3
                      AND e.event_type = $2 AND e.message = $4)
)",
    4,
    {TEXTOID, TEXTOID, INT8OID, TEXTOID}};

FanOutProgress read_progress(int limit) {
    const HeapTuple row = SPI_tuptable->vals[0];
    const TupleDesc columns = SPI_tuptable->tupdesc;
    bool is_null;
    FanOutProgress progress{};
    progress.alerts = DatumGetInt64(SPI_getbinval(row, columns, 1, &is_null));
    progress.finished = DatumGetInt64(SPI_getbinval(row, columns, 2, &is_null)) < limit;
    if (!progress.finished) {
        progress.key = SPI_getvalue(row, columns, 3);
        progress.subscription = DatumGetInt64(SPI_getbinval(row, columns, 4, &is_null));
    }
    const Datum passed_over = SPI_getbinval(row, columns, 5, &is_null);
    if (!is_null)
        deconstruct_array(DatumGetArrayTypePCopy(passed_over), INT8OID, sizeof(std::int64_t),
                          FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &progress.passed_over, nullptr,
                          &progress.passed_over_count);
    SPI_freetuptable(SPI_tuptable);
    return progress;
}

Datum make_array(Datum* elements, int count, Oid type) {
    return PointerGetDatum(construct_array(elements, count, type, -1, false, TYPALIGN_INT));
}

// Of the rows of the last statement, which `at_once` is the limit of.
SubscriptionGroups read_groups(int at_once) {
    SubscriptionGroups found{static_cast<int>(SPI_processed),
                             SPI_processed < static_cast<std::uint64_t>(at_once), nullptr};
    found.groups = static_cast<SubscriptionGroup*>(
        palloc(sizeof(SubscriptionGroup) * static_cast<std::size_t>(found.count + 1)));
    for (int i = 0; i < found.count; ++i) {
        bool is_null;
        const HeapTuple row = SPI_tuptable->vals[i];
        const TupleDesc columns = SPI_tuptable->tupdesc;
        SubscriptionGroup& group = found.groups[i];
        group.key = SPI_getvalue(row, columns, 1);
        group.threshold = datumCopy(SPI_getbinval(row, columns, 2, &is_null), false, -1);
        group.baseline_id = DatumGetInt64(SPI_getbinval(row, columns, 3, &is_null));
        const Datum at = SPI_getbinval(row, columns, 4, &is_null);
        group.baseline_at = is_null ? DT_NOBEGIN : DatumGetTimestampTz(at);
    }
    SPI_freetuptable(SPI_tuptable);
    return found;
}

} // namespace

AlertedDashboard find_alerted_dashboard(const Installation& installation, const char* dashboard) {
    Datum values[] = {CStringGetTextDatum(dashboard)};
    execute(dashboard_statement, installation, values, nullptr, Visibility::transaction, 1);
    if (SPI_processed == 0)
        return {false, nullptr};
    return {true, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1)};
}

SubscriptionGroups find_groups(const Installation& installation, const char* dashboard,
                               const char* from) {
    Datum values[] = {CStringGetTextDatum(dashboard), CStringGetTextDatum(from),
                      Int32GetDatum(groups_at_once)};
    execute(groups_statement, installation, values, nullptr, Visibility::transaction, 0);
    return read_groups(groups_at_once);
}

SubscriptionGroups find_group_of(const Installation& installation, const char* dashboard,
                                 std::int64_t subscription) {
    Datum values[] = {CStringGetTextDatum(dashboard), Int64GetDatum(subscription)};
    execute(group_statement, installation, values, nullptr, Visibility::transaction, 0);
    return read_groups(2);
}

FanOutProgress store_alerts(const Installation& installation, const FanOut& fan_out,
                            std::int64_t after, int limit) {
    Datum values[] = {
        CStringGetTextDatum(fan_out.dashboard),
        Int64GetDatum(fan_out.snapshot_a),
        Int64GetDatum(fan_out.snapshot_b),
        TimestampTzGetDatum(fan_out.captured_at),
        make_array(fan_out.keys, fan_out.count, TEXTOID),
        Int64GetDatum(after),
        Int32GetDatum(limit),
        TimestampTzGetDatum(fan_out.subscribed_before),
        BoolGetDatum(!fan_out.resumed),
        ObjectIdGetDatum(get_relname_relid("dashboard_alerts_id_seq", installation.schema)),
        fan_out.diff,
        fan_out.excerpt,
        make_array(fan_out.explanations, fan_out.count, JSONBOID),
        make_array(fan_out.summaries, fan_out.count, TEXTOID),
        Int64GetDatum(fan_out.only),
        BoolGetDatum(fan_out.passes_over_locks),
    };
    char nulls[] = "                ";
    nulls[11] = fan_out.excerpt == 0 ? 'n' : ' ';
    execute(store_statement, installation, values, nulls, Visibility::transaction, 0);
    return read_progress(limit);
}

FanOutProgress move_baseline(const Installation& installation, const FanOut& fan_out,
                             std::int64_t after, int limit) {
    Datum values[] = {
        CStringGetTextDatum(fan_out.dashboard),
        Int64GetDatum(fan_out.snapshot_b),
        TimestampTzGetDatum(fan_out.captured_at),
        fan_out.keys[0],
        Int64GetDatum(after),
        Int32GetDatum(limit),
        TimestampTzGetDatum(fan_out.subscribed_before),
        Int64GetDatum(fan_out.only),
        BoolGetDatum(fan_out.passes_over_locks),
    };
    execute(baseline_statement, installation, values, nullptr, Visibility::transaction, 0);
    return read_progress(limit);
}

void forget_alerts(const Installation& installation, const char* dashboard, std::int64_t snapshot) {
    Datum values[] = {CStringGetTextDatum(dashboard), Int64GetDatum(snapshot)};
    execute(forget_statement, installation, values, nullptr, Visibility::transaction, 0);
}

void store_event(const Installation& installation, const char* dashboard, const char* type,
                 std::int64_t snapshot, const char* message) {
    Datum values[] = {CStringGetTextDatum(dashboard), CStringGetTextDatum(type),
                      Int64GetDatum(snapshot), CStringGetTextDatum(message)};
    execute(event_statement, installation, values, nullptr, Visibility::transaction, 0);
}

} // namespace dashboard_diff
