#include "extension/pending.h"

#include <algorithm>

#include "core/error.h"

#include "extension/settings.h"
#include "extension/snapshot_order.h"
#include "extension/subtransaction.h"

namespace dashboard_diff {

namespace {

constexpr char channel[] = "dashboard_alert";

Statement store_statement{
    R"(
INSERT INTO @extschema@.dashboard_pending_snapshots
  (dashboard_artifact_id, source, source_columns, snapshot_id, captured_at, previous_snapshot_id,
   next_key, after_subscription_id, subscription_id, retry_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,
        CASE WHEN $9 IS NOT NULL THEN clock_timestamp() + interval '20 s' END)
)",
    9,
    {TEXTOID, REGCLASSOID, TEXTARRAYOID, INT8OID, TIMESTAMPTZOID, INT8OID, TEXTOID, INT8OID,
     INT8OID}};

Statement next_statement{
    R"(
SELECT p.id, p.source::oid, p.source_columns, p.snapshot_id, p.previous_snapshot_id, p.next_key,
       p.after_subscription_id, p.created_at, p.failures,
       coalesce(p.retry_at > clock_timestamp(), false), p.subscription_id
  FROM @extschema@.dashboard_pending_snapshots p
 WHERE p.dashboard_artifact_id = $1 AND p.subscription_id IS NULL
 ORDER BY p.id
 LIMIT 1
)",
    1,
    {TEXTOID}};

// What is pending for single subscriptions, and may be tried now.
Statement passed_over_statement{
    R"(
SELECT p.id, p.source::oid, p.source_columns, p.snapshot_id, p.previous_snapshot_id, p.next_key,
       p.after_subscription_id, p.created_at, p.failures, false, p.subscription_id
  FROM @extschema@.dashboard_pending_snapshots p
 WHERE p.dashboard_artifact_id = $1 AND p.subscription_id IS NOT NULL
   AND p.retry_at <= clock_timestamp()
 ORDER BY p.id
 LIMIT 1
)",
    1,
    {TEXTOID}};

Statement wait_statement{
    R"(
UPDATE @extschema@.dashboard_pending_snapshots p
   SET retry_at = clock_timestamp() + interval '20 s'
 WHERE p.dashboard_artifact_id = $1 AND p.id = $2
)",
    2,
    {TEXTOID, INT8OID}};

Statement any_statement{
    R"(
SELECT FROM @extschema@.dashboard_pending_snapshots p
 WHERE p.dashboard_artifact_id = $1 AND p.subscription_id IS NULL
 LIMIT 1
)",
    1,
    {TEXTOID}};

Statement advance_statement{
    R"(
UPDATE @extschema@.dashboard_pending_snapshots p
   SET next_key = $3, after_subscription_id = $4, failures = 0, retry_at = NULL,
       last_error = NULL
 WHERE p.dashboard_artifact_id = $1 AND p.id = $2
)",
    4,
    {TEXTOID, INT8OID, TEXTOID, INT8OID}};

// From a minute to an hour: what keeps it from being judged may be mended at any time.
Statement put_off_statement{
    R"(
UPDATE @extschema@.dashboard_pending_snapshots p
   SET failures = p.failures + 1, last_error = $3,
       retry_at = clock_timestamp()
                  + least(interval '1 min' * power(2, least(p.failures, 10)), interval '1 hour')
 WHERE p.dashboard_artifact_id = $1 AND p.id = $2
)",
    3,
    {TEXTOID, INT8OID, TEXTOID}};

Statement remove_statement{
    R"(
DELETE FROM @extschema@.dashboard_pending_snapshots p
 WHERE p.dashboard_artifact_id = $1 AND p.id = $2
)",
    2,
    {TEXTOID, INT8OID}};

struct PendingSnapshot {
    bool found;
    std::int64_t id;
    Oid source;
    SnapshotColumnNames columns;
    std::int64_t snapshot;
    bool has_previous;
    std::int64_t previous;
    const char* key;
    std::int64_t subscription;
    std::int64_t only; // the subscription that it is pending for; 0: all
    TimestampTz created_at;
    int failures;    // one after the other
    bool is_put_off; // its time to be tried again has not come
};

