#include "extension/history.h"

#include <algorithm>

namespace dashboard_diff {

namespace {

Statement dashboard_statement{
    R"(
SELECT FROM @extschema@.dashboards d WHERE d.id = $1
)",
    1,
    {TEXTOID}};

// The extension's own table comes first. A trigger's arguments stand behind each other, each
// ended by a zero byte.
Statement tables_statement{
    R"(
SELECT t.tgrelid, t.tgargs, t.tgnargs::integer
  FROM pg_trigger t
 WHERE t.tgfoid = $1 AND t.tgparentid = 0 AND NOT t.tgisinternal
 ORDER BY t.tgrelid <> $2, t.tgrelid, t.tgname
)",
    2,
    {OIDOID, OIDOID}};

bool has_snapshots(SnapshotTable* table, const char* dashboard) {
    Datum values[] = {dashboard_datum(table, dashboard)};
    const int result =
        SPI_execute_plan(snapshot_plan(table, SnapshotQuery::latest), values, nullptr, true, 1);
    if (result < 0)
        elog(ERROR, "could not execute statement: %s", SPI_result_code_string(result));
    return SPI_processed > 0;
}

SnapshotColumnNames read_arguments(Datum arguments, int count) {
    const bytea* bytes = DatumGetByteaPP(arguments);
    const char* at = VARDATA_ANY(bytes);
    const char* end = at + VARSIZE_ANY_EXHDR(bytes);
    SnapshotColumnNames columns{};
    for (; columns.count < std::min(count, SnapshotColumnNames::max_count) && at < end;
         at += strnlen(at, static_cast<std::size_t>(end - at)) + 1)
        columns.names[columns.count++] = pnstrdup(at, static_cast<Size>(end - at));
    return columns;
}

} // namespace

SnapshotTable* find_history(const Installation& installation, const char* dashboard) {
    Datum values[] = {CStringGetTextDatum(dashboard), 0};
    execute_as_caller(dashboard_statement, installation, values, 1);
    if (SPI_processed == 0)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
                errmsg("dashboard \"%s\" does not exist", dashboard));

    values[0] = ObjectIdGetDatum(find_alert_function(installation));
    values[1] = ObjectIdGetDatum(get_relname_relid("dashboard_snapshots", installation.schema));
    execute_as_caller(tables_statement, installation, values, 0);
    SPITupleTable* const found = SPI_tuptable;
    const std::uint64_t count = SPI_processed;
    for (std::uint64_t i = 0; i < count; ++i) {
        bool is_null;
        const auto read = [&](int column) {
            return SPI_getbinval(found->vals[i], found->tupdesc, column, &is_null);
        };
        const Oid relation = DatumGetObjectId(read(1));
        const SnapshotColumnNames columns = read_arguments(read(2), DatumGetInt32(read(3)));
        if (columns.count < 4 ||
            pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
            continue;
        SnapshotTable* table = open_snapshot_table(relation, columns);
        if (has_snapshots(table, dashboard))
            return table;
    }
    return nullptr;
}

} // namespace dashboard_diff
