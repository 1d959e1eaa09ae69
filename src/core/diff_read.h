#pragma once

#include "core/diff.h"
#include "core/runtime.h"

namespace dashboard_diff {

// Reads what write_diff wrote, or a diff made by hand: lists left out count as empty. Throws
// invalid_parameter with the JSON path where something is not as dashboard_diff() makes it.
Diff read_diff(const Value& root, const Runtime& runtime);

} // namespace dashboard_diff
