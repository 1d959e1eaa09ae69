#pragma once

// SQL that the extension runs itself, through SPI. Everything here may ereport: call it guarded.

#include "extension/pg.h"

namespace dashboard_diff {

// Where the extension lives and who owns it, as told by one of its functions.
struct Installation {
    Oid schema;
    Oid owner;
    const char* schema_name;
};

Installation find_installation(Oid function);

// The extension's trigger function dashboard_snapshot_alert().
Oid find_alert_function(const Installation& installation);

// A statement over the extension's own tables, prepared once a backend. In its text
// "@extschema@." stands for the extension's schema, as in the install script.
struct Statement {
    const char* text;
    int parameter_count;
    Oid parameter_types[16];

    SPIPlanPtr plan = nullptr;
    NameData prepared_schema = {};
};

// What a statement is allowed to see.
enum class Visibility {
    transaction, // as any statement of this transaction
    latest,      // whatever has been committed by now, in every isolation level
};

// Runs the statement as the extension's owner, whom no row-level security binds. The rows are in
// SPI_tuptable.
void execute(Statement& statement, const Installation& installation, Datum* values,
             const char* nulls, Visibility visibility, long row_limit);

// The same with the rights of whoever calls the SQL function, seeing what its query sees, unless it
// writes or locks rows.
void execute_as_caller(Statement& statement, const Installation& installation, Datum* values,
                       long row_limit, bool read_only = true);

// Runs code with the rights of the owner of the tables that it names, whom no row-level security
// binds. Only for tables of the extension: see restricted_operation.h.
template <typename Code>
void run_as(Oid owner, Code&& code) {
    Oid saved_user;
    int saved_context;
    GetUserIdAndSecContext(&saved_user, &saved_context);
    SetUserIdAndSecContext(owner,
                           saved_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
    code();
    SetUserIdAndSecContext(saved_user, saved_context);
}

// A snapshot for SPI_execute_snapshot() that sees what has been committed by now.
::Snapshot latest_snapshot();

// Connects to SPI with a search_path of pg_catalog alone, so that no object of the caller's can
// take part in an expression. Returns what end_statements() needs; an abort undoes both as well.
int begin_statements();
void end_statements(int guc_level);

} // namespace dashboard_diff
