#pragma once

// PostgreSQL's numeric as it is stored in jsonb: base-10000 digits, a weight (the power of 10000 of
// the first digit) and a display scale. It is read in place and never goes through a float.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "core/hash.h"
#include "core/jsonb.h"

namespace dashboard_diff {

// A read-only view of a stored numeric.
class Decimal {
public:
    Decimal() noexcept = default;
    explicit Decimal(const Value& numeric) noexcept : Decimal(numeric.data) {}
    explicit Decimal(const std::byte* varlena) noexcept;

    // False for NaN and the infinities, which JSON text cannot hold but a binary document could.
    bool finite() const noexcept { return finite_; }
    bool negative() const noexcept { return negative_; }
    bool zero() const noexcept { return digit_count_ == 0; }
    int weight() const noexcept { return weight_; }
    int scale() const noexcept { return scale_; } // digits shown behind the point
    std::uint32_t digit_count() const noexcept { return digit_count_; }
    std::uint32_t digit(std::uint32_t i) const noexcept {
        std::uint16_t d;
        std::memcpy(&d, digits_ + std::size_t{2} * i, sizeof d);
        return d;
    }
    const std::byte* digit_bytes() const noexcept { return digits_; }

    // Base-10000 digits before and behind the point that writing the number out takes.
    int whole_groups() const noexcept { return zero() || weight_ < 0 ? 0 : weight_ + 1; }
    int fraction_groups() const noexcept {
        const int behind = static_cast<int>(digit_count_) - 1 - weight_;
        return behind > 0 ? behind : 0;
    }

private:
    const std::byte* digits_ = nullptr;
    std::uint32_t digit_count_ = 0;
    int weight_ = 0;
    int scale_ = 0;
    bool negative_ = false;
    bool finite_ = true;
};

inline Decimal::Decimal(const std::byte* varlena) noexcept {
    // A varlena header of one byte has its lowest bit set (little-endian servers).
    const bool is_short = (static_cast<unsigned>(varlena[0]) & 1U) != 0;
    const std::uint32_t size = is_short ? (static_cast<std::uint32_t>(varlena[0]) >> 1) - 1
                                        : (layout::load_word(varlena) >> 2) - 4;
    const std::byte* const at = varlena + (is_short ? 1 : 4);
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

// Whether a JSON value is a number, which NaN and the infinities are not.
inline bool is_number(const Value& value) noexcept {
    return value.is(Kind::numeric) && Decimal(value).finite();
}

bool equal(const Decimal& a, const Decimal& b) noexcept;
int compare(const Decimal& a, const Decimal& b) noexcept; // NaN above all, as the server sorts
std::uint64_t hash(const Decimal& d, const HashKey& key) noexcept;

// A key that orders as the numbers do: a < b implies order_key(a) <= order_key(b). Equal keys mean
// equal numbers, unless the key is odd: then digits were left out of it.
inline std::uint64_t order_key(const Decimal& d) noexcept {
    constexpr std::uint64_t sign = std::uint64_t{1} << 63;
    constexpr std::uint32_t digits = 3;
    if (!d.finite())
        return d.negative() ? 0 : UINT64_MAX - 3 + 2 * static_cast<std::uint64_t>(d.weight());
    if (d.zero())
        return sign;
    // 16 bits of weight, three digits of 14 bits, and whether there are more: below the sign bit
    // four bits stay free.
    auto key = static_cast<std::uint64_t>(d.weight() + 0x8000);
    for (std::uint32_t i = 0; i < digits; ++i)
        key = key << 14 | (i < d.digit_count() ? d.digit(i) : 0);
    key = (key + 1) << 1 | static_cast<std::uint64_t>(d.digit_count() > digits); // above zero
    return d.negative() ? sign - key : sign + key;
}

int compare_magnitudes(const Decimal& a, const Decimal& b) noexcept;

// The integer that `d` is, if it is one and fits.
std::optional<std::int64_t> to_integer(const Decimal& d) noexcept;

// Plain decimal text, as numeric_out writes it.
std::string to_text(const Decimal& d);

} // namespace dashboard_diff
