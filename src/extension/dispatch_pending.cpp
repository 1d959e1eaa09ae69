// dispatch_pending(): what listeners call.

#include "extension/pending.h"
#include "extension/settings.h"
#include "extension/snapshot_order.h"

namespace dashboard_diff {

namespace {

Statement dashboards_statement{
    R"(
SELECT p.dashboard_artifact_id
  FROM @extschema@.dashboard_pending_snapshots p
 WHERE (p.retry_at > clock_timestamp()) IS NOT TRUE
   AND (p.subscription_id IS NOT NULL
        OR NOT EXISTS (SELECT FROM @extschema@.dashboard_pending_snapshots o
                        WHERE o.dashboard_artifact_id = p.dashboard_artifact_id
                          AND o.subscription_id IS NULL AND o.id < p.id))
 GROUP BY p.dashboard_artifact_id
 ORDER BY min(p.id)
)",
    0,
    {}};

struct Dashboards {
    std::uint64_t count;
    const char** ids;
};

Dashboards find_pending_dashboards(const Installation& installation) {
    execute(dashboards_statement, installation, nullptr, nullptr, Visibility::transaction, 0);
    Dashboards found{SPI_processed, nullptr};
    found.ids = static_cast<const char**>(palloc(sizeof(char*) * (found.count + 1)));
    for (std::uint64_t i = 0; i < found.count; ++i)
        found.ids[i] = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
    return found;
}

TimestampTz deadline_after(FunctionCallInfo fcinfo) {
    if (PG_ARGISNULL(0))
        return DT_NOEND;
    return DatumGetTimestampTz(DirectFunctionCall2(
        timestamptz_pl_interval, TimestampTzGetDatum(GetCurrentTimestamp()), PG_GETARG_DATUM(0)));
}

std::int64_t dispatch_all(const Installation& installation, TimestampTz deadline) {
    const Dashboards dashboards = guarded([&] { return find_pending_dashboards(installation); });
    std::int64_t snapshots = 0;
    for (std::uint64_t i = 0; i < dashboards.count; ++i) {
        const char* dashboard = dashboards.ids[i];
        // Whoever holds it inserts a snapshot, or does this work already.
        if (!guarded([&] { return try_lock_dashboard(installation.schema, dashboard); }))
            continue;
        const PendingProgress progress = finish_pending(installation, dashboard, deadline);
        snapshots += progress.snapshots;
        if (progress.finished || progress.held_up)
            snapshots += finish_passed_over(installation, dashboard, deadline);
        // One that somebody holds up does not hold up the others.
        if (progress.held_up ? is_past(deadline) : !progress.finished)
            break;
    }
    return snapshots;
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_dispatch_pending) {
    const TimestampTz deadline = guarded([&] { return deadline_after(fcinfo); });
    const int level = guarded([] { return begin_statements(); });
    const Installation installation =
        guarded([&] { return find_installation(fcinfo->flinfo->fn_oid); });
    const std::int64_t snapshots = dispatch_all(installation, deadline);
    guarded([&] { end_statements(level); });
    PG_RETURN_INT64(snapshots);
}

} // namespace dashboard_diff
