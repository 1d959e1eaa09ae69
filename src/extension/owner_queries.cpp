#include "extension/owner_queries.h"

#include "extension/cancel_timer.h"
#include "extension/guard.h"
#include "extension/restricted_operation.h"
#include "extension/settings.h"

extern "C" {
#include "access/tupdesc.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "tcop/dest.h"
#include "utils/datum.h"
#include "utils/guc.h"
}

namespace dashboard_diff {

namespace {

// What the results depend on is as in a fresh session of the role, and not as in the session that
// happens to take the snapshot: set by ALTER ROLE or ALTER DATABASE, or else this.
Statement settings_statement{
    R"(
SELECT d.name,
       coalesce((SELECT substr(c, strpos(c, '=') + 1)
                   FROM pg_db_role_setting s, unnest(s.setconfig) AS c
                  WHERE lower(split_part(c, '=', 1)) = lower(d.name)
                    AND s.setrole = ANY (ARRAY[0, $1])
                    AND s.setdatabase = ANY (ARRAY[0, $2])
                  ORDER BY s.setrole <> 0 DESC, s.setdatabase <> 0 DESC
                  LIMIT 1), d.value)
  FROM (VALUES ('search_path', '"$user", public'), ('TimeZone', 'UTC'), ('DateStyle', 'ISO, MDY'),
               ('IntervalStyle', 'postgres'), ('extra_float_digits', '1'),
               ('bytea_output', 'hex'), ('transform_null_equals', 'off'),
               ('standard_conforming_strings', 'on'), ('row_security', 'on')) AS d(name, value)
)",
    2,
    {OIDOID, OIDOID}};

struct Setting {
    const char* name;
    const char* value;
};

struct Settings {
    std::uint64_t count;
    Setting* list;
};

Settings find_settings(const Installation& installation, Oid role) {
    Datum values[] = {ObjectIdGetDatum(role), ObjectIdGetDatum(MyDatabaseId)};
    execute(settings_statement, installation, values, nullptr, Visibility::transaction, 0);
    Settings found{SPI_processed, nullptr};
    found.list = static_cast<Setting*>(palloc(sizeof(Setting) * found.count));
    for (std::uint64_t i = 0; i < found.count; ++i)
        found.list[i] = {SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1),
                         SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2)};
    return found;
}

void set(const char* name, const char* value) {
    (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                            false);
}

// Temporary tables of the session must not stand in for the dashboard's.
const char* without_temporary(const char* search_path) {
    if (strstr(search_path, "pg_temp") != nullptr)
        return search_path;
    return *search_path == '\0' ? "pg_temp" : psprintf("%s, pg_temp", search_path);
}

// For the rest of the subtransaction.
void apply(const Settings& settings) {
    for (std::uint64_t i = 0; i < settings.count; ++i) {
        const Setting& setting = settings.list[i];
        const bool is_path = strcmp(setting.name, "search_path") == 0;
        set(setting.name, is_path ? without_temporary(setting.value) : setting.value);
    }
}

// Turns rows into jsonb as they come, so that no more of them are held than one.
struct RowReceiver {
    DestReceiver base; // first, since the server hands back a pointer to it
    OwnerQuery* query;
    MemoryContext kept;
    MemoryContext work;
    std::uint64_t max_rows;
    std::size_t bytes;
    TupleDesc columns;
    FmgrInfo to_jsonb;
};

constexpr std::size_t max_bytes = 0x0FFFFFFF; // what a jsonb can hold

bool is_numeric_type(Oid type) {
    switch (getBaseType(type)) {
    case INT2OID:
    case INT4OID:
    case INT8OID:
    case NUMERICOID:
    case FLOAT4OID:
    case FLOAT8OID:
        return true;
    default:
        return false;
    }
}

void start_rows(DestReceiver* self, int, TupleDesc columns) {
    auto* receiver = reinterpret_cast<RowReceiver*>(self);
    // Of the query, while rows may come with the column names of their table.
    receiver->columns = BlessTupleDesc(CreateTupleDescCopy(columns));
    receiver->query->columns = columns->natts;
    receiver->query->is_numeric =
        columns->natts == 1 && is_numeric_type(TupleDescAttr(columns, 0)->atttypid);
    // to_jsonb() asks for the type of its argument.
    fmgr_info(F_TO_JSONB, &receiver->to_jsonb);
    List* arguments = list_make1(makeNullConst(RECORDOID, -1, InvalidOid));
    fmgr_info_set_expr(
        reinterpret_cast<Node*>(makeFuncExpr(F_TO_JSONB, JSONBOID, arguments, InvalidOid,
                                             InvalidOid, COERCE_EXPLICIT_CALL)),
        &receiver->to_jsonb);
}

void keep(RowReceiver* receiver, Datum document) {
    OwnerQuery* query = receiver->query;
    receiver->bytes += VARSIZE(DatumGetPointer(document));
    if (receiver->bytes > max_bytes)
        ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                errmsg("its rows take more than 256 MB as JSON"));
    const MemoryContext outer = MemoryContextSwitchTo(receiver->kept);
    if (query->count == query->capacity) {
        query->capacity = query->capacity == 0 ? 64 : query->capacity * 2;
        const std::size_t size = sizeof(Datum) * query->capacity;
        query->rows = static_cast<Datum*>(
            query->rows == nullptr ? palloc(size) : repalloc_huge(query->rows, size));
    }
    query->rows[query->count++] = datumCopy(document, false, -1);
    MemoryContextSwitchTo(outer);
}

