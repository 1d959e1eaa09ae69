#pragma once

// Locks to the end of the transaction, of things that have a name within one installation. No SQL
// function of the server's can take them, so that nobody holds up what he has no right to do; nor
// can he find a name of his own that stands for the same lock as somebody else's.
// Everything here may ereport: call it guarded.

#include "extension/pg.h"

namespace dashboard_diff {

enum class WorkLock : std::uint16_t {
    insert = 0xDD, // of a dashboard's snapshots
    take = 0xDE,   // of snapshots by a dashboard's own queries
    work = 0xDF,   // by lock_work()
};

void acquire(WorkLock kind, Oid schema, const char* name);
// The same, but false where another transaction holds it.
bool try_acquire(WorkLock kind, Oid schema, const char* name);
// Whether no other transaction holds it just now; it is not kept.
bool is_free(WorkLock kind, Oid schema, const char* name);

} // namespace dashboard_diff
