#include "extension/settings.h"

#include <algorithm>

extern "C" {
#include "utils/guc.h"
#include "utils/varlena.h"
}

namespace dashboard_diff {

namespace {

int dispatch_budget_ms = 100;
bool notify_enabled = true;
int view_timeout_ms = 10 * 1000;
int max_rows = 100 * 1000;
char* databases = nullptr;

bool check_databases(char** value, [[maybe_unused]] void** extra,
                     [[maybe_unused]] GucSource source) {
    List* names;
    if (SplitIdentifierString(pstrdup(*value), ',', &names))
        return true;
    GUC_check_errdetail("List syntax is invalid.");
    return false;
}

} // namespace

TimestampTz dispatch_deadline() {
    if (dispatch_budget_ms <= 0)
        return dispatch_budget_ms < 0 ? DT_NOEND : DT_NOBEGIN;
    // A fiftieth is kept for what comes behind: noting what is left, and telling listeners.
    const std::int64_t microseconds = std::int64_t{dispatch_budget_ms} * 980;
    return GetCurrentTimestamp() + microseconds;
}

std::int64_t dispatch_budget() {
    return std::int64_t{std::max(dispatch_budget_ms, 0)} * 1000;
}

bool may_notify() {
    return notify_enabled;
}

int view_timeout() {
    return view_timeout_ms;
}

int view_max_rows() {
    return max_rows;
}

List* scheduler_databases() {
    List* names = NIL;
    (void)SplitIdentifierString(pstrdup(databases), ',', &names); // checked when it was set
    return names;
}

void define_settings() {
    DefineCustomIntVariable(
        "dashboard_diff.dispatch_budget",
        "Sets the time that the insert of a snapshot may spend on alerting.",
        "What is not done by then is left to dispatch_pending(). 0 leaves everything, -1 nothing.",
        &dispatch_budget_ms, 100, -1, INT_MAX, PGC_USERSET, GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomBoolVariable(
        "dashboard_diff.notify",
        "Sets whether listeners are told of alerts, and of work that is left to them, by NOTIFY.",
        "Without it they learn of them when they look by themselves.", &notify_enabled, true,
        PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "dashboard_diff.view_timeout",
        "Sets the time that a query of a dashboard may take when a snapshot is taken.",
        "So long may judging one rule of a pending snapshot take, too. 0 turns the limit off.",
        &view_timeout_ms, 10 * 1000, 0, INT_MAX, PGC_USERSET, GUC_UNIT_MS, nullptr, nullptr,
        nullptr);
    DefineCustomIntVariable(
        "dashboard_diff.max_rows", "Sets how many rows a query of a dashboard may return.", nullptr,
        &max_rows, 100 * 1000, 1, INT_MAX, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    // Those of later start no worker, and may not define what the server's start decides.
    if (process_shared_preload_libraries_in_progress)
        DefineCustomStringVariable(
            "dashboard_diff.databases",
            "Lists the databases whose due work a background worker has done.",
            "Without it somebody else has to call run_due_work() in them.", &databases, "",
            PGC_POSTMASTER, GUC_LIST_INPUT, check_databases, nullptr, nullptr);
    MarkGUCPrefixReserved("dashboard_diff");
}

} // namespace dashboard_diff
