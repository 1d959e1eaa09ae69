#include "extension/statement.h"

extern "C" {
#include "lib/stringinfo.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/guc.h"
}

namespace dashboard_diff {

namespace {

constexpr char schema_token[] = "@extschema@.";

char* expand(const char* text, const char* schema_name) {
    StringInfoData expanded;
    initStringInfo(&expanded);
    const char* quoted = quote_identifier(schema_name);
    while (const char* token = strstr(text, schema_token)) {
        appendBinaryStringInfo(&expanded, text, static_cast<int>(token - text));
        appendStringInfo(&expanded, "%s.", quoted);
        text = token + sizeof schema_token - 1;
    }
    appendStringInfoString(&expanded, text);
    return expanded.data;
}

void prepare(Statement& statement, const Installation& installation) {
    if (statement.plan != nullptr) {
        if (strcmp(NameStr(statement.prepared_schema), installation.schema_name) == 0)
            return;
        SPI_freeplan(statement.plan);
        statement.plan = nullptr;
    }
    const SPIPlanPtr plan = SPI_prepare(expand(statement.text, installation.schema_name),
                                        statement.parameter_count, statement.parameter_types);
    if (plan == nullptr || SPI_keepplan(plan) != 0)
        elog(ERROR, "could not prepare statement: %s", SPI_result_code_string(SPI_result));
    statement.plan = plan;
    namestrcpy(&statement.prepared_schema, installation.schema_name);
}

} // namespace

Installation find_installation(Oid function) {
    const HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        elog(ERROR, "cache lookup failed for function %u", function);
    const auto* procedure = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    Installation installation;
    installation.schema = procedure->pronamespace;
    installation.owner = procedure->proowner;
    installation.schema_name = get_namespace_name(procedure->pronamespace);
    ReleaseSysCache(tuple);
    return installation;
}

Oid find_alert_function(const Installation& installation) {
    return LookupFuncName(list_make2(makeString(pstrdup(installation.schema_name)),
                                     makeString(pstrdup("dashboard_snapshot_alert"))),
                          0, nullptr, false);
}

::Snapshot latest_snapshot() {
    // As foreign keys do: in the stricter isolation levels the transaction's own snapshot would
    // hide what others have just committed.
    if (!IsolationUsesXactSnapshot())
        return InvalidSnapshot;
    CommandCounterIncrement();
    return GetLatestSnapshot();
}

void execute(Statement& statement, const Installation& installation, Datum* values,
             const char* nulls, Visibility visibility, long row_limit) {
    run_as(installation.owner, [&] {
        prepare(statement, installation);
        const ::Snapshot snapshot =
            visibility == Visibility::latest ? latest_snapshot() : InvalidSnapshot;
        const int result = SPI_execute_snapshot(statement.plan, values, nulls, snapshot,
                                                InvalidSnapshot, false, true, row_limit);
        if (result < 0)
            elog(ERROR, "could not execute statement: %s", SPI_result_code_string(result));
    });
}

void execute_as_caller(Statement& statement, const Installation& installation, Datum* values,
                       long row_limit, bool read_only) {
    prepare(statement, installation);
    const int result = SPI_execute_plan(statement.plan, values, nullptr, read_only, row_limit);
    if (result < 0)
        elog(ERROR, "could not execute statement: %s", SPI_result_code_string(result));
}

int begin_statements() {
    const int guc_level = NewGUCNestLevel();
    (void)set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
                            GUC_ACTION_SAVE, true, 0, false);
    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "could not connect to SPI");
    return guc_level;
}

void end_statements(int guc_level) {
    SPI_finish();
    AtEOXact_GUC(false, guc_level);
}

} // namespace dashboard_diff