// In the current memory context.
PendingSnapshot find_next(Statement& statement, const Installation& installation,
                          const char* dashboard) {
    Datum values[] = {CStringGetTextDatum(dashboard)};
    execute(statement, installation, values, nullptr, Visibility::latest, 1);
    PendingSnapshot next{};
    next.found = SPI_processed > 0;
    if (next.found) {
        const HeapTuple row = SPI_tuptable->vals[0];
        bool is_null;
        const auto read = [&](int column) {
            return SPI_getbinval(row, SPI_tuptable->tupdesc, column, &is_null);
        };
        next.id = DatumGetInt64(read(1));
        next.source = DatumGetObjectId(read(2));
        Datum* names;
        int count;
        deconstruct_array(DatumGetArrayTypeP(read(3)), TEXTOID, -1, false, TYPALIGN_INT, &names,
                          nullptr, &count);
        next.columns.count = std::min(count, SnapshotColumnNames::max_count);
        for (int i = 0; i < next.columns.count; ++i)
            next.columns.names[i] = TextDatumGetCString(names[i]);
        next.snapshot = DatumGetInt64(read(4));
        next.previous = DatumGetInt64(read(5));
        next.has_previous = !is_null;
        next.key = TextDatumGetCString(read(6));
        next.subscription = DatumGetInt64(read(7));
        next.created_at = DatumGetTimestampTz(read(8));
        next.failures = DatumGetInt32(read(9));
        next.is_put_off = DatumGetBool(read(10));
        const Datum only = read(11);
        next.only = is_null ? 0 : DatumGetInt64(only);
    }
    SPI_freetuptable(SPI_tuptable);
    return next;
}

// Somebody still has the subscription locked.
void wait_for_pending(const Installation& installation, const char* dashboard, std::int64_t id) {
    Datum values[] = {CStringGetTextDatum(dashboard), Int64GetDatum(id)};
    execute(wait_statement, installation, values, nullptr, Visibility::transaction, 0);
}

void remove_pending(const Installation& installation, const char* dashboard, std::int64_t id) {
    Datum values[] = {CStringGetTextDatum(dashboard), Int64GetDatum(id)};
    execute(remove_statement, installation, values, nullptr, Visibility::transaction, 0);
}

void put_off_pending(const Installation& installation, const char* dashboard, std::int64_t id,
                     const char* error) {
    Datum values[] = {CStringGetTextDatum(dashboard), Int64GetDatum(id),
                      CStringGetTextDatum(error)};
    execute(put_off_statement, installation, values, nullptr, Visibility::transaction, 0);
}

void advance_pending(const Installation& installation, const char* dashboard, std::int64_t id,
                     const char* key, std::int64_t subscription) {
    Datum values[] = {CStringGetTextDatum(dashboard), Int64GetDatum(id), CStringGetTextDatum(key),
                      Int64GetDatum(subscription)};
    execute(advance_statement, installation, values, nullptr, Visibility::transaction, 0);
}

StoredSnapshot find_by_id(SnapshotTable* table, Datum dashboard, std::int64_t id) {
    Datum values[] = {dashboard, snapshot_id_datum(table, id)};
    return find_snapshot(table, SnapshotQuery::by_id, values, latest_snapshot(), false);
}

StoredSnapshot find_preceding(SnapshotTable* table, Datum dashboard,
                              const StoredSnapshot& snapshot) {
    Datum values[] = {dashboard, snapshot.captured_at_datum, snapshot.id_datum};
    return find_snapshot(table, SnapshotQuery::preceding, values, latest_snapshot(), false);
}

// Stores a snapshot for those behind the cursor, or for one subscription.
void store(const Installation& installation, const SnapshotTable* table,
           const JudgedSnapshot& judged, const StoredSnapshot& previous,
           const DispatchCursor& cursor, std::int64_t only) {
    Datum names[SnapshotColumnNames::max_count];
    for (int i = 0; i < table->columns.count; ++i)
        names[i] = CStringGetTextDatum(table->columns.names[i]);
    Datum values[] = {
        CStringGetTextDatum(judged.dashboard),
        ObjectIdGetDatum(table->whole),
        PointerGetDatum(
            construct_array(names, table->columns.count, TEXTOID, -1, false, TYPALIGN_INT)),
        Int64GetDatum(judged.id),
        TimestampTzGetDatum(judged.captured_at),
        Int64GetDatum(previous.id),
        CStringGetTextDatum(cursor.key.c_str()),
        Int64GetDatum(cursor.subscription),
        Int64GetDatum(only),
    };
    char nulls[] = "         ";
    nulls[5] = previous.found ? ' ' : 'n';
    nulls[8] = only != 0 ? ' ' : 'n';
    execute(store_statement, installation, values, nulls, Visibility::transaction, 0);
}

