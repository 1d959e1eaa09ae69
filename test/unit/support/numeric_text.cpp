#include "numeric_text.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace dashboard_diff::testing {

namespace {

// A number as read: its decimal digits, where the point stands among them, and how many places
// behind the point are shown.
struct Scientific {
    bool negative = false;
    std::string digits;
    int point = 0;
    int scale = 0;
};

[[noreturn]] void refuse(std::string_view text) {
    throw std::invalid_argument("no numeric: " + std::string(text.substr(0, 50)));
}

Scientific parse(std::string_view text) {
    Scientific number;
    std::size_t at = 0;
    if (at < text.size() && (text[at] == '-' || text[at] == '+'))
        number.negative = text[at++] == '-';
    int behind = 0;
    bool seen_point = false;
    for (; at < text.size(); ++at) {
        if (text[at] == '.' && !seen_point) {
            seen_point = true;
        } else if (std::isdigit(static_cast<unsigned char>(text[at])) != 0) {
            number.digits += text[at];
            behind += seen_point ? 1 : 0;
        } else {
            break;
        }
    }
    int exponent = 0;
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        const std::string rest(text.substr(at + 1));
        std::size_t used = 0;
        exponent = std::stoi(rest, &used);
        at += 1 + used;
    }
    if (number.digits.empty() || at != text.size())
        refuse(text);
    number.point = static_cast<int>(number.digits.size()) - behind + exponent;
    number.scale = std::max(0, behind - exponent);
    return number;
}

int floor_div(int a, int b) {
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

template <typename Word>
void append(std::vector<std::byte>& bytes, Word word) {
    const std::size_t at = bytes.size();
    bytes.resize(at + sizeof word);
    std::memcpy(bytes.data() + at, &word, sizeof word);
}

} // namespace

std::vector<std::byte> numeric_from_text(std::string_view text) {
    Scientific number = parse(text);

    // Cut into groups of four that are aligned to the point.
    const int weight_of_first = floor_div(number.point - 1, 4);
    const int lead = 4 * (weight_of_first + 1) - number.point;
    std::string padded = std::string(static_cast<std::size_t>(lead), '0') + number.digits;
    padded.append((4 - padded.size() % 4) % 4, '0');
    std::vector<std::uint16_t> groups;
    for (std::size_t i = 0; i < padded.size(); i += 4)
        groups.push_back(static_cast<std::uint16_t>(std::stoi(padded.substr(i, 4))));
    int weight = weight_of_first;
    while (!groups.empty() && groups.front() == 0) {
        groups.erase(groups.begin());
        --weight;
    }
    while (!groups.empty() && groups.back() == 0)
        groups.pop_back();
    if (groups.empty()) {
        weight = 0;
        number.negative = false;
    }
    if (weight > 32767 || weight < -32768 || number.scale > 16383)
        refuse(text);

    std::vector<std::byte> bytes;
    append(bytes, std::uint32_t{0});
    if (number.scale <= 63 && weight <= 63 && weight >= -64) {
        unsigned header = 0x8000U;
        header |= number.negative ? 0x2000U : 0U;
        header |= static_cast<unsigned>(number.scale) << 7;
        header |=
            weight < 0 ? 0x40U | static_cast<unsigned>(weight + 64) : static_cast<unsigned>(weight);
        append(bytes, static_cast<std::uint16_t>(header));
    } else {
        append(bytes, static_cast<std::uint16_t>((number.negative ? 0x4000 : 0) | number.scale));
        append(bytes, static_cast<std::int16_t>(weight));
    }
    for (const std::uint16_t group : groups)
        append(bytes, group);
    const auto header = static_cast<std::uint32_t>(bytes.size()) << 2;
    std::memcpy(bytes.data(), &header, sizeof header);
    return bytes;
}

} // namespace dashboard_diff::testing
