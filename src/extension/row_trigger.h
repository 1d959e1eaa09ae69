#pragma once

// What the FOR EACH ROW triggers of the extension's own tables share. Everything here may
// ereport: call it guarded.

#include "extension/pg.h"

namespace dashboard_diff {

// Check how the function `name` was called.
TriggerData* called_for_row(FunctionCallInfo fcinfo, const char* name);
TriggerData* called_before_row(FunctionCallInfo fcinfo, const char* name);

// The row as it is written.
HeapTuple new_row(const TriggerData* trigger);

// The text of one of its columns, or null.
const char* column_text(const TriggerData* trigger, const char* column);

} // namespace dashboard_diff