// Goes on with one pending snapshot; whether it is finished.
bool go_on(const Installation& installation, const char* dashboard, const PendingSnapshot& pending,
           TimestampTz deadline) {
    const MemoryScope scope;
    struct Read {
        SnapshotTable* table;
        StoredSnapshot snapshot;
        StoredSnapshot previous;
    };
    const Read read = scope.run([&] {
        Read result{};
        result.table = open_snapshot_table(installation, pending.source, pending.columns);
        if (result.table == nullptr)
            return result; // it was dropped
        const Datum dashboard_value = dashboard_datum(result.table, dashboard);
        result.snapshot = find_by_id(result.table, dashboard_value, pending.snapshot);
        if (!pending.has_previous)
            return result;
        result.previous = find_by_id(result.table, dashboard_value, pending.previous);
        if (!result.previous.found && result.snapshot.found) // deleted: the one before it
            result.previous = find_preceding(result.table, dashboard_value, result.snapshot);
        return result;
    });
    if (!read.snapshot.found) {
        guarded([&] {
            store_event(installation, dashboard, "dispatch_failed", pending.snapshot,
                        psprintf("snapshot " INT64_FORMAT
                                 " was deleted before all its subscribers were looked after",
                                 pending.snapshot));
        });
        return true;
    }
    const JudgedSnapshot judged{pending.snapshot,
                                read.snapshot.captured_at,
                                detoast_jsonb(read.snapshot.content, scope.runtime().context()),
                                read.snapshot.definition,
                                dashboard,
                                true};
    Dispatch dispatch(installation, read.table, judged, read.previous, true, pending.created_at);
    DispatchCursor cursor{pending.key, pending.subscription};
    const bool finished = pending.only != 0 ? dispatch.run_for(pending.only, deadline)
                                            : dispatch.run(cursor, deadline);
    guarded([&] {
        if (dispatch.alerts() > 0)
            notify(installation, dashboard, read.previous, pending.snapshot, dispatch.alerts());
        if (pending.only == 0 && !finished)
            advance_pending(installation, dashboard, pending.id, cursor.key.c_str(),
                            cursor.subscription);
    });
    if (pending.only == 0)
        store_passed_over(installation, read.table, judged, read.previous, dispatch);
    return finished && (pending.only == 0 || dispatch.passed_over().empty());
}

// How an attempt to judge a snapshot failed.
enum class Failure : std::uint8_t {
    none,
    for_good, // by what the documents hold: trying again cannot mend it
    for_now,  // by anything else that is the snapshot's own matter
    held_up,  // by somebody's lock, for longer than is waited
};

struct Attempt {
    Failure failure;
    const char* error; // in the current memory context
};

// Never for good: its SQLSTATE is up to whose code raised it.
Failure failure_of(const ErrorData* error) {
    // A deadlock, or a conflict in a stricter isolation level.
    if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK)
        return Failure::held_up;
    return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ? Failure::held_up : Failure::for_now;
}

// What takes too long may do so on a busy machine; three times is no chance.
Failure failure_of(const Error& error, int failures) {
    return error.code() == ErrorCode::limit_exceeded && failures < 2 ? Failure::for_now
                                                                     : Failure::for_good;
}

// Runs code in a subtransaction, which any error ends. What is the whole statement's is passed on.
template <typename Code>
Attempt attempt(int failures, Code&& code) {
    Subtransaction subtransaction;
    try {
        subtransaction.limit_waiting();
        code();
    } catch (const Error& error) {
        subtransaction.roll_back();
        const std::string message =
            error.message() + (error.detail().empty() ? "" : ": " + error.detail());
        return {failure_of(error, failures), guarded([&] { return pstrdup(message.c_str()); })};
    } catch (const std::bad_alloc&) {
        subtransaction.roll_back();
        return {Failure::for_now, "out of memory"};
    } catch (const ServerError& error) {
        subtransaction.roll_back();
        if (is_cancel(error.data()))
            throw;
        return {failure_of(error.data()), error.data()->message};
    }
    subtransaction.commit();
    return {Failure::none, nullptr};
}

