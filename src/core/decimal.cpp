#include "core/decimal.h"

#include <algorithm>
#include <array>

#include "core/decimal_encode.h"
#include "core/decimal_long.h"
#include "core/hash.h"

namespace dashboard_diff {

namespace {

using Wide = __int128;

constexpr int base = 10000;

// 7 digits of base 10000 are below 10^28: sums, and products with 10^6, stay within 127 bits.
constexpr int short_groups = 7;
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
Wide scaled_magnitude(const Decimal& d, int fraction_groups) noexcept {
    Wide m = 0;
    for (std::uint32_t i = 0; i < d.digit_count(); ++i)
        m = m * base + d.digit(i);
    const int missing = d.weight() + 1 - static_cast<int>(d.digit_count()) + fraction_groups;
    return d.zero() ? 0 : m * powers_of_base[missing];
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

Decimal::Decimal(const std::byte* varlena) noexcept {
    // A varlena header of one byte has its lowest bit set (little-endian servers).
    std::uint32_t size;
    const std::byte* at;
    if ((static_cast<unsigned>(varlena[0]) & 1U) != 0) {
        size = static_cast<std::uint32_t>(varlena[0]) >> 1;
        at = varlena + 1;
        size -= 1;
    } else {
        size = layout::load_word(varlena) >> 2;
        at = varlena + 4;
        size -= 4;
    }
    std::uint16_t header;
    std::memcpy(&header, at, sizeof header);
    if ((header & 0xC000) == 0xC000) {
        finite_ = false;
        negative_ = (header & 0xF000) == 0xF000;
        weight_ = (header & 0xF000) == 0xC000 ? 1 : 0; // tells NaN from infinity
        return;
    }
    if ((header & 0x8000) != 0) {
        negative_ = (header & 0x2000) != 0;
        scale_ = (header & 0x1F80) >> 7;
        weight_ = static_cast<int>(header & 0x3F) - ((header & 0x40) != 0 ? 64 : 0);
        digits_ = at + 2;
        digit_count_ = (size - 2) / 2;
    } else {
        std::int16_t weight;
        std::memcpy(&weight, at + 2, sizeof weight);
        negative_ = (header & 0xC000) == 0x4000;
        scale_ = header & 0x3FFF;
        weight_ = weight;
        digits_ = at + 4;
        digit_count_ = (size - 4) / 2;
    }
    if (digit_count_ == 0)
        weight_ = 0;
}

int compare_magnitudes(const Decimal& a, const Decimal& b) noexcept {
    if (a.zero() || b.zero())
        return static_cast<int>(b.zero()) - static_cast<int>(a.zero());
    if (a.weight() != b.weight())
        return a.weight() < b.weight() ? -1 : 1;
    const std::uint32_t common = std::min(a.digit_count(), b.digit_count());
    for (std::uint32_t i = 0; i < common; ++i) {
        if (a.digit(i) != b.digit(i))
            return a.digit(i) < b.digit(i) ? -1 : 1;
    }
    if (a.digit_count() == b.digit_count())
        return 0;
    return a.digit_count() < b.digit_count() ? -1 : 1;
}

int compare(const Decimal& a, const Decimal& b) noexcept {
    const auto special_rank = [](const Decimal& d) {
        return d.finite() ? 0 : d.negative() ? -1 : 1 + d.weight();
    };
    if (const int ra = special_rank(a), rb = special_rank(b); ra != rb)
        return ra < rb ? -1 : 1;
    if (!a.finite())
        return 0;
    const bool a_negative = a.negative() && !a.zero();
    const bool b_negative = b.negative() && !b.zero();
    if (a_negative != b_negative)
        return a_negative ? -1 : 1;
    const int magnitude = compare_magnitudes(a, b);
    return a_negative ? -magnitude : magnitude;
}

bool equal(const Decimal& a, const Decimal& b) noexcept {
    return a.digit_count() == b.digit_count() && compare(a, b) == 0;
}

std::uint64_t hash(const Decimal& d, std::uint64_t seed) noexcept {
    const std::uint64_t kind = d.finite() ? (d.negative() ? 2 : 1) : 3;
    const auto weight = static_cast<std::uint32_t>(d.weight());
    return hash_bytes(d.digit_bytes(), std::size_t{2} * d.digit_count(),
                      seed ^ (kind << 32 | weight));
}

std::uint64_t order_key(const Decimal& d) noexcept {
    constexpr std::uint64_t sign = std::uint64_t{1} << 63;
    if (!d.finite())
        return d.negative() ? 0 : UINT64_MAX - 1 + static_cast<std::uint64_t>(d.weight());
    if (d.zero())
        return sign;
    // 17 bits of weight, three digits of 14 bits: the sign bit and four spare bits stay free.
    std::uint64_t key = static_cast<std::uint64_t>(d.weight() + 0x8000);
    for (std::uint32_t i = 0; i < 3; ++i)
        key = key << 14 | (i < d.digit_count() ? d.digit(i) : 0);
    key += 1; // above zero
    return d.negative() ? sign - key : sign + key;
}

void subtract(const Decimal& after, const Decimal& before, Number& out, const Runtime& runtime) {
    const int scale = std::max(after.scale(), before.scale());
    const int fraction = std::max(after.fraction_groups(), before.fraction_groups());
    const int whole = std::max(after.whole_groups(), before.whole_groups());
    if (whole + fraction > short_groups) {
        subtract_long(after, before, fraction, scale, out, runtime);
        return;
    }
    Wide result = scaled_magnitude(after, fraction);
    if (after.negative())
        result = -result;
    const Wide other = scaled_magnitude(before, fraction);
    result = before.negative() ? result + other : result - other;
    encode_wide(result < 0 ? -result : result, fraction, scale, result < 0, out);
}

bool ratio(const Decimal& delta, const Decimal& base_value, Number& out, const Runtime& runtime) {
    if (base_value.zero())
        return false;
    const int fraction = std::max(delta.fraction_groups(), base_value.fraction_groups());
    const int whole = std::max(delta.whole_groups(), base_value.whole_groups());
    if (whole + fraction > short_groups) {
        ratio_long(delta, base_value, fraction, out, runtime);
        return true;
    }
    constexpr std::int64_t millionths = 1'000'000;
    const Wide numerator = scaled_magnitude(delta, fraction) * millionths;
    const Wide denominator = scaled_magnitude(base_value, fraction);
    Wide quotient;
    Wide rest;
    if (numerator <= INT64_MAX && denominator <= INT64_MAX) {
        quotient = static_cast<std::int64_t>(numerator) / static_cast<std::int64_t>(denominator);
        rest = static_cast<std::int64_t>(numerator) % static_cast<std::int64_t>(denominator);
    } else {
        quotient = numerator / denominator;
        rest = numerator % denominator;
    }
    if (2 * rest >= denominator)
        ++quotient;

    int places = 6;
    while (places > 0 && quotient % 10 == 0) {
        quotient /= 10;
        --places;
    }
    // To whole base-10000 digits behind the point.
    const int groups = (places + 3) / 4;
    for (int i = places; i < 4 * groups; ++i)
        quotient *= 10;
    encode_wide(quotient, groups, places, delta.negative() && quotient != 0, out);
    return true;
}

bool reaches_fraction(const Decimal& delta, const Decimal& base_value, const Decimal& fraction,
                      const Runtime& runtime) {
    const int behind = std::max(delta.fraction_groups(), base_value.fraction_groups());
    const int delta_size = std::max(delta.whole_groups(), base_value.whole_groups()) + behind;
    const int fraction_size = fraction.whole_groups() + fraction.fraction_groups();
    if (delta_size + fraction_size > product_groups)
        return reaches_fraction_long(delta, base_value, fraction, behind, runtime);
    const Wide left = scaled_magnitude(delta, behind) * powers_of_base[fraction.fraction_groups()];
    const Wide right = scaled_magnitude(base_value, behind) *
                       scaled_magnitude(fraction, fraction.fraction_groups());
    return left >= right;
}

void assign(Number& out, std::int64_t integer) {
    const bool negative = integer < 0;
    const Wide magnitude = negative ? -static_cast<Wide>(integer) : static_cast<Wide>(integer);
    encode_wide(magnitude, 0, 0, negative, out);
}

std::optional<std::int64_t> to_integer(const Decimal& d) noexcept {
    if (!d.finite() || d.fraction_groups() > 0 || d.whole_groups() > 4)
        return std::nullopt; // 4 groups: below 10^16, more than any count here
    const Wide m = scaled_magnitude(d, 0);
    return static_cast<std::int64_t>(d.negative() ? -m : m);
}

std::string to_text(const Decimal& d) {
    if (!d.finite())
        return d.weight() == 1 ? "NaN" : d.negative() ? "-Infinity" : "Infinity";
    const auto digit_at = [&d](int power) -> std::uint32_t {
        const int i = d.weight() - power;
        return i < 0 || i >= static_cast<int>(d.digit_count())
                   ? 0
                   : d.digit(static_cast<std::uint32_t>(i));
    };
    const auto padded = [](std::uint32_t group) {
        return std::array<char, 4>{
            static_cast<char>('0' + group / 1000), static_cast<char>('0' + group / 100 % 10),
            static_cast<char>('0' + group / 10 % 10), static_cast<char>('0' + group % 10)};
    };
    std::string text = d.negative() && !d.zero() ? "-" : "";
    text += std::to_string(d.weight() >= 0 ? digit_at(d.weight()) : 0);
    for (int power = d.weight() - 1; power >= 0; --power) {
        const auto group = padded(digit_at(power));
        text.append(group.data(), group.size());
    }
    if (d.scale() > 0) {
        text += '.';
        for (int place = 0; place < d.scale(); place += 4) {
            const auto group = padded(digit_at(-1 - place / 4));
            text.append(group.data(), std::min<std::size_t>(4, d.scale() - place));
        }
    }
    return text;
}

} // namespace dashboard_diff
