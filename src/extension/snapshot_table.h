#pragma once

// A table whose rows are snapshots: the extension's own, or any other with the alert trigger.
// Everything here may ereport: call it guarded.

#include "extension/pg.h"

namespace dashboard_diff {

struct SnapshotTable {
    Oid trigger; // key of the cache
    bool valid;  // false once the table has changed since
    Oid relation;
    Oid whole;       // the partitioned table that it is part of, or itself
    NameData schema; // of the whole, by which the plans name it
    Oid owner;       // of the whole
    AttrNumber id, dashboard, captured_at, content;
    AttrNumber definition; // 0 where the trigger names no such column
    Oid id_type, dashboard_type, captured_at_type;
    SPIPlanPtr later_plan;    // is there a later snapshot of the dashboard?
    SPIPlanPtr baseline_plan; // the snapshot to compare with
};

// The row that fired the trigger.
struct SnapshotRow {
    std::int64_t id;
    Datum id_datum;
    Datum dashboard_datum;   // as the column has it
    const char* dashboard;   // as text
    Datum captured_at_datum; // as the column has it
    TimestampTz captured_at;
    Datum content;          // may be toasted
    const char* definition; // how the dashboard was made; null where not known
};

struct Baseline {
    bool found;
    std::int64_t id;
    Datum content; // may be toasted
    const char* definition;
};

// Looks the trigger's arguments up in its table; remembered until the table changes.
SnapshotTable* find_snapshot_table(const TriggerData* trigger);

SnapshotRow read_snapshot_row(const SnapshotTable* table, const TriggerData* trigger);

// Makes the inserts of one dashboard follow each other: held to the end of the transaction.
void lock_dashboard(Oid schema, const char* dashboard);

// Whether the dashboard had a later snapshot before the inserting statement began: the row is
// then an older one, filled in afterwards.
bool is_backfill(SnapshotTable* table, const SnapshotRow& row, ::Snapshot statement_snapshot);

// The snapshot of the dashboard before this one. One that was inserted at the same time but
// committed first counts as before, whatever its captured_at.
Baseline find_baseline(SnapshotTable* table, const SnapshotRow& row);

} // namespace dashboard_diff
