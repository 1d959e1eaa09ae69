#pragma once

#include "core/diff.h"
#include "core/runtime.h"
#include "core/snapshot.h"

namespace dashboard_diff {

// Compares two snapshots. Throws invalid_parameter for rows that are not valid.
Diff compare_snapshots(const Snapshot& before, const Snapshot& after, std::uint32_t top_n,
                       const Runtime& runtime);

} // namespace dashboard_diff
