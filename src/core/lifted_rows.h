#pragma once

// Which rows must be lifted out and put back to turn one order into another: all but a longest run
// of rows that keep their order.

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "core/diff.h"
#include "core/runtime.h"

namespace dashboard_diff {

// A row's rank on both sides.
struct Placement {
    std::uint32_t from;
    std::uint32_t to;
    const RankChange* change; // null for a row that kept its rank
};

using Placements = std::pmr::vector<Placement>;

// Puts rows into their old order; those that tied stand in their new order, so that no tie counts.
void sort_by_old_order(Placements& rows, const Runtime& runtime);

// How many have to be lifted: O(n log n).
std::size_t count_lifted(const Placements& sorted, const Runtime& runtime);

// These rows, as few as can be; where there is a choice, those that moved furthest. In old order.
Placements find_lifted(const Placements& sorted, const Runtime& runtime);

} // namespace dashboard_diff
