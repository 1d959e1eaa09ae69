// The BEFORE triggers of dashboard_snapshots: a snapshot gets its time and its view's hash, and
// stays as it is.

#include "extension/alert_store.h"
#include "extension/guard.h"
#include "extension/row_trigger.h"
#include "extension/snapshot_order.h"
#include "extension/statement.h"

namespace dashboard_diff {

namespace {

Statement hash_statement{
    R"(
SELECT md5(d.view_spec::text) FROM @extschema@.dashboards d WHERE d.id = $1
)",
    1,
    {TEXTOID}};

Statement latest_statement{
    R"(
SELECT s.captured_at
  FROM @extschema@.dashboard_snapshots s
 WHERE s.dashboard_artifact_id = $1
 ORDER BY s.captured_at DESC
 LIMIT 1
)",
    1,
    {TEXTOID}};

// The text, or 0 where the dashboard has no view_spec.
Datum find_view_hash(const Installation& installation, const char* dashboard) {
    Datum values[] = {CStringGetTextDatum(dashboard)};
    execute(hash_statement, installation, values, nullptr, Visibility::latest, 1);
    if (SPI_processed == 0)
        return 0;
    bool is_null;
    const Datum hash = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
    return is_null ? 0 : hash;
}

TimestampTz find_latest(const Installation& installation, const char* dashboard) {
    Datum values[] = {CStringGetTextDatum(dashboard)};
    execute(latest_statement, installation, values, nullptr, Visibility::latest, 1);
    if (SPI_processed == 0)
        return DT_NOBEGIN;
    bool is_null;
    return DatumGetTimestampTz(
        SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
}

// Now, but later than every snapshot that the dashboard has: also when the clock stepped back.
TimestampTz make_captured_at(const Installation& installation, const char* dashboard) {
    // The last one made. Within a statement it counts as the dashboard's latest: the rows that the
    // statement has inserted so far cannot be seen, but to look for others means to walk over them.
    static StatementId statement;
    static char of[513];
    static TimestampTz last;
    const StatementId current = current_statement(GetActiveSnapshot());
    const bool again = current == statement && strcmp(of, dashboard) == 0;
    const TimestampTz latest = again ? last : find_latest(installation, dashboard);
    last = GetCurrentTimestamp();
    if (!TIMESTAMP_NOT_FINITE(latest) && last <= latest)
        last = latest + 1;
    statement = current;
    // A longer id than fits is refused by its table's CHECK.
    strlcpy(of, dashboard, sizeof of);
    return last;
}

HeapTuple stamp_row(FunctionCallInfo fcinfo) {
    TriggerData* trigger = called_before_row(fcinfo, "dashboard_snapshot_stamp");
    const TupleDesc columns = RelationGetDescr(trigger->tg_relation);
    const char* dashboard = column_text(trigger, "dashboard_artifact_id");
    if (dashboard == nullptr)
        return trigger->tg_trigtuple; // the NOT NULL constraint speaks next

    int numbers[] = {SPI_fnumber(columns, "captured_at"), SPI_fnumber(columns, "view_hash")};
    Datum values[2];
    bool nulls[2];
    for (int i = 0; i < 2; ++i)
        values[i] = SPI_getbinval(trigger->tg_trigtuple, columns, numbers[i], &nulls[i]);
    if (!nulls[0] && !nulls[1])
        return trigger->tg_trigtuple;

    const Installation installation = find_installation(fcinfo->flinfo->fn_oid);
    const MemoryContext row_context = CurrentMemoryContext;
    const int level = begin_statements();
    // Where somebody is going to be told, the order of the times is the order of the commits.
    if (nulls[0] && find_alerted_dashboard(installation, dashboard).has_subscribers)
        lock_dashboard(installation.schema, dashboard);
    if (nulls[0]) {
        values[0] = TimestampTzGetDatum(make_captured_at(installation, dashboard));
        nulls[0] = false;
    }
    if (nulls[1]) {
        values[1] = find_view_hash(installation, dashboard);
        nulls[1] = values[1] == 0;
    }
    const MemoryContext statement_context = MemoryContextSwitchTo(row_context);
    const HeapTuple stamped =
        heap_modify_tuple_by_cols(trigger->tg_trigtuple, columns, 2, numbers, values, nulls);
    MemoryContextSwitchTo(statement_context);
    end_statements(level);
    return stamped;
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_snapshot_stamp) {
    return guarded([&] { return PointerGetDatum(stamp_row(fcinfo)); });
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_snapshot_refuse_update) {
    return guarded([&] {
        (void)called_before_row(fcinfo, "dashboard_snapshot_refuse_update");
        ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                errmsg("dashboard snapshots cannot be updated"),
                errhint("Insert a new snapshot, or delete this one."));
        return Datum{0};
    });
}

} // namespace dashboard_diff
