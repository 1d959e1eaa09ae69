// validate_view_spec(): what a view_spec may be, its queries included.

#include "core/error.h"
#include "core/view_spec.h"

#include "extension/guard.h"
#include "extension/server_runtime.h"

#include <string>

extern "C" {
#include "nodes/parsenodes.h"
#include "parser/parser.h"
}

namespace dashboard_diff {

namespace {

bool has_writing_with(const SelectStmt* select) {
    if (select->withClause == nullptr)
        return false;
    ListCell* cell;
    foreach (cell, select->withClause->ctes) {
        const auto* part = static_cast<CommonTableExpr*>(lfirst(cell));
        if (!IsA(part->ctequery, SelectStmt))
            return true;
    }
    return false;
}

// How a string is not one SELECT that only reads; null where it is one. May ereport.
const char* find_query_problem(const char* sql) {
    const List* statements = raw_parser(sql, RAW_PARSE_DEFAULT);
    if (list_length(statements) != 1)
        return psprintf("must be one SELECT, and is %d statements", list_length(statements));
    const Node* statement = static_cast<RawStmt*>(linitial(statements))->stmt;
    if (!IsA(statement, SelectStmt))
        return "must be one SELECT";
    const auto* select = reinterpret_cast<const SelectStmt*>(statement);
    if (has_writing_with(select))
        return "must not write";
    if (select->lockingClause != NIL)
        return "must not lock rows";
    while (select->larg != nullptr)
        select = select->larg;
    if (select->intoClause != nullptr)
        return "must not write INTO a table";
    return nullptr;
}

const char* terminated(std::string_view text, const ServerRuntime& runtime) {
    auto* copy = static_cast<char*>(runtime.memory->allocate(text.size() + 1, 1));
    std::memcpy(copy, text.data(), text.size());
    copy[text.size()] = '\0';
    return copy;
}

void check_query(const DataSource& source, const ServerRuntime& runtime) {
    const char* problem;
    try {
        const char* sql = terminated(source.sql, runtime);
        problem = guarded([&] { return find_query_problem(sql); });
    } catch (const ServerError& e) {
        const ErrorData* error = e.data();
        if (error->sqlerrcode != ERRCODE_SYNTAX_ERROR)
            throw;
        throw_invalid_view_spec(
            "at " + query_path(source.name, runtime) + ": " + error->message +
            (error->cursorpos > 0 ? " (character " + std::to_string(error->cursorpos) + ")" : ""));
    }
    if (problem != nullptr)
        throw_invalid_view_spec("at " + query_path(source.name, runtime) + ": " + problem);
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_validate_view_spec) {
    const ServerRuntime runtime;
    const ViewSpec spec = ViewSpec::read(jsonb_argument(fcinfo, 0), runtime);
    for (const DataSource& source : spec.sources())
        check_query(source, runtime);
    PG_RETURN_BOOL(true);
}

} // namespace dashboard_diff
