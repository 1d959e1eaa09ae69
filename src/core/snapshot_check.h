#pragma once

#include "core/jsonb.h"
#include "core/runtime.h"

namespace dashboard_diff {

// Checks a whole snapshot, every row of every source. Throws invalid_parameter with the place.
void validate_snapshot(const Value& root, const Runtime& runtime);

} // namespace dashboard_diff
