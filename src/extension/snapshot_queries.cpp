#include "extension/snapshot_queries.h"

#include "extension/restricted_operation.h"
#include "extension/settings.h"
#include "extension/statement.h"

extern "C" {
#include "utils/datum.h"
}

namespace dashboard_diff {

namespace {

std::int64_t to_int64(Oid type, Datum id) {
    switch (type) {
    case INT8OID:
        return DatumGetInt64(id);
    case INT4OID:
        return DatumGetInt32(id);
    default:
        return DatumGetInt16(id);
    }
}

TimestampTz to_timestamptz(Oid type, Datum time) {
    return DatumGetTimestampTz(
        type == TIMESTAMPTZOID ? time : DirectFunctionCall1(timestamp_timestamptz, time));
}

// The text of a query: its condition and order over the table t.
char* query_text(const SnapshotTable* table, SnapshotQuery query) {
    const SnapshotColumnNames& c = table->columns;
    const char* id = quote_identifier(c.id());
    const char* time = quote_identifier(c.captured_at());
    const char* forwards = psprintf("t.%s, t.%s", time, id);
    const char* backwards = psprintf("t.%s DESC, t.%s DESC LIMIT 1", time, id);
    const char* condition = "";
    const char* order = backwards;
    switch (query) {
    case SnapshotQuery::latest:
        condition = psprintf("AND t.%s IS NOT NULL", time); // which would sort as the latest
        break;
    case SnapshotQuery::later:
        condition = psprintf("AND (t.%s, t.%s) > ($2, $3) AND t.xmin <> $4", time, id);
        break;
    case SnapshotQuery::preceding:
        condition = psprintf("AND (t.%s, t.%s) < ($2, $3)", time, id);
        break;
    case SnapshotQuery::by_id:
        condition = psprintf("AND t.%s = $2", id);
        break;
    case SnapshotQuery::earliest:
        condition = psprintf("AND t.%s >= $2", time);
        order = psprintf("%s LIMIT 1", forwards);
        break;
    case SnapshotQuery::last_before:
        condition = psprintf("AND t.%s < $2", time);
        break;
    case SnapshotQuery::history:
        condition = psprintf("AND t.%s >= $2 AND t.%s IS NOT NULL", time, id);
        order = forwards;
        break;
    case SnapshotQuery::following:
        condition = psprintf("AND (t.%s, t.%s) > ($2, $3)", time, id);
        order = forwards;
        break;
    case SnapshotQuery::count:
        break;
    }
    const char* definition =
        c.definition() == nullptr ? "NULL" : psprintf("t.%s", quote_identifier(c.definition()));
    return psprintf("SELECT t.%s, t.%s, t.%s, %s::text FROM %s t WHERE t.%s = $1 %s ORDER BY %s",
                    id, time, quote_identifier(c.content()), definition,
                    quote_qualified_identifier(NameStr(table->schema), NameStr(table->name)),
                    quote_identifier(c.dashboard()), condition, order);
}

// The plan of a query, made when it is first asked for.
SPIPlanPtr snapshot_plan(SnapshotTable* table, SnapshotQuery query) {
    SPIPlanPtr& plan = table->plans[static_cast<int>(query)];
    if (plan != nullptr)
        return plan;
    Oid types[] = {table->dashboard_type(), table->captured_at_type(), table->id_type(), XIDOID};
    int count = 2;
    switch (query) {
    case SnapshotQuery::latest:
        count = 1;
        break;
    case SnapshotQuery::later:
        count = 4;
        break;
    case SnapshotQuery::preceding:
    case SnapshotQuery::following:
        count = 3;
        break;
    case SnapshotQuery::by_id:
        types[1] = table->id_type();
        break;
    default:
        types[1] = TIMESTAMPTZOID;
    }
    const SPIPlanPtr prepared = SPI_prepare(query_text(table, query), count, types);
    if (prepared == nullptr || SPI_keepplan(prepared) != 0)
        elog(ERROR, "could not prepare statement: %s", SPI_result_code_string(SPI_result));
    plan = prepared;
    return plan;
}

StoredSnapshot read_found_snapshot(const SnapshotTable* table, HeapTuple row, TupleDesc columns) {
    StoredSnapshot snapshot{};
    snapshot.found = true;
    bool is_null;
    snapshot.id_datum = SPI_getbinval(row, columns, 1, &is_null);
    snapshot.id = to_int64(table->id_type(), snapshot.id_datum);
    snapshot.captured_at_datum = SPI_getbinval(row, columns, 2, &is_null);
    snapshot.captured_at = to_timestamptz(table->captured_at_type(), snapshot.captured_at_datum);
    const Datum content = SPI_getbinval(row, columns, 3, &is_null);
    // A null document cannot be compared with: as if the snapshot were not there.
    snapshot.found = !is_null;
    if (!is_null)
        snapshot.content = datumCopy(content, false, -1);
    snapshot.definition = SPI_getvalue(row, columns, 4);
    return snapshot;
}

// A query on its way through the door.
struct Asked {
    SnapshotTable* table;
    SnapshotQuery query;
    Datum* values;
    ::Snapshot snapshot;
    bool read_only;
    long limit;
    MemoryContext kept; // where what is found goes
    StoredSnapshots found;
};

// As the current user.
void ask(Asked* asked) {
    const int result = SPI_execute_snapshot(snapshot_plan(asked->table, asked->query),
                                            asked->values, nullptr, asked->snapshot,
                                            InvalidSnapshot, asked->read_only, true, asked->limit);
    if (result < 0)
        elog(ERROR, "could not execute statement: %s", SPI_result_code_string(result));
    const MemoryContext outer = MemoryContextSwitchTo(asked->kept);
    asked->found.count = SPI_processed;
    asked->found.list =
        static_cast<StoredSnapshot*>(palloc(sizeof(StoredSnapshot) * (SPI_processed + 1)));
    for (std::uint64_t i = 0; i < asked->found.count; ++i)
        asked->found.list[i] =
            read_found_snapshot(asked->table, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
    SPI_freetuptable(SPI_tuptable);
    MemoryContextSwitchTo(outer);
}

void ask_behind_the_door(Asked* asked) {
    RestrictedOperation operation{};
    operation.role = asked->table->owner;
    // A policy that the owner has put upon itself is not meant: as with foreign keys.
    operation.security = SECURITY_NOFORCE_RLS;
    operation.time_limit = view_timeout();
    operation.argument = asked;
    const MemoryContext context = CurrentMemoryContext;
    PG_TRY();
    {
        run_restricted(&operation, [](void* argument) { ask(static_cast<Asked*>(argument)); });
    }
    PG_CATCH();
    {
        if (!operation.timed_out)
            PG_RE_THROW();
        MemoryContextSwitchTo(context);
        FlushErrorState();
        ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                errmsg("could not read the snapshots of table \"%s\" in time",
                       NameStr(asked->table->name)),
                errdetail("It took longer than dashboard_diff.view_timeout (%s).",
                          GetConfigOptionByName("dashboard_diff.view_timeout", nullptr, false)),
                errhint("An index on the dashboard, time and id columns makes it fast."));
    }
    PG_END_TRY();
}

} // namespace

StoredSnapshot read_inserted_snapshot(const SnapshotTable* table, const TriggerData* trigger,
                                      const char** dashboard) {
    const TupleDesc columns = RelationGetDescr(trigger->tg_relation);
    const auto read = [&](AttrNumber number) {
        bool is_null;
        const Datum value = SPI_getbinval(trigger->tg_trigtuple, columns, number, &is_null);
        if (is_null)
            ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                    errmsg("column \"%s\" of relation \"%s\" must not be null",
                           NameStr(TupleDescAttr(columns, number - 1)->attname),
                           RelationGetRelationName(trigger->tg_relation)),
                    errdetail("It is part of a dashboard's snapshot."));
        return value;
    };

