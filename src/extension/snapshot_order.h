#pragma once

// The order of a dashboard's snapshots: which one an inserted snapshot is compared with, however
// many are inserted at once. Everything here may ereport: call it guarded.

#include "extension/snapshot_queries.h"

namespace dashboard_diff {

// Tells the statements of a session from each other, by what they see.
struct StatementId {
    LocalTransactionId transaction;
    SubTransactionId subtransaction;
    CommandId command;

    bool operator==(const StatementId&) const = default;
};

StatementId current_statement(::Snapshot statement_snapshot);

// Makes the inserts of one dashboard follow each other: held to the end of the transaction.
void lock_dashboard(Oid schema, const char* dashboard);
// The same, but false where another transaction holds it.
bool try_lock_dashboard(Oid schema, const char* dashboard);

// Where an inserted snapshot stands among the others of its dashboard.
struct SnapshotPlace {
    bool is_backfill; // the dashboard had a later snapshot before the inserting statement began
    StoredSnapshot previous; // the snapshot before this one
};

// Call with the dashboard's lock held. `statement_snapshot` is what the inserting statement itself
// could see, taken before the lock was. One that was inserted at the same time but committed first
// counts as before, whatever its captured_at.
SnapshotPlace find_place(SnapshotTable* table, const StoredSnapshot& inserted,
                         const char* dashboard, ::Snapshot statement_snapshot);

} // namespace dashboard_diff
