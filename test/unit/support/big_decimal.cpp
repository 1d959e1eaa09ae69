#include "big_decimal.h"

#include <algorithm>
#include <vector>

namespace dashboard_diff::testing {

namespace {

std::string stripped(std::string digits) {
    const std::size_t first = digits.find_first_not_of('0');
    return first == std::string::npos ? "0" : digits.substr(first);
}

std::string with_places(const BigDecimal& d, int scale) {
    return d.zero() ? "0" : d.digits + std::string(static_cast<std::size_t>(scale - d.scale), '0');
}

int compare_digits(const std::string& a, const std::string& b) {
    if (a.size() != b.size())
        return a.size() < b.size() ? -1 : 1;
    return a == b ? 0 : a < b ? -1 : 1;
}

std::string add_digits(const std::string& a, const std::string& b) {
    std::string sum;
    int carry = 0;
    for (std::size_t i = 0; i < std::max(a.size(), b.size()) || carry > 0; ++i) {
        int digit = carry;
        digit += i < a.size() ? a[a.size() - 1 - i] - '0' : 0;
        digit += i < b.size() ? b[b.size() - 1 - i] - '0' : 0;
        sum += static_cast<char>('0' + digit % 10);
        carry = digit / 10;
    }
    std::reverse(sum.begin(), sum.end());
    return stripped(sum);
}

// a - b, where a >= b.
std::string subtract_digits(const std::string& a, const std::string& b) {
    std::string rest = a;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const std::size_t at = a.size() - 1 - i;
        rest[at] = static_cast<char>(rest[at] - (i < b.size() ? b[b.size() - 1 - i] - '0' : 0));
        if (rest[at] < '0') {
            rest[at] = static_cast<char>(rest[at] + 10);
            --rest[at - 1];
        }
    }
    return stripped(rest);
}

} // namespace

BigDecimal BigDecimal::parse(std::string_view text) {
    BigDecimal d;
    d.negative = text.starts_with('-');
    std::string digits;
    for (std::size_t i = d.negative ? 1 : 0; i < text.size(); ++i)
        if (text[i] == '.')
            d.scale = static_cast<int>(text.size() - 1 - i);
        else
            digits += text[i];
    d.digits = stripped(digits);
    d.negative = d.negative && !d.zero();
    return d;
}

std::string BigDecimal::text() const {
    const auto places = static_cast<std::size_t>(scale);
    std::string out = digits;
    if (out.size() <= places)
        out.insert(0, places + 1 - out.size(), '0');
    if (places > 0)
        out.insert(out.size() - places, ".");
    return negative && !zero() ? "-" + out : out;
}

BigDecimal minus(const BigDecimal& a, const BigDecimal& b) {
    const int scale = std::max(a.scale, b.scale);
    const std::string x = with_places(a, scale);
    const std::string y = with_places(b, scale);
    if (a.negative != b.negative)
        return {a.negative, add_digits(x, y), scale};
    if (compare_digits(x, y) >= 0)
        return {a.negative, subtract_digits(x, y), scale};
    return {!a.negative, subtract_digits(y, x), scale};
}

BigDecimal times(const BigDecimal& a, const BigDecimal& b) {
    std::string sum = "0";
    for (const char digit : b.digits) {
        sum = sum == "0" ? sum : sum + "0";
        for (int i = 0; i < digit - '0'; ++i)
            sum = add_digits(sum, a.digits);
    }
    return {a.negative != b.negative, sum, a.scale + b.scale};
}

BigDecimal share(const BigDecimal& a, const BigDecimal& b) {
    const int scale = std::max(a.scale, b.scale);
    const std::string divisor = with_places(b, scale);
    std::string quotient;
    std::string rest = "0";
    for (const char digit : with_places(a, scale) + "000000") {
        rest = stripped(rest + digit);
        char next = '0';
        while (compare_digits(rest, divisor) >= 0) {
            rest = subtract_digits(rest, divisor);
            ++next;
        }
        quotient += next;
    }
    if (compare_digits(add_digits(rest, rest), divisor) >= 0)
        quotient = add_digits(quotient, "1");
    BigDecimal result{a.negative, stripped(quotient), 6};
    while (result.scale > 0 && result.digits.back() == '0') {
        if (!result.zero())
            result.digits.pop_back();
        --result.scale;
    }
    result.negative = result.negative && !result.zero();
    return result;
}

int compare_sizes(const BigDecimal& a, const BigDecimal& b) {
    const int scale = std::max(a.scale, b.scale);
    return compare_digits(with_places(a, scale), with_places(b, scale));
}

int compare_numbers(const BigDecimal& a, const BigDecimal& b) {
    const BigDecimal difference = minus(a, b);
    return difference.zero() ? 0 : difference.negative ? -1 : 1;
}

} // namespace dashboard_diff::testing
