// validate_view_spec(): what a view_spec may be, its queries included.

#include "core/error.h"
#include "core/view_spec.h"

#include "extension/guard.h"
#include "extension/server_runtime.h"

#include <string>

extern "C" {
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
}

namespace dashboard_diff {

namespace {

// What a query holds that does more than read, and the words for it.
struct Search {
    const char* problem;
};

// At any depth of the parse tree; true ends the walk. May ereport.
bool find_problem(Node* node, void* context) {
    auto* search = static_cast<Search*>(context);
    if (node == nullptr)
        return false;
    check_stack_depth();
    switch (nodeTag(node)) {
    case T_LockingClause:
        search->problem = "must not lock rows";
        return true;
    case T_IntoClause:
        search->problem = "must not write INTO a table";
        return true;
    case T_CommonTableExpr:
        // The grammar takes any statement here that returns rows, and later versions may take more.
        if (!IsA(reinterpret_cast<CommonTableExpr*>(node)->ctequery, SelectStmt)) {
            search->problem = "must not write";
            return true;
        }
        break;
    case T_InsertStmt:
    case T_UpdateStmt:
    case T_DeleteStmt:
    case T_MergeStmt:
        search->problem = "must not write";
        return true;
    default:
        break;
    }
    return raw_expression_tree_walker(node, DASHBOARD_DIFF_WALKER(find_problem), context);
}

// How a string is not one SELECT that only reads; null where it is one. May ereport.
const char* find_query_problem(const char* sql) {
    const List* statements = raw_parser(sql, RAW_PARSE_DEFAULT);
    if (list_length(statements) != 1)
        return psprintf("must be one SELECT, and is %d statements", list_length(statements));
    Node* statement = static_cast<RawStmt*>(linitial(statements))->stmt;
    if (!IsA(statement, SelectStmt))
        return "must be one SELECT";
    Search search{};
    find_problem(statement, &search);
    return search.problem;
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
        // Where SQL of a function calls this, the server takes the position for one in that.
        const int position = error->cursorpos > 0 ? error->cursorpos : error->internalpos;
        throw_invalid_view_spec(
            "at " + query_path(source.name, runtime) + ": " + error->message +
            (position > 0 ? " (character " + std::to_string(position) + ")" : ""));
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
