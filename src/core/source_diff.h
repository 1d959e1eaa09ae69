#pragma once

#include "core/diff.h"
#include "core/runtime.h"
#include "core/snapshot.h"

namespace dashboard_diff {

// Compares two row sources. Throws invalid_parameter for rows that are not valid.
SourceDiff compare_sources(const RowSource& before, const RowSource& after, std::uint32_t top_n,
                           const Runtime& runtime);

} // namespace dashboard_diff
