#include "core/round_number.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

namespace dashboard_diff {

namespace {

// Larger than any error of the doubles that come in: a bound that lies beside a round number by
// less is taken for it.
constexpr long double slack = 1e-12L;
constexpr int most_digits = 15;

long double in_units(long double x, int power) {
    return power < 0 ? x * std::pow(10.0L, static_cast<long double>(-power))
                     : x / std::pow(10.0L, static_cast<long double>(power));
}

// Smaller is rounder, among numbers of as many digits.
int roughness(std::uint64_t digits) {
    if (digits == 1)
        return 0;
    return digits % 10 == 5 ? 1 : digits % 10 == 2 ? 2 : 3;
}

// The roundest of low + 1 ... high.
std::uint64_t choose(std::uint64_t low, std::uint64_t high) {
    const auto off_the_middle = [&](std::uint64_t k) {
        const std::uint64_t sum = low + 1 + high;
        return 2 * k < sum ? sum - 2 * k : 2 * k - sum;
    };
    std::uint64_t best = low + 1;
    for (std::uint64_t k = low + 2; k <= high; ++k)
        if (std::pair(roughness(k), off_the_middle(k)) <
            std::pair(roughness(best), off_the_middle(best)))
            best = k;
    return best;
}

std::optional<RoundNumber> find_roundest(double above, double up_to, int least_power) {
    const long double high = up_to * (1 + slack);
    const long double low = above * (1 + slack);
    int power = static_cast<int>(std::floor(std::log10(high)));
    // A logarithm may be off by one beside a power of ten.
    power += in_units(high, power + 1) >= 1 ? 1 : in_units(high, power) < 1 ? -1 : 0;
    const int last = std::max(power - most_digits + 1, least_power);
    for (; power >= last; --power) {
        const auto most = static_cast<std::uint64_t>(in_units(high, power));
        const auto least = static_cast<std::uint64_t>(in_units(low, power));
        if (most > least)
            return RoundNumber{choose(least, most), power};
    }
    return std::nullopt;
}

} // namespace

double RoundNumber::to_double() const {
    return static_cast<double>(in_units(static_cast<long double>(digits), -exponent));
}

RoundNumber roundest(double above, double up_to) {
    if (const auto found = find_roundest(above, up_to, INT16_MIN))
        return *found;
    // The bounds are as good as one.
    return *find_roundest(up_to * (1 - 1e-9), up_to, INT16_MIN);
}

std::uint64_t roundest_integer(double above, double up_to) {
    constexpr double largest = INT32_MAX; // that a threshold takes
    up_to = std::min(up_to, largest);
    if (const auto found = find_roundest(std::min(above, up_to), up_to, 0))
        return static_cast<std::uint64_t>(std::min(found->to_double(), largest));
    return static_cast<std::uint64_t>(std::max(1.0L, std::ceil(up_to * (1 - slack))));
}

bool assign_digits(Number& out, std::string_view digits, int exponent, const Runtime& runtime) {
    constexpr int largest_scale = 0x3FFF;
    constexpr int most_whole = (INT16_MAX + 1) * 4;
    while (digits.size() > 1 && digits.back() == '0') {
        digits.remove_suffix(1);
        ++exponent;
    }
    const int scale = std::max(0, -exponent);
    if (scale > largest_scale || static_cast<int>(digits.size()) + exponent > most_whole)
        return false;

    const int fraction_groups = (scale + 3) / 4;
    std::pmr::string text(digits, runtime.memory);
    text.append(static_cast<std::size_t>(std::max(0, exponent) + 4 * fraction_groups - scale), '0');
    text.insert(0, (4 - text.size() % 4) % 4, '0');
    std::pmr::vector<std::uint16_t> groups(runtime.memory);
    for (std::size_t i = 0; i < text.size(); i += 4) {
        const auto digit = [&](std::size_t n) { return text[i + n] - '0'; };
        groups.push_back(static_cast<std::uint16_t>(digit(0) * 1000 + digit(1) * 100 +
                                                    digit(2) * 10 + digit(3)));
    }
    // A number below 1 may have fewer digits than it has places behind the point.
    const auto behind = static_cast<std::size_t>(fraction_groups);
    if (groups.size() < behind)
        groups.insert(groups.begin(), behind - groups.size(), 0);
    encode(groups, fraction_groups, scale, false, out);
    return true;
}

bool multiply(Number& out, const Decimal& number, const RoundNumber& factor,
              const Runtime& runtime) {
    std::string digits = to_text(number);
    int exponent = factor.exponent;
    if (const std::size_t point = digits.find('.'); point != std::string::npos) {
        exponent -= static_cast<int>(digits.size() - point - 1);
        digits.erase(point, 1);
    }
    unsigned __int128 carry = 0;
    for (std::size_t i = digits.size(); i-- > 0;) {
        carry += static_cast<unsigned __int128>(digits[i] - '0') * factor.digits;
        digits[i] = static_cast<char>('0' + static_cast<int>(carry % 10));
        carry /= 10;
    }
    for (; carry != 0; carry /= 10)
        digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(carry % 10)));
    return assign_digits(out, digits, exponent, runtime);
}

} // namespace dashboard_diff
