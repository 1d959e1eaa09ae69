#pragma once

// The table that holds a dashboard's snapshots, found for whoever wants to look at them. Everything
// here may ereport: call it guarded.

#include "extension/snapshot_table.h"

namespace dashboard_diff {

// The extension's own table if it has snapshots of the dashboard, or the first watched table that
// has; null where none has any. Only tables of those count who may speak for the dashboard, as with
// alerts; of these, one that the caller may not read as a whole is passed over with a WARNING.
SnapshotTable* find_history(const Installation& installation, const char* dashboard);

} // namespace dashboard_diff
