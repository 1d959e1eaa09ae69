#pragma once

// What the BEFORE ... FOR EACH ROW triggers of the extension's tables share. Everything here may
// ereport: call it guarded.

#include "extension/pg.h"

namespace dashboard_diff {

// Checks how the function `name` was called.
TriggerData* called_before_row(FunctionCallInfo fcinfo, const char* name);

// The row as it is about to be written.
HeapTuple new_row(const TriggerData* trigger);

// The text of one of its columns, or null.
const char* column_text(const TriggerData* trigger, const char* column);

} // namespace dashboard_diff
