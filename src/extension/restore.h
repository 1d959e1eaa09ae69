#pragma once

// Who may write what nobody else may: the extension itself, whose functions run as the owner of its
// tables, and a restore of a dump. May ereport: call it guarded.

#include "extension/pg.h"

namespace dashboard_diff {

// Whether the current user is a superuser, or has the rights of the table's owner.
bool is_own_table(Oid owner);

// Whether the current user is restoring a dump into the table: pg_dump sets row_security = off, and
// only the table's owner may write then. Rows come back as they were, whatever has changed since.
bool is_restore(Oid owner);

} // namespace dashboard_diff
