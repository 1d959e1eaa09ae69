#include "core/arithmetic.h"

#include <algorithm>
#include <array>

#include "core/long_arithmetic.h"

namespace dashboard_diff {

namespace {

using Wide = __int128;

constexpr int base = 10000;

// 7 digits of base 10000 are below 10^28: sums, and products with 10^6, stay within 127 bits.
constexpr int short_groups = 7;
// 4 are below 10^16: their sums fit 63 bits.
constexpr int narrow_groups = 4;
// 9 are below 10^36, which still fits.
constexpr int product_groups = 9;

constexpr Wide power_of_base(int groups) {
    Wide p = 1;
    for (int i = 0; i < groups; ++i)
        p *= base;
    return p;
}

constexpr auto powers_of_base = [] {
    std::array<Wide, product_groups + 1> table{};
    for (int i = 0; i <= product_groups; ++i)
        table[i] = power_of_base(i);
    return table;
}();

// abs(d) * 10000^fraction_groups, which must be an integer that fits.
template <typename Integer = Wide>
Integer scaled_magnitude(const Decimal& d, int fraction_groups) noexcept {
    if (d.zero())
        return 0;
    // The first four digits fit a word, which most numbers are content with.
    constexpr std::uint32_t word_groups = 4;
    std::uint64_t head = 0;
    const std::uint32_t count = d.digit_count();
    for (std::uint32_t i = 0; i < std::min(count, word_groups); ++i)
        head = head * base + d.digit(i);
    auto m = static_cast<Integer>(head);
    for (std::uint32_t i = word_groups; i < count; ++i)
        m = m * base + static_cast<Integer>(d.digit(i));
    const int missing = d.weight() + 1 - static_cast<int>(count) + fraction_groups;
    return missing == 0 ? m : m * static_cast<Integer>(powers_of_base[missing]);
}

// Base-10000 digits that both numbers take when they are written to one scale.
int common_groups(const Decimal& a, const Decimal& b, int fraction_groups) noexcept {
    return std::max(a.whole_groups(), b.whole_groups()) + fraction_groups;
}

int common_fraction(const Decimal& a, const Decimal& b) noexcept {
    return std::max(a.fraction_groups(), b.fraction_groups());
}

// abs(after - before) * 10000^fraction_groups.
Wide scaled_difference(const Decimal& before, const Decimal& after, int fraction_groups) noexcept {
    const Wide a = scaled_magnitude(after, fraction_groups);
    const Wide b = scaled_magnitude(before, fraction_groups);
    if (after.negative() != before.negative())
        return a + b;
    return a < b ? b - a : a - b;
}

// A product of two magnitudes, in full.
struct Product {
    unsigned __int128 high;
    unsigned __int128 low;

