#pragma once

// Queries that belong to somebody else, run as him and without leaving a trace. Everything here may
// ereport: call it guarded.

#include "extension/statement.h"

namespace dashboard_diff {

struct OwnerQuery {
    const char* name; // for messages
    const char* sql;

    // What came of it.
    int columns;
    bool is_numeric; // it has one column, of a numeric type
    std::uint64_t count;
    std::uint64_t capacity;
    Datum* rows; // a jsonb object each, in the query's order
};

// Runs the queries, each one SELECT, with the rights and settings of a fresh session of the role
// `owner`, read-only, in a security-restricted operation, in one database snapshot; each within
// dashboard_diff.view_timeout and dashboard_diff.max_rows. Whatever a function in them does to the
// session is undone. An error is raised as one of taking a snapshot of the dashboard, with its own
// SQLSTATE and the query's name.
void run_owner_queries(const Installation& installation, const char* dashboard, const char* owner,
                       OwnerQuery* queries, int count);

} // namespace dashboard_diff