bool receive_row(TupleTableSlot* slot, DestReceiver* self) {
    auto* receiver = reinterpret_cast<RowReceiver*>(self);
    if (receiver->query->count == receiver->max_rows)
        ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                errmsg("it has more than " UINT64_FORMAT " rows", receiver->max_rows),
                errhint("Let the query return fewer, or raise dashboard_diff.max_rows."));
    const MemoryContext outer = MemoryContextSwitchTo(receiver->work);
    slot_getallattrs(slot);
    const HeapTuple row = heap_form_tuple(receiver->columns, slot->tts_values, slot->tts_isnull);
    keep(receiver, FunctionCall1(&receiver->to_jsonb, HeapTupleHeaderGetDatum(row->t_data)));
    MemoryContextSwitchTo(outer);
    MemoryContextReset(receiver->work);
    return true;
}

void run(OwnerQuery* query, MemoryContext kept, std::uint64_t max_rows) {
    RowReceiver receiver = {};
    receiver.base.receiveSlot = receive_row;
    receiver.base.rStartup = start_rows;
    receiver.base.rShutdown = [](DestReceiver*) {};
    receiver.base.rDestroy = [](DestReceiver*) {};
    receiver.base.mydest = DestTuplestore; // anything but none: what is returned counts
    receiver.query = query;
    receiver.kept = kept;
    receiver.work =
        AllocSetContextCreate(CurrentMemoryContext, "dashboard_diff row", ALLOCSET_DEFAULT_SIZES);
    receiver.max_rows = max_rows;

    SPIExecuteOptions options = {};
    options.read_only = true;
    options.must_return_tuples = true;
    options.dest = &receiver.base;
    const int result = SPI_execute_extended(query->sql, &options);
    if (result != SPI_OK_SELECT)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("it is no SELECT"));
}

// Of the error that is being handled. In memory that outlives the subtransaction.
[[noreturn]] void raise_as_of(const char* dashboard, const OwnerQuery* query, ErrorData* error,
                              bool timed_out) {
    const char* source = query != nullptr ? psprintf("Data source \"%s\"", query->name) : nullptr;
    if (timed_out)
        ereport(ERROR, errcode(ERRCODE_QUERY_CANCELED),
                errmsg("could not take a snapshot of dashboard \"%s\"", dashboard),
                errdetail("%s took longer than dashboard_diff.view_timeout (%s).", source,
                          GetConfigOptionByName("dashboard_diff.view_timeout", nullptr, false)),
                errhint("Make the query faster, or raise dashboard_diff.view_timeout."));
    if (is_cancel(error) || source == nullptr)
        ReThrowError(error);
    // What handlers do not take for an error of the query's own is not the query's to raise.
    const bool is_special = error->sqlerrcode == ERRCODE_ASSERT_FAILURE ||
                            ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION;
    ereport(ERROR, errcode(is_special ? ERRCODE_EXTERNAL_ROUTINE_EXCEPTION : error->sqlerrcode),
            errmsg("could not take a snapshot of dashboard \"%s\"", dashboard),
            errdetail_internal("%s: %s%s%s", source, error->message,
                               error->detail != nullptr ? ". " : "",
                               error->detail != nullptr ? error->detail : ""),
            error->hint != nullptr ? errhint("%s", error->hint) : 0,
            error->context != nullptr ? errcontext("%s", error->context) : 0);
    pg_unreachable();
}

// All of a view_spec's queries, in one database snapshot.
struct Run {
    Settings settings;
    OwnerQuery* queries;
    int count;
    MemoryContext kept;
    std::uint64_t max_rows;
    int time_limit;               // of each; what the queries set counts for none of them
    OwnerQuery* volatile running; // null: none yet
};

void run_all(Run* run_of) {
    PushActiveSnapshot(GetTransactionSnapshot());
    for (int i = 0; i < run_of->count; ++i) {
        run_of->running = &run_of->queries[i];
        restart_cancel_timer(run_of->time_limit);
        run(run_of->running, run_of->kept, run_of->max_rows);
    }
    PopActiveSnapshot();
}

} // namespace

void run_owner_queries(const Installation& installation, const char* dashboard, const char* owner,
                       OwnerQuery* queries, int count) {
    // Else a dashboard's query could take its own snapshot, and so on.
    static bool is_inside = false;
    if (is_inside)
        ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                errmsg("the query of a dashboard cannot take a snapshot"));
    const Oid role = get_role_oid(owner, false);
    Run all{
        find_settings(installation, role),           queries,        count,  CurrentMemoryContext,
        static_cast<std::uint64_t>(view_max_rows()), view_timeout(), nullptr};
    RestrictedOperation operation{};
    operation.role = role;
    operation.time_limit = all.time_limit;
    operation.prepare = [](void* argument) { apply(static_cast<Run*>(argument)->settings); };
    operation.argument = &all;
    is_inside = true;
    PG_TRY();
    {
        run_restricted(&operation, [](void* argument) { run_all(static_cast<Run*>(argument)); });
    }
    PG_CATCH();
    {
        is_inside = false;
        MemoryContextSwitchTo(all.kept);
        ErrorData* error = CopyErrorData();
        FlushErrorState();
        raise_as_of(dashboard, all.running, error, operation.timed_out);
    }
    PG_END_TRY();
    is_inside = false;
}

} // namespace dashboard_diff
