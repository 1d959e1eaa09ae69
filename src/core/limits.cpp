#include "core/limits.h"

namespace dashboard_diff::limits {

namespace {

// Decimal digits of a base-10000 digit, which is not 0, less its leading zeros.
int leading_digits(std::uint32_t group) noexcept {
    return group >= 1000 ? 4 : group >= 100 ? 3 : group >= 10 ? 2 : 1;
}

int trailing_zeros(std::uint32_t group) noexcept {
    return group % 1000 == 0 ? 3 : group % 100 == 0 ? 2 : group % 10 == 0 ? 1 : 0;
}

} // namespace

Problem problem_of_number(const Decimal& number) noexcept {
    // A number may be shown with more places than it has digits for, up to all of a numeric's.
    if (number.scale() > number_exponent)
        return {"must have at most 1000 decimal places", "Round it."};
    if (number.zero())
        return {};
    const std::uint32_t count = number.digit_count();
    const int first = leading_digits(number.digit(0));
    if (4 * number.weight() + first - 1 > number_exponent)
        return {"must be less than 1e1001", "Give a smaller number."};
    // Zeros at the end of a number are dropped in base-10000 digits.
    if (4 * (static_cast<int>(count) - 1) + first - trailing_zeros(number.digit(count - 1)) >
        number_digits)
        return {"must have at most 1000 significant digits", "Round it."};
    return {};
}

Problem problem_of_name(std::size_t bytes) noexcept {
    if (bytes > name_bytes)
        return {"must be at most 1000 bytes long", "No name that is longer can be asked for."};
    return {};
}

} // namespace dashboard_diff::limits
