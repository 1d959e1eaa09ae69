#pragma once

// What is asked of a snapshot table. The extension's own is read directly, any other through
// restricted_operation.h. Everything here may ereport: call it guarded.

#include "extension/snapshot_table.h"

namespace dashboard_diff {

// A snapshot as it stands in its table, or none.
struct StoredSnapshot {
    bool found;
    std::int64_t id;
    Datum id_datum; // as the column has it
    TimestampTz captured_at;
    Datum captured_at_datum; // as the column has it
    Datum content;           // may be toasted
    const char* definition;  // how the dashboard was made; null where not known
};

struct StoredSnapshots {
    std::uint64_t count;
    StoredSnapshot* list; // those whose document is null are not `found`
};

// The row that fired the trigger, and the dashboard that it is of.
StoredSnapshot read_inserted_snapshot(const SnapshotTable* table, const TriggerData* trigger,
                                      const char** dashboard);

// What a query asks about is in `values`, as its columns have it. Reads with the rights of the
// table's owner, in the current memory context. `snapshot` and `read_only` are those of
// SPI_execute_snapshot().
StoredSnapshot find_snapshot(SnapshotTable* table, SnapshotQuery query, Datum* values,
                             ::Snapshot snapshot, bool read_only);
StoredSnapshots find_snapshots(SnapshotTable* table, SnapshotQuery query, Datum* values,
                               ::Snapshot snapshot, bool read_only, long limit);

// Keys as their columns have them. A snapshot's id is 0 where its column has no room for it.
Datum dashboard_datum(const SnapshotTable* table, const char* dashboard);
Datum snapshot_id_datum(const SnapshotTable* table, std::int64_t id);

} // namespace dashboard_diff
