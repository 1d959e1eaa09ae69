#pragma once

// Decimal text to the bytes of a numeric datum, written apart from the code under test.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dashboard_diff::testing {

// As the server's numeric_in: 1.50 keeps scale 2, 1e-3 has scale 3, 1e10 has scale 0, -0 is 0.
// Throws std::invalid_argument for what is no number, or one that does not fit.
std::vector<std::byte> numeric_from_text(std::string_view text);

} // namespace dashboard_diff::testing
