#pragma once

// How large what somebody else's insert has to read may be: a rule is judged again at each
// snapshot, in the time of whoever takes it. No rule that a person would write comes near.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/decimal.h"

namespace dashboard_diff::limits {

// As many as the difference of two doubles, written out in full, may have.
inline constexpr int number_digits = 1000;         // significant ones
inline constexpr int number_exponent = 1000;       // of its first digit; also decimal places
inline constexpr std::size_t name_bytes = 1'000;   // of a field, source, metric or id
inline constexpr std::size_t value_bytes = 10'000; // that a field is compared with
inline constexpr std::uint32_t ids = 10'000;       // that one rule names
inline constexpr std::size_t threshold_bytes = 256 * std::size_t{1024}; // as jsonb
inline constexpr std::size_t query_bytes = 1024 * std::size_t{1024};

// What is wrong with something's size, and what may be done about it; no text: nothing.
struct Problem {
    std::string_view text;
    std::string_view hint;

    explicit operator bool() const noexcept { return !text.empty(); }
};

Problem problem_of_number(const Decimal& number) noexcept;
Problem problem_of_name(std::size_t bytes) noexcept;

} // namespace dashboard_diff::limits