    Product(Wide left, Wide right) noexcept {
        using Word = std::uint64_t;
        using Unsigned = unsigned __int128;
        const Word l[] = {static_cast<Word>(left), static_cast<Word>(left >> 64)};
        const Word r[] = {static_cast<Word>(right), static_cast<Word>(right >> 64)};
        const Unsigned lowest = Unsigned{l[0]} * r[0];
        // Magnitudes leave their top bit free: this sum fits.
        const Unsigned middle = Unsigned{l[0]} * r[1] + Unsigned{l[1]} * r[0] + (lowest >> 64);
        high = Unsigned{l[1]} * r[1] + (middle >> 64);
        low = middle << 64 | static_cast<Word>(lowest);
    }
};

int compare(const Product& a, const Product& b) noexcept {
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return a.low == b.low ? 0 : a.low < b.low ? -1 : 1;
}

// Takes trailing zeros off a number of so many decimal places.
template <typename Integer>
Integer trim_zeros(Integer number, int& places) noexcept {
    for (; places > 0 && number % 10 == 0; --places)
        number /= 10;
    return number;
}

void encode_wide(Wide magnitude, int fraction_groups, int scale, bool negative, Number& out) {
    std::array<std::uint16_t, 12> digits;
    std::size_t first = digits.size();
    // Narrow as soon as it fits: 128-bit division is many times slower.
    while (magnitude > UINT64_MAX) {
        digits[--first] = static_cast<std::uint16_t>(magnitude % base);
        magnitude /= base;
    }
    for (auto rest = static_cast<std::uint64_t>(magnitude); rest != 0; rest /= base)
        digits[--first] = static_cast<std::uint16_t>(rest % base);
    const std::size_t count = digits.size() - first;
    const auto behind = static_cast<std::size_t>(fraction_groups);
    while (digits.size() - first < behind)
        digits[--first] = 0;
    encode({digits.data() + first, std::max(count, behind)}, fraction_groups, scale, negative, out);
}

} // namespace

void subtract(const Decimal& after, const Decimal& before, Number& out, const Runtime& runtime) {
    const int scale = std::max(after.scale(), before.scale());
    const int fraction = std::max(after.fraction_groups(), before.fraction_groups());
    const int whole = std::max(after.whole_groups(), before.whole_groups());
    if (whole + fraction > short_groups) {
        subtract_long(after, before, fraction, scale, out, runtime);
        return;
    }
    const auto difference = [&]<typename Integer>(Integer a, Integer b) {
        a = after.negative() ? -a : a;
        b = before.negative() ? -b : b;
        const Integer result = a - b;
        encode_wide(result < 0 ? -result : result, fraction, scale, result < 0, out);
    };
    if (whole + fraction <= narrow_groups)
        difference(scaled_magnitude<std::int64_t>(after, fraction),
                   scaled_magnitude<std::int64_t>(before, fraction));
    else
        difference(scaled_magnitude(after, fraction), scaled_magnitude(before, fraction));
}

bool ratio(const Decimal& delta, const Decimal& base_value, Number& out, const Runtime& runtime) {
    if (base_value.zero())
        return false;
    const int fraction = std::max(delta.fraction_groups(), base_value.fraction_groups());
    const int whole = std::max(delta.whole_groups(), base_value.whole_groups());
    if (whole + fraction > short_groups)
        return ratio_long(delta, base_value, fraction, out, runtime);
    constexpr std::int64_t millionths = 1'000'000;
    const Wide numerator = scaled_magnitude(delta, fraction) * millionths;
    const Wide denominator = scaled_magnitude(base_value, fraction);
    Wide quotient;
    int places = 6;
    if (numerator <= INT64_MAX && denominator <= INT64_MAX) {
        const auto n = static_cast<std::uint64_t>(numerator);
        const auto d = static_cast<std::uint64_t>(denominator);
        const std::uint64_t rounded = n / d + (n % d >= d - n % d ? 1 : 0);
        quotient = static_cast<Wide>(trim_zeros(rounded, places));
    } else {
        quotient = numerator / denominator;
        if (2 * (numerator % denominator) >= denominator)
            ++quotient;
        quotient = trim_zeros(quotient, places);
    }
    // To whole base-10000 digits behind the point.
    const int groups = (places + 3) / 4;
    for (int i = places; i < 4 * groups; ++i)
        quotient *= 10;
    encode_wide(quotient, groups, places, delta.negative() && quotient != 0, out);
    return true;
}

namespace {

// reaches_fraction(), where the first digits' powers of 10000 decide. The product of numbers far
// from 1 is as long as they are far.
std::optional<bool> decide_by_size(const Decimal& delta, const Decimal& base_value,
                                   const Decimal& fraction) noexcept {
    if (base_value.zero() || fraction.zero())
        return true;
    if (delta.zero())
        return false;
    const int product = base_value.weight() + fraction.weight(); // or one more
    if (delta.weight() > product + 1)
        return true;
    if (delta.weight() < product)
        return false;
    return std::nullopt;
}

} // namespace

bool reaches_fraction(const Decimal& delta, const Decimal& base_value, const Decimal& fraction,
                      const Runtime& runtime) {
    const int behind = std::max(delta.fraction_groups(), base_value.fraction_groups());
    const int delta_size = std::max(delta.whole_groups(), base_value.whole_groups()) + behind;
    const int fraction_size = fraction.whole_groups() + fraction.fraction_groups();
    if (delta_size + fraction_size > product_groups) {
        if (const auto reaches = decide_by_size(delta, base_value, fraction))
            return *reaches;
        return reaches_fraction_long(delta, base_value, fraction, behind, runtime);
    }
    const Wide left = scaled_magnitude(delta, behind) * powers_of_base[fraction.fraction_groups()];
    const Wide right = scaled_magnitude(base_value, behind) *
                       scaled_magnitude(fraction, fraction.fraction_groups());
    return left >= right;
}

namespace {

// A limit of more digits than a product takes, cut behind `places` base-10000 digits of its
// fraction. What is cut off is not 0 and less than 1 of the last place.
struct CutLimit {
    Wide magnitude;
    int places;
};

std::optional<CutLimit> cut_limit(const Decimal& limit, int whole_groups) noexcept {
    const int places = product_groups - std::max(whole_groups, limit.whole_groups());
    if (places < 0 || limit.fraction_groups() <= places)
        return std::nullopt;
    Wide magnitude = 0;
    for (int power = limit.weight(); power >= -places; --power) {
        const auto i = static_cast<std::uint32_t>(limit.weight() - power);
        magnitude =
            magnitude * base + static_cast<Wide>(i < limit.digit_count() ? limit.digit(i) : 0);
    }
    return CutLimit{magnitude, places};
}

} // namespace

bool differs_by(const Decimal& before, const Decimal& after, const Decimal& limit,
                const Runtime& runtime) {
    const int behind = std::max(common_fraction(before, after), limit.fraction_groups());
    if (std::max(common_groups(before, after, behind), limit.whole_groups() + behind) >
        product_groups) {
        const auto cut = cut_limit(limit, std::max(before.whole_groups(), after.whole_groups()));
        if (cut && common_fraction(before, after) <= cut->places)
            return scaled_difference(before, after, cut->places) > cut->magnitude;
        Number delta(runtime.memory);
        subtract(after, before, delta, runtime);
        return compare_magnitudes(delta.view(), limit) >= 0;
    }
    return scaled_difference(before, after, behind) >= scaled_magnitude(limit, behind);
}

bool differs_by_fraction(const Decimal& before, const Decimal& after, const Decimal& fraction,
                         const Runtime& runtime) {
    const int behind = common_fraction(before, after);
    const bool is_short = common_groups(before, after, behind) <= product_groups;
    if (!is_short || fraction.whole_groups() + fraction.fraction_groups() > product_groups) {
        // The digits that a product has room for decide, unless the limit lies between two of
        // them: what was cut off is more than nothing.
        if (const auto cut = is_short ? cut_limit(fraction, 0) : std::nullopt) {
            const Wide old = scaled_magnitude(before, behind);
            const Product change(scaled_difference(before, after, behind),
                                 powers_of_base[cut->places]);
            if (compare(change, Product(old, cut->magnitude + 1)) >= 0)
                return true;
            if (compare(change, Product(old, cut->magnitude)) <= 0)
                return false;
        }
        Number delta(runtime.memory);
        subtract(after, before, delta, runtime);
        return reaches_fraction(delta.view(), before, fraction, runtime);
    }
    const Product left(scaled_difference(before, after, behind),
                       powers_of_base[fraction.fraction_groups()]);
    const Product right(scaled_magnitude(before, behind),
                        scaled_magnitude(fraction, fraction.fraction_groups()));
    return compare(left, right) >= 0;
}

int compare_differences(const Decimal& before, const Decimal& after, const Decimal& other_before,
                        const Decimal& other_after, const Runtime& runtime) {
    const int behind =
        std::max(common_fraction(before, after), common_fraction(other_before, other_after));
    if (std::max(common_groups(before, after, behind),
                 common_groups(other_before, other_after, behind)) > product_groups) {
        Number delta(runtime.memory);
        Number other_delta(runtime.memory);
        subtract(after, before, delta, runtime);
        subtract(other_after, other_before, other_delta, runtime);
        return compare_magnitudes(delta.view(), other_delta.view());
    }
    const Wide delta = scaled_difference(before, after, behind);
    const Wide other_delta = scaled_difference(other_before, other_after, behind);
    return delta == other_delta ? 0 : delta < other_delta ? -1 : 1;
}

namespace {

// By what ratio() gives; one that is too large for a numeric is larger than any other.
int compare_rounded_shares(const Decimal& delta, const Decimal& base_value,
                           const Decimal& other_delta, const Decimal& other_base,
                           const Runtime& runtime) {
    Number share(runtime.memory);
    Number other(runtime.memory);
    const bool fits = ratio(delta, base_value, share, runtime);
    const bool other_fits = ratio(other_delta, other_base, other, runtime);
    if (!fits || !other_fits)
        return static_cast<int>(other_fits) - static_cast<int>(fits);
    return compare_magnitudes(share.view(), other.view());
}

} // namespace

int compare_shares(const Decimal& before, const Decimal& after, const Decimal& other_before,
                   const Decimal& other_after, const Runtime& runtime) {
    // A share stays the same when both its numbers are scaled alike.
    const int behind = common_fraction(before, after);
    const int other_behind = common_fraction(other_before, other_after);
    if (std::max(common_groups(before, after, behind),
                 common_groups(other_before, other_after, other_behind)) > product_groups) {
        Number delta(runtime.memory);
        Number other_delta(runtime.memory);
        subtract(after, before, delta, runtime);
        subtract(other_after, other_before, other_delta, runtime);
        // Exact products of two numbers take time by the product of their lengths.
        constexpr std::uint64_t longest_work = 1U << 14;
        if (std::uint64_t{before.digit_count() + after.digit_count()} *
                (other_before.digit_count() + other_after.digit_count()) >
            longest_work)
            return compare_rounded_shares(delta.view(), before, other_delta.view(), other_before,
                                          runtime);
        return compare_shares_long(delta.view(), before, other_delta.view(), other_before, runtime);
    }
    return compare(Product(scaled_difference(before, after, behind),
                           scaled_magnitude(other_before, other_behind)),
                   Product(scaled_difference(other_before, other_after, other_behind),
                           scaled_magnitude(before, behind)));
}

} // namespace dashboard_diff
