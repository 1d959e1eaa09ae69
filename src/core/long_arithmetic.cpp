#include "core/long_arithmetic.h"

#include <algorithm>

namespace dashboard_diff {

namespace {

constexpr std::uint32_t base = 10000;

// A natural number, least significant digit first, without leading zeros.
using Natural = std::pmr::vector<std::uint32_t>;

void trim(Natural& n) {
    while (!n.empty() && n.back() == 0)
        n.pop_back();
}

// abs(d) * 10000^fraction_groups.
Natural scaled(const Decimal& d, int fraction_groups, const Runtime& runtime) {
    Natural n(runtime.memory);
    if (d.zero())
        return n;
    n.resize(static_cast<std::size_t>(d.weight() + 1 + fraction_groups));
    for (std::uint32_t i = 0; i < d.digit_count(); ++i)
        n[n.size() - 1 - i] = d.digit(i);
    trim(n);
    return n;
}

int compare_naturals(const Natural& a, const Natural& b) {
    if (a.size() != b.size())
        return a.size() < b.size() ? -1 : 1;
    for (std::size_t i = a.size(); i-- > 0;)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

void add_to(Natural& a, const Natural& b) {
    a.resize(std::max(a.size(), b.size()) + 1);
    std::uint32_t carry = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const std::uint32_t sum = a[i] + (i < b.size() ? b[i] : 0) + carry;
        carry = sum >= base ? 1 : 0;
        a[i] = sum - carry * base;
    }
    trim(a);
}

// a -= b, where a >= b.
void subtract_from(Natural& a, const Natural& b) {
    std::uint32_t borrow = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const std::uint32_t taken = (i < b.size() ? b[i] : 0) + borrow;
        borrow = a[i] < taken ? 1 : 0;
        a[i] = a[i] + borrow * base - taken;
    }
    trim(a);
}

void multiply_by(Natural& a, std::uint32_t factor) {
    std::uint64_t carry = 0;
    for (std::uint32_t& digit : a) {
        const std::uint64_t product = std::uint64_t{digit} * factor + carry;
        digit = static_cast<std::uint32_t>(product % base);
        carry = product / base;
    }
    for (; carry != 0; carry /= base)
        a.push_back(static_cast<std::uint32_t>(carry % base));
}

Natural product(const Natural& a, const Natural& b, const Runtime& runtime) {
    if (a.size() > b.size())
        return product(b, a, runtime);
    Natural result(a.size() + b.size(), 0, runtime.memory);
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (i % 16 == 0)
            runtime.poll();
        std::uint32_t carry = 0;
        for (std::size_t j = 0; j < b.size() || carry != 0; ++j) {
            const std::uint32_t sum = result[i + j] + (j < b.size() ? a[i] * b[j] : 0) + carry;
            result[i + j] = sum % base;
            carry = sum / base;
        }
    }
    trim(result);
    return result;
}

// floor(a / b) for b > 0: long division with a guessed quotient digit (Knuth, TAOCP 4.3.1 D).
Natural quotient(Natural a, Natural b, const Runtime& runtime) {
    Natural result(runtime.memory);
    if (compare_naturals(a, b) < 0)
        return result;
    const std::uint32_t normal = base / (b.back() + 1);
    multiply_by(a, normal);
    multiply_by(b, normal);
    trim(a);
    a.resize(std::max(a.size() + 1, b.size() + 1), 0);

    const std::size_t n = b.size();
    result.resize(a.size() - n);
    const std::uint64_t top = b[n - 1];
    const std::uint64_t second = n > 1 ? b[n - 2] : 0;
    for (std::size_t j = a.size() - n; j-- > 0;) {
        if (j % 64 == 0)
            runtime.poll();
        const std::uint64_t head = std::uint64_t{a[j + n]} * base + a[j + n - 1];
        std::uint64_t guess = head / top;
        std::uint64_t rest = head % top;
        const std::uint64_t third = n > 1 ? a[j + n - 2] : 0;
        while (guess >= base || guess * second > rest * base + third) {
            --guess;
            rest += top;
            if (rest >= base)
                break;
        }
        std::int64_t borrow = 0;
        for (std::size_t i = 0; i < n; ++i) {
            std::int64_t value =
                std::int64_t{a[i + j]} - static_cast<std::int64_t>(guess * b[i]) + borrow;
            borrow = value < 0 ? -((-value + base - 1) / base) : 0;
            value -= borrow * static_cast<std::int64_t>(base);
            a[i + j] = static_cast<std::uint32_t>(value);
        }
        std::int64_t value = std::int64_t{a[j + n]} + borrow;
        if (value < 0) { // the guess was one too large
            --guess;
            std::uint32_t carry = 0;
            for (std::size_t i = 0; i < n; ++i) {
                const std::uint32_t sum = a[i + j] + b[i] + carry;
                carry = sum >= base ? 1 : 0;
                a[i + j] = sum - carry * base;
            }
            value += carry;
        }
        a[j + n] = static_cast<std::uint32_t>(value);
        result[j] = static_cast<std::uint32_t>(guess);
    }
    trim(result);
    return result;
}

