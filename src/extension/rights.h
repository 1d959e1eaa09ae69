#pragma once

// May ereport: call it guarded.

#include "extension/pg.h"

namespace dashboard_diff {

// Whether `member` is the role, is a member of it, or is a superuser. A role that no longer exists
// (or null) leaves only superusers.
bool has_rights_of(Oid member, const char* role_name);

} // namespace dashboard_diff
