#pragma once

// Round numbers: what a person would have written.

#include <cstdint>
#include <string_view>

#include "core/decimal.h"
#include "core/number.h"
#include "core/runtime.h"

namespace dashboard_diff {

// digits * 10^exponent.
struct RoundNumber {
    std::uint64_t digits = 1;
    int exponent = 0;

    double to_double() const;
};

// The number above `above` and not above `up_to` with the fewest significant digits; of several
// 1, one that ends in 5, or 2, else one in the middle. Needs 0 <= above < up_to < infinity.
RoundNumber roundest(double above, double up_to);

// The same among integers. Without any in between, the next one: a count that is to reach 2.5 has
// to reach 3.
std::uint64_t roundest_integer(double above, double up_to);

// digits * 10^exponent, exactly; no trailing zeros are shown behind the point. `digits` is text.
// False where a numeric cannot hold it.
bool assign_digits(Number& out, std::string_view digits, int exponent, const Runtime& runtime);

// number * factor, exactly, for a number that is not negative.
bool multiply(Number& out, const Decimal& number, const RoundNumber& factor,
              const Runtime& runtime);

} // namespace dashboard_diff
