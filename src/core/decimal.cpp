#include "core/decimal.h"

#include <algorithm>
#include <array>

namespace dashboard_diff {

int compare_magnitudes(const Decimal& a, const Decimal& b) noexcept {
    if (a.zero() || b.zero())
        return static_cast<int>(b.zero()) - static_cast<int>(a.zero());
    if (a.weight() != b.weight())
        return a.weight() < b.weight() ? -1 : 1;
    const std::uint32_t common = std::min(a.digit_count(), b.digit_count());
    for (std::uint32_t i = 0; i < common; ++i)
        if (a.digit(i) != b.digit(i))
            return a.digit(i) < b.digit(i) ? -1 : 1;
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

std::uint64_t hash(const Decimal& d, const HashKey& key) noexcept {
    const std::uint64_t kind = d.finite() ? (d.negative() ? 2 : 1) : 3;
    const auto weight = static_cast<std::uint32_t>(d.weight());
    // The weight is hashed after the digits: whoever chooses both cannot have them cancel out.
    return hash_with(hash_bytes(d.digit_bytes(), std::size_t{2} * d.digit_count(), key),
                     kind << 32 | weight, key);
}

std::optional<std::int64_t> to_integer(const Decimal& d) noexcept {
    constexpr int most_groups = 4; // below 10^16: more than any count here
    if (!d.finite() || d.fraction_groups() > 0 || d.whole_groups() > most_groups)
        return std::nullopt;
    std::int64_t magnitude = 0;
    for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(d.whole_groups()); ++i)
        magnitude = magnitude * 10000 + (i < d.digit_count() ? d.digit(i) : 0);
    return d.negative() ? -magnitude : magnitude;
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
