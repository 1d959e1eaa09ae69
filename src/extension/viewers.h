#pragma once

// Who sees a dashboard: the side of its owner, and those whom it lets. May ereport: call it
// guarded.

#include "extension/statement.h"

namespace dashboard_diff {

// Whether the dashboard's owner has let the role, one that it is a member of, or everybody see it.
bool is_viewer(const Installation& installation, const char* dashboard, Oid role);

} // namespace dashboard_diff
