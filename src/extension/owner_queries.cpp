#include "extension/owner_queries.h"

#include "extension/settings.h"
#include "extension/view_timer.h"

extern "C" {
#include "access/tupdesc.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "tcop/dest.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/resowner.h"
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
void become(Oid role, const Settings& settings) {
    for (std::uint64_t i = 0; i < settings.count; ++i) {
        const Setting& setting = settings.list[i];
        const bool is_path = strcmp(setting.name, "search_path") == 0;
        set(setting.name, is_path ? without_temporary(setting.value) : setting.value);
    }
    // A function may write whatever the statement that calls it is.
    set("transaction_read_only", "on");
    Oid user;
    int context;
    GetUserIdAndSecContext(&user, &context);
    SetUserIdAndSecContext(role, context | SECURITY_RESTRICTED_OPERATION);
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

void run(OwnerQuery* query, MemoryContext kept, int timeout, std::uint64_t max_rows) {
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
    start_view_timer(timeout);
    const int result = SPI_execute_extended(query->sql, &options);
    if (stop_view_timer())
        ereport(ERROR, errcode(ERRCODE_QUERY_CANCELED), errmsg("canceled"));
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
    // Somebody wants the whole statement to end.
    if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || source == nullptr)
        ReThrowError(error);
    ereport(ERROR, errcode(error->sqlerrcode),
            errmsg("could not take a snapshot of dashboard \"%s\"", dashboard),
            errdetail_internal("%s: %s%s%s", source, error->message,
                               error->detail != nullptr ? ". " : "",
                               error->detail != nullptr ? error->detail : ""),
            error->hint != nullptr ? errhint("%s", error->hint) : 0,
            error->context != nullptr ? errcontext("%s", error->context) : 0);
    pg_unreachable();
}

} // namespace

void run_owner_queries(const Installation& installation, const char* dashboard, const char* owner,
                       OwnerQuery* queries, int count) {
    // Else a dashboard's query could take its own snapshot, and so on, or end its own time limit.
    static bool is_inside = false;
    if (is_inside)
        ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                errmsg("the query of a dashboard cannot take a snapshot"));
    const Oid role = get_role_oid(owner, false);
    const Settings settings = find_settings(installation, role);
    const int timeout = view_timeout();
    const auto max_rows = static_cast<std::uint64_t>(view_max_rows());

    // A subtransaction that is always rolled back: no setting, cursor, notification or lock of a
    // transaction outlives it.
    const MemoryContext context = CurrentMemoryContext;
    const ResourceOwner resources = CurrentResourceOwner;
    OwnerQuery* volatile running = nullptr;
    ErrorData* volatile error = nullptr;
    volatile bool timed_out = false;
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(context);
    is_inside = true;
    PG_TRY();
    {
        become(role, settings);
        if (SPI_connect() != SPI_OK_CONNECT)
            elog(ERROR, "could not connect to SPI");
        PushActiveSnapshot(GetTransactionSnapshot());
        for (int i = 0; i < count; ++i) {
            running = &queries[i];
            run(&queries[i], context, timeout, max_rows);
        }
        PopActiveSnapshot();
        SPI_finish();
    }
    PG_CATCH();
    {
        timed_out = stop_view_timer();
        MemoryContextSwitchTo(context);
        error = CopyErrorData();
        FlushErrorState();
    }
    PG_END_TRY();
    is_inside = false;
    RollbackAndReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = resources;
    if (error != nullptr)
        raise_as_of(dashboard, running, error, timed_out);
}

} // namespace dashboard_diff
