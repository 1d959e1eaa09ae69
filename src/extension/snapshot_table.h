#pragma once

// A table whose rows are snapshots: the extension's own, or any other with the alert trigger.
// Everything here may ereport: call it guarded.

#include "extension/pg.h"

namespace dashboard_diff {

// The columns of such a table by their names, in the order of the trigger's arguments.
struct SnapshotColumnNames {
    static constexpr int max_count = 5;

    int count; // 4, or 5 with a definition column
    const char* names[max_count];

    const char* id() const noexcept { return names[0]; }
    const char* dashboard() const noexcept { return names[1]; }
    const char* captured_at() const noexcept { return names[2]; }
    const char* content() const noexcept { return names[3]; }
    const char* definition() const noexcept { return count > 4 ? names[4] : nullptr; }
};

// The questions that are asked of a snapshot table, about the dashboard $1. `time` and `id` are of
// the columns' own types.
enum class SnapshotQuery : std::uint8_t {
    latest,      // the latest
    later,       // the latest after ($2 time, $3 id) that transaction $4 did not write
    preceding,   // the one before ($2 time, $3 id)
    by_id,       // the one with the id $2
    earliest,    // the first captured at the timestamptz $2 or later
    last_before, // the last captured before the timestamptz $2
    history,     // all captured at the timestamptz $2 or later, in order
    count
};

// By which a table is remembered: the trigger on it, or the table itself.
struct SnapshotTableKey {
    Oid trigger;
    Oid relation;
};

struct SnapshotTable {
    SnapshotTableKey key;
    bool valid; // false once the table has changed since
    Oid relation;
    Oid whole;       // the partitioned table that it is part of, or itself
    Oid owner;       // of the whole
    NameData schema; // of the whole, by which the plans name it
    NameData name;
    SnapshotColumnNames columns;
    NameData column_names[SnapshotColumnNames::max_count]; // what `columns` points to
    AttrNumber numbers[SnapshotColumnNames::max_count];    // in `relation`; 0: no such column
    Oid types[SnapshotColumnNames::max_count];             // base types
    SPIPlanPtr plans[static_cast<int>(SnapshotQuery::count)];

    AttrNumber id() const noexcept { return numbers[0]; }
    AttrNumber dashboard() const noexcept { return numbers[1]; }
    AttrNumber captured_at() const noexcept { return numbers[2]; }
    AttrNumber content() const noexcept { return numbers[3]; }
    AttrNumber definition() const noexcept { return numbers[4]; }
    Oid id_type() const noexcept { return types[0]; }
    Oid dashboard_type() const noexcept { return types[1]; }
    Oid captured_at_type() const noexcept { return types[2]; }
};

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

// Looks the trigger's arguments up in its table; remembered until the table changes.
SnapshotTable* find_snapshot_table(const TriggerData* trigger);

// Looks columns up in a whole table; remembered too.
SnapshotTable* open_snapshot_table(Oid relation, const SnapshotColumnNames& columns);

// Checks names and types of the columns as a trigger on `relation` would find them.
void check_snapshot_columns(Relation relation, const SnapshotColumnNames& columns);

// The row that fired the trigger, and the dashboard that it is of.
StoredSnapshot read_inserted_snapshot(const SnapshotTable* table, const TriggerData* trigger,
                                      const char** dashboard);

// The plan of a query, made when it is first asked for.
SPIPlanPtr snapshot_plan(SnapshotTable* table, SnapshotQuery query);

// A row that a query found, copied into the current memory context.
StoredSnapshot read_found_snapshot(const SnapshotTable* table, HeapTuple row, TupleDesc columns);

// Asks a query for one snapshot, as the table's owner.
StoredSnapshot find_snapshot(SnapshotTable* table, SnapshotQuery query, Datum* values,
                             ::Snapshot snapshot, bool read_only);

// Keys as their columns have them. A snapshot's id is 0 where its column has no room for it.
Datum dashboard_datum(const SnapshotTable* table, const char* dashboard);
Datum snapshot_id_datum(const SnapshotTable* table, std::int64_t id);

} // namespace dashboard_diff
