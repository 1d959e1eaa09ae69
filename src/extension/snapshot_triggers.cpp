// The BEFORE triggers of dashboard_snapshots: a snapshot gets its time and its view's hash, and
// stays as it is.

#include "extension/alert_store.h"
#include "extension/before_row.h"
#include "extension/guard.h"
#include "extension/snapshot_table.h"
#include "extension/statement.h"

namespace dashboard_diff {

namespace {

Statement stamp_statement{
    R"(
SELECT (SELECT md5(d.view_spec::text)
          FROM @extschema@.dashboards d
         WHERE d.id = $1),
       (SELECT s.captured_at
          FROM @extschema@.dashboard_snapshots s
         WHERE s.dashboard_artifact_id = $1
         ORDER BY s.captured_at DESC
         LIMIT 1)
)",
    1,
    {TEXTOID}};

// What an insert may leave out.
struct Stamp {
    Datum view_hash; // text
    bool has_view_hash;
    TimestampTz captured_at; // now, but later than every snapshot that the dashboard has: also
                             // when the clock stepped back
};

Stamp make_stamp(const Installation& installation, const char* dashboard) {
    Stamp stamp{0, false, GetCurrentTimestamp()};
    Datum values[] = {CStringGetTextDatum(dashboard)};
    execute(stamp_statement, installation, values, nullptr, Visibility::latest, 1);
    const HeapTuple row = SPI_tuptable->vals[0];
    bool is_null;
    stamp.view_hash = SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &is_null);
    stamp.has_view_hash = !is_null;
    const Datum latest_datum = SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &is_null);
    const TimestampTz latest = is_null ? DT_NOBEGIN : DatumGetTimestampTz(latest_datum);
    if (!TIMESTAMP_NOT_FINITE(latest) && stamp.captured_at <= latest)
        stamp.captured_at = latest + 1;
    return stamp;
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
    const Stamp stamp = make_stamp(installation, dashboard);
    if (nulls[0]) {
        values[0] = TimestampTzGetDatum(stamp.captured_at);
        nulls[0] = false;
    }
    if (nulls[1] && stamp.has_view_hash) {
        values[1] = stamp.view_hash;
        nulls[1] = false;
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
