#pragma once

// The one door to what belongs to others. Whatever may run code of another role than the session's
// (a function in an index, a view, a policy, a domain, an operator, a planner's constant) goes
// through it:
//   owner_queries.cpp     the queries of a dashboard's view_spec, as the dashboard's owner
//   snapshot_queries.cpp  the rows of a watched table, as the table's owner: for the insert that is
//                       being judged, for pending snapshots, and for backtests
// and nothing else reads a table that is not the extension's own.
//
// Behind the door the code runs as that role in a security-restricted operation, read-only, in a
// subtransaction that is always rolled back: no setting, role, trigger, notification, cursor or
// lock of it is left, and what a roll-back does not undo is put right or refused
// (lasting_effects.h).
// Statements are to be prepared behind it, too, since planning runs functions as well, and only the
// role need have rights to what they name.

#include "extension/pg.h"

namespace dashboard_diff {

struct RestrictedOperation {
    Oid role;
    int security;           // further flags, such as SECURITY_NOFORCE_RLS
    int time_limit;         // milliseconds; 0: none
    void (*prepare)(void*); // what is set, for the code alone, before the role changes; or null
    void* argument;         // of both

    bool timed_out; // out: the error raised is that of the time limit
};

// Connected to SPI, with CurrentMemoryContext as it is. What the code is to leave behind it copies
// there. Raises the code's errors, once the session is as it was; it allocates nothing before. May
// ereport: call it guarded.
void run_restricted(RestrictedOperation* operation, void (*code)(void*));

} // namespace dashboard_diff
