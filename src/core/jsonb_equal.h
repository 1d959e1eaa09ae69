#pragma once

#include "core/jsonb.h"
#include "core/runtime.h"

namespace dashboard_diff {

// Equality as jsonb defines it: 1.0 equals 1.00, objects compare by members. Never recurses.
bool equal_values(const Value& a, const Value& b, const Runtime& runtime);

} // namespace dashboard_diff