// Whatever came of it is noted; whether the next snapshot's turn has come.
bool settle(const Installation& installation, const char* dashboard, const PendingSnapshot& pending,
            const Attempt& made, bool finished) {
    if (made.failure == Failure::none) {
        if (finished)
            remove_pending(installation, dashboard, pending.id);
        return finished;
    }
    const bool is_over = made.failure == Failure::for_good;
    store_event(installation, dashboard, "dispatch_failed", pending.snapshot,
                psprintf("snapshot " INT64_FORMAT " could not be judged%s: %s", pending.snapshot,
                         is_over ? "" : " yet, and is tried again", made.error));
    if (is_over)
        remove_pending(installation, dashboard, pending.id);
    else
        put_off_pending(installation, dashboard, pending.id, made.error);
    return is_over;
}

} // namespace

void store_pending(const Installation& installation, const SnapshotTable* table,
                   const JudgedSnapshot& judged, const StoredSnapshot& previous,
                   const DispatchCursor& cursor) {
    store(installation, table, judged, previous, cursor, 0);
}

void store_passed_over(const Installation& installation, const SnapshotTable* table,
                       const JudgedSnapshot& judged, const StoredSnapshot& previous,
                       const Dispatch& dispatch) {
    for (const std::int64_t subscription : dispatch.passed_over())
        guarded([&] { store(installation, table, judged, previous, {}, subscription); });
}

bool has_pending(const Installation& installation, const char* dashboard) {
    Datum values[] = {CStringGetTextDatum(dashboard)};
    execute(any_statement, installation, values, nullptr, Visibility::latest, 1);
    return SPI_processed > 0;
}

PendingProgress finish_pending(const Installation& installation, const char* dashboard,
                               TimestampTz deadline) {
    PendingProgress progress{};
    for (;;) {
        const MemoryScope scope;
        const PendingSnapshot next =
            scope.run([&] { return find_next(next_statement, installation, dashboard); });
        progress.finished = !next.found;
        progress.held_up = next.is_put_off;
        if (progress.finished || progress.held_up || (progress.snapshots > 0 && is_past(deadline)))
            return progress;
        bool finished = false;
        const Attempt made = attempt(
            next.failures, [&] { finished = go_on(installation, dashboard, next, deadline); });
        progress.held_up = made.failure == Failure::held_up;
        if (progress.held_up)
            return progress;
        ++progress.snapshots;
        if (!guarded([&] { return settle(installation, dashboard, next, made, finished); })) {
            progress.held_up = made.failure != Failure::none;
            return progress;
        }
    }
}

std::int64_t finish_passed_over(const Installation& installation, const char* dashboard,
                                TimestampTz deadline) {
    std::int64_t worked_on = 0;
    while (!is_past(deadline)) {
        const MemoryScope scope;
        const PendingSnapshot next =
            scope.run([&] { return find_next(passed_over_statement, installation, dashboard); });
        if (!next.found)
            break;
        bool finished = false;
        const Attempt made = attempt(
            next.failures, [&] { finished = go_on(installation, dashboard, next, deadline); });
        ++worked_on;
        guarded([&] {
            if (made.failure == Failure::held_up || (made.failure == Failure::none && !finished))
                wait_for_pending(installation, dashboard, next.id);
            else
                (void)settle(installation, dashboard, next, made, finished);
        });
    }
    return worked_on;
}

void notify(const Installation& installation, const char* dashboard, const StoredSnapshot& previous,
            std::int64_t snapshot, std::int64_t alerts) {
    if (!may_notify())
        return;
    StringInfoData payload;
    initStringInfo(&payload);
    appendStringInfoString(&payload, "{\"schema\": ");
    escape_json(&payload, installation.schema_name);
    appendStringInfoString(&payload, ", \"dashboard_id\": ");
    escape_json(&payload, dashboard);
    appendStringInfoString(&payload, ", \"snapshot_a\": ");
    if (previous.found)
        appendStringInfo(&payload, INT64_FORMAT, previous.id);
    else
        appendStringInfoString(&payload, "null");
    appendStringInfo(&payload, ", \"snapshot_b\": " INT64_FORMAT ", \"alerts\": " INT64_FORMAT "}",
                     snapshot, alerts);
    Async_Notify(channel, payload.data);
}

} // namespace dashboard_diff
