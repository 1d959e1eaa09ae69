#include "extension/snapshot_order.h"

#include "extension/statement.h"
#include "extension/work_lock.h"

namespace dashboard_diff {

namespace {

// A snapshot's place in time, as its table's columns have it.
struct Position {
    bool known;
    TimestampTz captured_at;
    std::int64_t id;
};

bool is_before(const StoredSnapshot& snapshot, const Position& position) {
    if (!position.known)
        return false;
    if (snapshot.captured_at != position.captured_at)
        return snapshot.captured_at < position.captured_at;
    return snapshot.id < position.id;
}

Position position_of(const StoredSnapshot& snapshot) {
    return {snapshot.found, snapshot.captured_at, snapshot.id};
}

// What a statement's first row of a dashboard found out holds for all its others: they only add to
// what the statement does not see, and the lock keeps other transactions' rows out. To ask again
// for each would walk over all the statement's rows each time.
struct StatementView {
    Oid table;
    char dashboard[513]; // with the table, the key
    Position latest;     // before the statement
    Position others;     // the latest that another transaction committed since
    Datum others_id;
};

// The views of the statement that is being worked on; void for any other.
struct StatementViews {
    static constexpr int capacity = 64;

    StatementId statement;
    int made; // ever; the oldest give way
    StatementView views[capacity];
};

StatementViews* views_of(::Snapshot statement_snapshot) {
    static StatementViews* all = nullptr;
    if (all == nullptr)
        all = static_cast<StatementViews*>(
            MemoryContextAllocZero(TopMemoryContext, sizeof(StatementViews)));
    const StatementId statement = current_statement(statement_snapshot);
    if (!(all->statement == statement)) {
        all->statement = statement;
        all->made = 0;
    }
    return all;
}

StatementView look_around(SnapshotTable* table, Datum dashboard, ::Snapshot statement_snapshot) {
    StatementView view{};
    view.table = table->whole;
    Datum values[] = {dashboard, TimestampTzGetDatum(DT_NOBEGIN), Int64GetDatum(0),
                      TransactionIdGetDatum(GetCurrentTransactionId())};
    const StoredSnapshot latest =
        find_snapshot(table, SnapshotQuery::latest, values, statement_snapshot, true);
    view.latest = position_of(latest);
    if (latest.found) {
        values[1] = latest.captured_at_datum;
        values[2] = latest.id_datum;
    }
    const StoredSnapshot others =
        find_snapshot(table, SnapshotQuery::later, values, latest_snapshot(), false);
    view.others = position_of(others);
    view.others_id = others.id_datum;
    return view;
}

StatementView statement_view(SnapshotTable* table, const char* dashboard, Datum dashboard_value,
                             ::Snapshot statement_snapshot) {
    StatementViews* const all = views_of(statement_snapshot);
    for (int i = 0; i < all->made && i < StatementViews::capacity; ++i) {
        const StatementView& view = all->views[i];
        if (view.table == table->whole && strcmp(view.dashboard, dashboard) == 0)
            return view;
    }
    StatementView view = look_around(table, dashboard_value, statement_snapshot);
    if (strlen(dashboard) < sizeof view.dashboard) {
        strlcpy(view.dashboard, dashboard, sizeof view.dashboard);
        all->views[all->made++ % StatementViews::capacity] = view;
    }
    return view;
}

} // namespace

StatementId current_statement(::Snapshot statement_snapshot) {
    return {current_local_transaction(), GetCurrentSubTransactionId(), statement_snapshot->curcid};
}

void lock_dashboard(Oid schema, const char* dashboard) {
    acquire(WorkLock::insert, schema, dashboard);
}

bool try_lock_dashboard(Oid schema, const char* dashboard) {
    return try_acquire(WorkLock::insert, schema, dashboard);
}

SnapshotPlace find_place(SnapshotTable* table, const StoredSnapshot& inserted,
                         const char* dashboard, ::Snapshot statement_snapshot) {
    const Datum dashboard_value = dashboard_datum(table, dashboard);
    const StatementView view =
        statement_view(table, dashboard, dashboard_value, statement_snapshot);
    SnapshotPlace place{};
    place.is_backfill = is_before(inserted, view.latest);
    if (place.is_backfill)
        return place;
    if (is_before(inserted, view.others)) {
        Datum values[] = {dashboard_value, view.others_id};
        place.previous =
            find_snapshot(table, SnapshotQuery::by_id, values, latest_snapshot(), false);
    } else {
        Datum values[] = {dashboard_value, inserted.captured_at_datum, inserted.id_datum};
        place.previous =
            find_snapshot(table, SnapshotQuery::preceding, values, latest_snapshot(), false);
    }
    return place;
}

} // namespace dashboard_diff
