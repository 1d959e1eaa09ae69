#pragma once

// The table that holds a dashboard's snapshots, found for whoever wants to look at them. Everything
// here may ereport: call it guarded.

#include "extension/snapshot_table.h"
#include "extension/statement.h"

namespace dashboard_diff {

// The extension's own table if it has snapshots of the dashboard, or the first watched table that
// has; null where none has any. Tables that the caller may not read are passed over.
SnapshotTable* find_history(const Installation& installation, const char* dashboard);

} // namespace dashboard_diff
