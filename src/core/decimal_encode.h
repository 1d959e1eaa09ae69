#pragma once

// Writing a numeric datum: shared by the short and the long arithmetic.

#include <cstdint>
#include <span>

#include "core/decimal.h"

namespace dashboard_diff {

// Writes the number whose base-10000 digits are `digits` (most significant first, the last
// `fraction_groups` of them behind the point). Leading and trailing zero digits are dropped.
// Throws numeric_out_of_range where the server's format cannot hold it.
void encode(std::span<const std::uint16_t> digits, int fraction_groups, int scale, bool negative,
            Number& out);

} // namespace dashboard_diff
