#pragma once

// Snapshots whose dispatch is not finished: stored when an insert's time is up, worked off later.

#include "extension/dispatch.h"

namespace dashboard_diff {

void store_pending(const Installation& installation, const SnapshotTable* table,
                   const JudgedSnapshot& judged, const StoredSnapshot& previous,
                   const DispatchCursor& cursor);

// The same for those that the dispatch passed over.
void store_passed_over(const Installation& installation, const SnapshotTable* table,
                       const JudgedSnapshot& judged, const StoredSnapshot& previous,
                       const Dispatch& dispatch);

// Whether later snapshots have to wait; those pending for single subscriptions hold up nobody.
bool has_pending(const Installation& installation, const char* dashboard);

struct PendingProgress {
    std::int64_t snapshots; // worked on
    bool finished;          // nothing of the dashboard is left
    bool held_up;           // by somebody's lock, or what is next is to be tried again later
};

// Goes on with a dashboard's pending snapshots in their order, by a step at least. Call with its
// lock held.
PendingProgress finish_pending(const Installation& installation, const char* dashboard,
                               TimestampTz deadline);

// Tries again what is pending for single subscriptions of a dashboard; how many it worked on.
std::int64_t finish_passed_over(const Installation& installation, const char* dashboard,
                                TimestampTz deadline);

// Tells listeners, if they are to be told and when this transaction commits, of alerts or of work
// that is left.
void notify(const Installation& installation, const char* dashboard, const StoredSnapshot& previous,
            std::int64_t snapshot, std::int64_t alerts);

} // namespace dashboard_diff