    StoredSnapshot row{};
    row.found = true;
    row.id_datum = read(table->id());
    row.id = to_int64(table->id_type(), row.id_datum);
    const Datum name = read(table->dashboard());
    *dashboard = table->dashboard_type() == NAMEOID ? pstrdup(NameStr(*DatumGetName(name)))
                                                    : TextDatumGetCString(name);
    row.captured_at_datum = read(table->captured_at());
    row.captured_at = to_timestamptz(table->captured_at_type(), row.captured_at_datum);
    if (TIMESTAMP_NOT_FINITE(row.captured_at))
        ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                errmsg("column \"%s\" of relation \"%s\" must not be infinite",
                       NameStr(TupleDescAttr(columns, table->captured_at() - 1)->attname),
                       RelationGetRelationName(trigger->tg_relation)),
                errdetail("It is the time of a dashboard's snapshot."));
    row.content = read(table->content());
    if (table->definition() != 0)
        row.definition = SPI_getvalue(trigger->tg_trigtuple, columns, table->definition());
    return row;
}

StoredSnapshots find_snapshots(SnapshotTable* table, SnapshotQuery query, Datum* values,
                               ::Snapshot snapshot, bool read_only, long limit) {
    Asked asked{table, query, values, snapshot, read_only, limit, CurrentMemoryContext, {}};
    if (table->is_own)
        run_as(table->owner, [&] { ask(&asked); });
    else
        ask_behind_the_door(&asked);
    return asked.found;
}

StoredSnapshot find_snapshot(SnapshotTable* table, SnapshotQuery query, Datum* values,
                             ::Snapshot snapshot, bool read_only) {
    const StoredSnapshots found = find_snapshots(table, query, values, snapshot, read_only, 1);
    return found.count > 0 ? found.list[0] : StoredSnapshot{};
}

Datum dashboard_datum(const SnapshotTable* table, const char* dashboard) {
    if (table->dashboard_type() == NAMEOID)
        return DirectFunctionCall1(namein, CStringGetDatum(dashboard));
    return CStringGetTextDatum(dashboard);
}

Datum snapshot_id_datum(const SnapshotTable* table, std::int64_t id) {
    switch (table->id_type()) {
    case INT8OID:
        return Int64GetDatum(id);
    case INT4OID:
        return Int32GetDatum(id == static_cast<std::int32_t>(id) ? static_cast<std::int32_t>(id)
                                                                 : 0);
    default:
        return Int16GetDatum(id == static_cast<std::int16_t>(id) ? static_cast<std::int16_t>(id)
                                                                 : 0);
    }
}

} // namespace dashboard_diff
