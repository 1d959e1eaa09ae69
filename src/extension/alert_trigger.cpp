// dashboard_snapshot_alert(): from a new snapshot to alert rows and one NOTIFY, in the inserting
// transaction.

#include "core/snapshot_check.h"

#include "extension/pending.h"
#include "extension/rights.h"
#include "extension/settings.h"
#include "extension/snapshot_order.h"
#include "extension/subtransaction.h"

namespace dashboard_diff {

namespace {

void check_called_as_trigger(FunctionCallInfo fcinfo) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("dashboard_snapshot_alert: must be called as trigger"));
    const auto* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
    if (!TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
        !TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("dashboard_snapshot_alert: must be fired AFTER INSERT FOR EACH ROW"));
    // At the end of the transaction, what was there before the row can no longer be told.
    if (trigger->tg_trigger->tgdeferrable)
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("dashboard_snapshot_alert: must not be deferrable"));
}

// Whoever owns the table decides what goes into it, so must be entitled to speak for the
// dashboard; the extension's own table has row-level security for that.
void check_speaks_for_dashboard(const SnapshotTable* table, const char* dashboard,
                                const char* dashboard_owner) {
    if (table->is_own || has_rights_of(table->owner, dashboard_owner))
        return;
    ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
            errmsg("permission denied for dashboard \"%s\"", dashboard),
            errdetail("Table \"%s\" is not owned by a member of role \"%s\", which owns the "
                      "dashboard.",
                      get_rel_name(table->relation), dashboard_owner));
}

// Everything about the insert that is known before documents are looked at.
struct Insert {
    Installation installation;
    SnapshotTable* table;
    StoredSnapshot row;
    const char* dashboard;
    bool has_subscribers;
    bool has_pending; // earlier snapshots whose subscribers come first
    TimestampTz deadline;
    bool is_checked; // the document is known to be a valid snapshot
    SnapshotPlace place;
};

Insert read_insert(FunctionCallInfo fcinfo) {
    const auto* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
    // Taken before the lock is: what the statement itself could see.
    const ::Snapshot statement_snapshot = GetActiveSnapshot();

    Insert insert{};
    insert.installation = find_installation(fcinfo->flinfo->fn_oid);
    insert.table = find_snapshot_table(insert.installation, trigger);
    insert.row = read_inserted_snapshot(insert.table, trigger, &insert.dashboard);
    const AlertedDashboard dashboard =
        find_alerted_dashboard(insert.installation, insert.dashboard);
    insert.has_subscribers = dashboard.has_subscribers;
    if (!dashboard.has_subscribers)
        return insert;
    insert.is_checked = insert.table->is_own; // by a CHECK
    check_speaks_for_dashboard(insert.table, insert.dashboard, dashboard.owner);
    lock_dashboard(insert.installation.schema, insert.dashboard);
    insert.deadline = dispatch_deadline(); // waiting for others does not count
    insert.place = find_place(insert.table, insert.row, insert.dashboard, statement_snapshot);
    insert.has_pending = has_pending(insert.installation, insert.dashboard);
    return insert;
}

// An error that is the inserting statement's to have: a cancel, a conflict that it may try again
// after, or a server in trouble. Any other would be that of somebody's subscription.
bool is_of_the_insert(const ErrorData* error) {
    switch (ERRCODE_TO_CATEGORY(error->sqlerrcode)) {
    case ERRCODE_TRANSACTION_ROLLBACK:
    case ERRCODE_INSUFFICIENT_RESOURCES:
    case ERRCODE_SYSTEM_ERROR:
    case ERRCODE_INTERNAL_ERROR:
        return true;
    default:
        return is_cancel(error);
    }
}

// What an insert did for its subscribers.
struct Looked {
    bool finished;
    std::int64_t alerts;
    DispatchCursor cursor; // where it stopped
};

// No subscriber's row keeps a snapshot from being inserted: the rest is left to dispatch_pending(),
// which tells what is wrong.
Looked look_after(const Insert& insert, const JudgedSnapshot& judged, Dispatch& dispatch) {
    Looked looked{};
    Subtransaction attempt;
    try {
        looked.finished = dispatch.run(looked.cursor, insert.deadline);
        store_passed_over(insert.installation, insert.table, judged, insert.place.previous,
                          dispatch);
        looked.alerts = dispatch.alerts();
    } catch (const ServerError& error) {
        attempt.roll_back();
        if (is_of_the_insert(error.data()))
            throw;
        return {};
    }
    attempt.commit();
    return looked;
}

// Looks after the subscribers, or leaves the rest of them pending.
void alert_subscribers(const Insert& insert, const JudgedSnapshot& judged) {
    Dispatch dispatch(insert.installation, insert.table, judged, insert.place.previous, false,
                      DT_NOEND);
    const bool in_turn =
        !insert.has_pending ||
        (!is_past(insert.deadline) &&
         finish_pending(insert.installation, judged.dashboard, insert.deadline).finished);
    const Looked looked = in_turn ? look_after(insert, judged, dispatch) : Looked{};
    if (!judged.is_checked && !dispatch.has_checked())
        validate_snapshot(judged.document, ServerRuntime());
    guarded([&] {
        if (!looked.finished)
            store_pending(insert.installation, insert.table, judged, insert.place.previous,
                          looked.cursor);
        if (!looked.finished || looked.alerts > 0 || !dispatch.passed_over().empty())
            notify(insert.installation, judged.dashboard, insert.place.previous, judged.id,
                   looked.alerts);
    });
}

void process_insert(FunctionCallInfo fcinfo) {
    const Insert insert = guarded([&] { return read_insert(fcinfo); });
    if (!insert.has_subscribers)
        return;
    const JudgedSnapshot judged{
        insert.row.id,         insert.row.captured_at, detoast_jsonb(insert.row.content),
        insert.row.definition, insert.dashboard,       insert.is_checked};
    if (!insert.place.is_backfill)
        alert_subscribers(insert, judged);
    else if (!judged.is_checked)
        validate_snapshot(judged.document, ServerRuntime());
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_snapshot_alert) {
    guarded([&] { check_called_as_trigger(fcinfo); });
    const int level = guarded([] { return begin_statements(); });
    process_insert(fcinfo);
    guarded([&] { end_statements(level); });
    return PointerGetDatum(nullptr);
}

} // namespace dashboard_diff
