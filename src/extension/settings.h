#pragma once

// The extension's configuration parameters.

#include "extension/pg.h"

namespace dashboard_diff {

// Makes them known to the server, once a backend.
void define_settings();

// dashboard_diff.dispatch_budget: when alerting that begins now has to leave the rest pending; at
// the beginning of time where it has to leave everything (0), at its end where nothing (-1).
TimestampTz dispatch_deadline();

// The same as an amount, in microseconds; not negative.
std::int64_t dispatch_budget();

// dashboard_diff.notify: whether listeners are told. Transactions that tell them commit one after
// the other, each behind the flush of the one before.
bool may_notify();

// dashboard_diff.view_timeout: milliseconds that a query of a dashboard may take, or judging one
// rule of a pending snapshot; 0: any.
int view_timeout();

// dashboard_diff.max_rows: how many rows it may return.
int view_max_rows();

// dashboard_diff.databases: the names. Only where the library is preloaded.
List* scheduler_databases();

inline bool is_past(TimestampTz deadline) {
    return deadline != DT_NOEND && GetCurrentTimestamp() >= deadline;
}

} // namespace dashboard_diff
