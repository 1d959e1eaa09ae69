#pragma once

// A table whose rows are snapshots: the extension's own, or any other with the alert trigger.
// Everything here may ereport: call it guarded.

#include "extension/statement.h"

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
    history,     // those captured at the timestamptz $2 or later, in order
    following,   // those behind ($2 time, $3 id), in order
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
    bool is_own;     // it is the extension's own table
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

// Looks the trigger's arguments up in its table; remembered until the table changes.
SnapshotTable* find_snapshot_table(const Installation& installation, const TriggerData* trigger);

// Looks columns up in a whole table; remembered too. Null where the table does not exist any more.
SnapshotTable* open_snapshot_table(const Installation& installation, Oid relation,
                                   const SnapshotColumnNames& columns);

// Whether it is the extension's own table.
bool is_own_snapshot_table(const Installation& installation, Oid relation);

// Checks names and types of the columns as a trigger on `relation` would find them.
void check_snapshot_columns(Relation relation, const SnapshotColumnNames& columns);

} // namespace dashboard_diff
