#pragma once

// Decimals of any length as plain digits with schoolbook arithmetic: slow, and simple enough to
// judge the code under test by.

#include <string>
#include <string_view>

namespace dashboard_diff::testing {

struct BigDecimal {
    bool negative = false;
    std::string digits = "0"; // of the number times 10^scale, without leading zeros
    int scale = 0;

    // Plain text without an exponent.
    static BigDecimal parse(std::string_view text);

    bool zero() const { return digits == "0"; }
    std::string text() const; // with `scale` places
};

// a - b, with the longer scale.
BigDecimal minus(const BigDecimal& a, const BigDecimal& b);

BigDecimal times(const BigDecimal& a, const BigDecimal& b);

// a / abs(b), half away from zero to 6 places, trailing zeros trimmed. b must not be 0.
BigDecimal share(const BigDecimal& a, const BigDecimal& b);

// -1, 0 or 1: abs(a) against abs(b).
int compare_sizes(const BigDecimal& a, const BigDecimal& b);

int compare_numbers(const BigDecimal& a, const BigDecimal& b);

} // namespace dashboard_diff::testing
