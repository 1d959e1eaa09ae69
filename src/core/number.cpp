#include "core/number.h"

#include <array>

#include "core/error.h"

namespace dashboard_diff {

void encode(std::span<const std::uint16_t> digits, int fraction_groups, int scale, bool negative,
            Number& out) {
    int weight = static_cast<int>(digits.size()) - fraction_groups - 1;
    while (!digits.empty() && digits.front() == 0) {
        digits = digits.subspan(1);
        --weight;
    }
    while (!digits.empty() && digits.back() == 0)
        digits = digits.first(digits.size() - 1);
    if (digits.empty()) {
        weight = 0;
        negative = false;
    }
    if (weight > INT16_MAX)
        throw Error(ErrorCode::numeric_out_of_range, "value overflows numeric format");

    const bool is_short = scale <= 0x3F && weight <= 63 && weight >= -64;
    const std::uint32_t header_size = is_short ? 2 : 4;
    const auto size = static_cast<std::uint32_t>(4 + header_size + 2 * digits.size());
    std::byte* at = out.reset(size);
    const std::uint32_t varlena = size << 2;
    std::memcpy(at, &varlena, 4);
    at += 4;
    if (is_short) {
        const auto header =
            static_cast<std::uint16_t>(0x8000 | (negative ? 0x2000 : 0) | scale << 7 |
                                       (weight < 0 ? 0x40 : 0) | (weight & 0x3F));
        std::memcpy(at, &header, 2);
    } else {
        const auto header = static_cast<std::uint16_t>((negative ? 0x4000 : 0) | scale);
        const auto short_weight = static_cast<std::int16_t>(weight);
        std::memcpy(at, &header, 2);
        std::memcpy(at + 2, &short_weight, 2);
    }
    if (!digits.empty())
        std::memcpy(at + header_size, digits.data(), 2 * digits.size());
}

void assign(Number& out, std::int64_t integer) {
    std::array<std::uint16_t, 5> digits;
    std::size_t first = digits.size();
    const bool negative = integer < 0;
    // Negated as an unsigned number, which has room for the smallest integer's magnitude.
    auto rest = static_cast<std::uint64_t>(integer);
    for (rest = negative ? -rest : rest; rest != 0; rest /= 10000)
        digits[--first] = static_cast<std::uint16_t>(rest % 10000);
    encode({digits.data() + first, digits.size() - first}, 0, 0, negative, out);
}

} // namespace dashboard_diff
