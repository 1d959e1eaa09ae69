// watch_snapshots() and unwatch_snapshots(): the alert trigger on a table of the user's own.

#include "extension/guard.h"
#include "extension/snapshot_table.h"
#include "extension/statement.h"

namespace dashboard_diff {

namespace {

constexpr char trigger_name[] = "dashboard_snapshot_alert";

// The caller's rights decide: the statement is the caller's.
void execute_ddl(const char* text) {
    const int result = SPI_execute(text, false, 0);
    if (result < 0)
        elog(ERROR, "could not execute statement: %s", SPI_result_code_string(result));
}

const char* qualified_name(Oid relation) {
    return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
                                      get_rel_name(relation));
}

void check_can_be_watched(Relation relation) {
    const char kind = relation->rd_rel->relkind;
    if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
        ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
                errmsg("\"%s\" is not a table", RelationGetRelationName(relation)),
                errhint("Snapshots can be watched in tables and partitioned tables."));
    if (relation->rd_rel->relispartition)
        ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
                errmsg("\"%s\" is a partition", RelationGetRelationName(relation)),
                errhint("Watch the partitioned table that it is part of."));
}

// Whether an index serves to find a dashboard's snapshots in order: its leading columns are the
// dashboard and the time.
bool has_index_on(Relation relation, AttrNumber dashboard, AttrNumber captured_at) {
    List* indexes = RelationGetIndexList(relation);
    ListCell* cell;
    foreach (cell, indexes) {
        Relation index = index_open(lfirst_oid(cell), AccessShareLock);
        const Form_pg_index form = index->rd_index;
        const bool serves =
            form->indisvalid && form->indnkeyatts >= 2 && form->indkey.values[0] == dashboard &&
            form->indkey.values[1] == captured_at && RelationGetIndexPredicate(index) == NIL;
        index_close(index, AccessShareLock);
        if (serves)
            return true;
    }
    return false;
}

void suggest_index(Relation relation, const SnapshotColumnNames& columns) {
    const TupleDesc description = RelationGetDescr(relation);
    if (has_index_on(relation,
                     static_cast<AttrNumber>(SPI_fnumber(description, columns.dashboard())),
                     static_cast<AttrNumber>(SPI_fnumber(description, columns.captured_at()))))
        return;
    ereport(NOTICE,
            errmsg("no index of \"%s\" begins with \"%s\", \"%s\"",
                   RelationGetRelationName(relation), columns.dashboard(), columns.captured_at()),
            errdetail("Every insert looks for the dashboard's snapshot before it."),
            errhint("CREATE INDEX ON %s (%s, %s, %s);", qualified_name(RelationGetRelid(relation)),
                    quote_identifier(columns.dashboard()), quote_identifier(columns.captured_at()),
                    quote_identifier(columns.id())));
}

// The names given, checked against the table.
SnapshotColumnNames read_columns(FunctionCallInfo fcinfo, Relation relation) {
    SnapshotColumnNames columns{PG_ARGISNULL(5) ? 4 : 5, {}};
    for (int i = 0; i < columns.count; ++i)
        columns.names[i] = NameStr(*PG_GETARG_NAME(i + 1));
    check_snapshot_columns(relation, columns);
    return columns;
}

// Drops every alert trigger of the table, whatever its name; how many there were.
std::uint64_t unwatch(const Installation& installation, Oid relation) {
    Oid types[] = {OIDOID, OIDOID};
    Datum values[] = {ObjectIdGetDatum(relation),
                      ObjectIdGetDatum(find_alert_function(installation))};
    const int result =
        SPI_execute_with_args("SELECT t.tgname, t.tgparentid <> 0 FROM pg_trigger t"
                              " WHERE t.tgrelid = $1 AND t.tgfoid = $2 AND NOT t.tgisinternal",
                              2, types, values, nullptr, false, 0);
    if (result < 0)
        elog(ERROR, "could not execute statement: %s", SPI_result_code_string(result));
    SPITupleTable* const found = SPI_tuptable;
    const std::uint64_t count = SPI_processed;
    for (std::uint64_t i = 0; i < count; ++i) {
        bool is_null;
        if (DatumGetBool(SPI_getbinval(found->vals[i], found->tupdesc, 2, &is_null)))
            ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("\"%s\" is a partition", get_rel_name(relation)),
                    errhint("Call unwatch_snapshots() with the partitioned table that it is part "
                            "of."));
        execute_ddl(psprintf("DROP TRIGGER %s ON %s",
                             quote_identifier(SPI_getvalue(found->vals[i], found->tupdesc, 1)),
                             qualified_name(relation)));
    }
    return count;
}

void watch(const Installation& installation, FunctionCallInfo fcinfo) {
    for (int i = 0; i < 5; ++i)
        if (PG_ARGISNULL(i))
            ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                    errmsg("argument %d of watch_snapshots must not be null", i + 1));
    // As CREATE TRIGGER locks it, so that the columns stay what they are.
    Relation relation = table_open(PG_GETARG_OID(0), ShareRowExclusiveLock);
    check_can_be_watched(relation);
    const SnapshotColumnNames columns = read_columns(fcinfo, relation);

    StringInfoData statement;
    initStringInfo(&statement);
    appendStringInfo(&statement,
                     "CREATE TRIGGER %s AFTER INSERT ON %s FOR EACH ROW "
                     "EXECUTE FUNCTION %s.dashboard_snapshot_alert(",
                     trigger_name, qualified_name(RelationGetRelid(relation)),
                     quote_identifier(installation.schema_name));
    for (int i = 0; i < columns.count; ++i)
        appendStringInfo(&statement, "%s%s", i > 0 ? ", " : "",
                         quote_literal_cstr(columns.names[i]));
    appendStringInfoChar(&statement, ')');
    // Two of them would tell of each snapshot twice.
    (void)unwatch(installation, RelationGetRelid(relation));
    execute_ddl(statement.data);
    suggest_index(relation, columns);
    table_close(relation, NoLock);
}

// The extension's own table has its trigger for good.
void check_not_own(const Installation& installation, Oid relation) {
    if (relation == get_relname_relid("dashboard_snapshots", installation.schema))
        ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
                errmsg("\"dashboard_snapshots\" is always watched"));
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_watch_snapshots) {
    guarded([&] {
        const Installation installation = find_installation(fcinfo->flinfo->fn_oid);
        const int level = begin_statements();
        if (!PG_ARGISNULL(0))
            check_not_own(installation, PG_GETARG_OID(0));
        watch(installation, fcinfo);
        end_statements(level);
    });
    PG_RETURN_VOID();
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_unwatch_snapshots) {
    return guarded([&] {
        const Installation installation = find_installation(fcinfo->flinfo->fn_oid);
        const int level = begin_statements();
        check_not_own(installation, PG_GETARG_OID(0));
        const std::uint64_t dropped = unwatch(installation, PG_GETARG_OID(0));
        end_statements(level);
        return BoolGetDatum(dropped > 0);
    });
}

} // namespace dashboard_diff