void encode_natural(const Natural& n, int fraction_groups, int scale, bool negative, Number& out,
                    const Runtime& runtime) {
    std::pmr::vector<std::uint16_t> digits(runtime.memory);
    const std::size_t size = std::max(n.size(), static_cast<std::size_t>(fraction_groups));
    digits.resize(size);
    for (std::size_t i = 0; i < n.size(); ++i)
        digits[size - 1 - i] = static_cast<std::uint16_t>(n[i]);
    encode(digits, fraction_groups, scale, negative, out);
}

} // namespace

void subtract_long(const Decimal& after, const Decimal& before, int fraction_groups, int scale,
                   Number& out, const Runtime& runtime) {
    runtime.poll(); // as long as many short ones
    Natural a = scaled(after, fraction_groups, runtime);
    Natural b = scaled(before, fraction_groups, runtime);
    bool negative = after.negative();
    if (after.negative() != before.negative()) {
        add_to(a, b);
    } else if (compare_naturals(a, b) >= 0) {
        subtract_from(a, b);
    } else {
        subtract_from(b, a);
        std::swap(a, b);
        negative = !negative;
    }
    encode_natural(a, fraction_groups, scale, negative && !a.empty(), out, runtime);
}

bool ratio_long(const Decimal& delta, const Decimal& base_value, int fraction_groups, Number& out,
                const Runtime& runtime) {
    // round(x / y) half away from zero = floor((2x + y) / 2y) on magnitudes.
    Natural numerator = scaled(delta, fraction_groups, runtime);
    Natural denominator = scaled(base_value, fraction_groups, runtime);
    multiply_by(numerator, 2'000'000);
    add_to(numerator, denominator);
    multiply_by(denominator, 2);
    Natural q = quotient(std::move(numerator), std::move(denominator), runtime);

    // q counts millionths; two base-10000 digits behind the point hold hundred-millionths.
    int places = 6;
    multiply_by(q, 100);
    constexpr std::size_t most_groups = INT16_MAX + 1 + 2;
    if (q.size() > most_groups)
        return false;
    const auto millionths = q.empty() ? 0 : (q.size() > 1 ? q[1] * base : 0) + q[0];
    for (std::uint32_t unit = 1000; places > 0 && millionths % unit == 0; unit *= 10)
        --places;
    const bool negative = delta.negative() && !q.empty();
    encode_natural(q, 2, places, negative, out, runtime);
    return true;
}

bool reaches_fraction_long(const Decimal& delta, const Decimal& base_value, const Decimal& fraction,
                           int fraction_groups, const Runtime& runtime) {
    const Natural left = scaled(delta, fraction_groups + fraction.fraction_groups(), runtime);
    const Natural right = product(scaled(base_value, fraction_groups, runtime),
                                  scaled(fraction, fraction.fraction_groups(), runtime), runtime);
    return compare_naturals(left, right) >= 0;
}

int compare_shares_long(const Decimal& delta, const Decimal& base_value, const Decimal& other_delta,
                        const Decimal& other_base, const Runtime& runtime) {
    // A share stays the same when both its numbers are scaled alike.
    const int behind = std::max(delta.fraction_groups(), base_value.fraction_groups());
    const int other_behind = std::max(other_delta.fraction_groups(), other_base.fraction_groups());
    const Natural left =
        product(scaled(delta, behind, runtime), scaled(other_base, other_behind, runtime), runtime);
    const Natural right = product(scaled(other_delta, other_behind, runtime),
                                  scaled(base_value, behind, runtime), runtime);
    return compare_naturals(left, right);
}

} // namespace dashboard_diff
