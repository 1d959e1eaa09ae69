// Round numbers between two bounds, and exact decimals made of digits.

#include "core/round_number.h"

#include <gtest/gtest.h>

#include "core/decimal.h"
#include "support/big_decimal.h"
#include "support/numeric_text.h"
#include "support/random_models.h"

namespace dashboard_diff::testing {
namespace {

const Runtime runtime;

std::string text_of(const RoundNumber& number) {
    Number out(runtime.memory);
    EXPECT_TRUE(assign_digits(out, std::to_string(number.digits), number.exponent, runtime));
    return to_text(out.view());
}

std::string round_text(double above, double up_to) {
    return text_of(roundest(above, up_to));
}

std::string assigned(std::string_view digits, int exponent) {
    Number out(runtime.memory);
    return assign_digits(out, digits, exponent, runtime) ? to_text(out.view()) : "none";
}

TEST(Roundest, HasTheFewestDigits) {
    EXPECT_EQ(round_text(0.0987, 0.1033), "0.1");
    EXPECT_EQ(round_text(0.0913, 0.0987), "0.095");
    EXPECT_EQ(round_text(0.123, 0.14), "0.13");
    EXPECT_EQ(round_text(3, 40), "10");
    EXPECT_EQ(round_text(37, 412), "100");
    EXPECT_EQ(round_text(1234.4, 1236.1), "1235");
    EXPECT_EQ(round_text(0.31, 0.32), "0.32");
    EXPECT_EQ(round_text(0.333, 1.0 / 3), "0.3332");
}

TEST(Roundest, OfSeveralIsTheOneThatPeopleTake) {
    EXPECT_EQ(round_text(0.3, 0.9), "0.5");
    EXPECT_EQ(round_text(0.11, 0.19), "0.15");
    EXPECT_EQ(round_text(0.1, 0.45), "0.2");
    EXPECT_EQ(round_text(0.5, 0.95), "0.7");
    EXPECT_EQ(round_text(0.9, 7), "1");
}

TEST(Roundest, IncludesTheUpperBoundAlone) {
    EXPECT_EQ(round_text(1, 2), "2");
    EXPECT_EQ(round_text(0.1, 0.2), "0.2");
    EXPECT_EQ(round_text(0.2, 0.3), "0.3");
    // 0.3 / 3.0 in doubles is a little less than 0.1, and means it.
    EXPECT_EQ(round_text(0.09, 0.3 / 3.0), "0.1");
    EXPECT_EQ(round_text(0.3 / 3.0, 0.13), "0.12");
    EXPECT_EQ(round_text(999, 1000), "1000");
    EXPECT_EQ(round_text(1e-9, 1e-8), "0.00000001");
    EXPECT_EQ(round_text(5e20, 1e21), "1000000000000000000000");
}

TEST(Roundest, FindsOneInTheNarrowestInterval) {
    EXPECT_EQ(round_text(0.123456789, 0.123456790), "0.12345679");
    EXPECT_EQ(round_text(0.5, 0.5), "0.5");
    EXPECT_EQ(round_text(7, 7).substr(0, 1), "7");
}

TEST(Roundest, LiesWhereItShould) {
    Random random(41);
    for (int i = 0; i < 5000; ++i) {
        const double up_to = std::stod(random.digits(6)) *
                             std::pow(10.0, static_cast<double>(random.below(40)) - 25);
        const double above = up_to * static_cast<double>(random.below(1000)) / 1000;
        const double found = roundest(above, up_to).to_double();
        EXPECT_GT(found, above * (1 - 1e-11)) << above << " to " << up_to;
        EXPECT_LE(found, up_to * (1 + 1e-11)) << above << " to " << up_to;
    }
}

TEST(RoundestInteger, IsOneBetweenOrTheNext) {
    EXPECT_EQ(roundest_integer(3, 40), 10U);
    EXPECT_EQ(roundest_integer(2.7, 3), 3U);
    EXPECT_EQ(roundest_integer(3, 4), 4U);
    EXPECT_EQ(roundest_integer(11, 19), 15U);
    EXPECT_EQ(roundest_integer(0.2, 0.7), 1U);
    EXPECT_EQ(roundest_integer(0.2, 1), 1U);
    EXPECT_EQ(roundest_integer(2.1, 2.9), 3U);
    EXPECT_EQ(roundest_integer(3, 3), 3U);
    EXPECT_EQ(roundest_integer(2.5, 2.5), 3U);
    EXPECT_EQ(roundest_integer(123455, 123456), 123456U);
    EXPECT_EQ(roundest_integer(1e9, 1e15), 2000000000U);
    EXPECT_EQ(roundest_integer(2e9, 1e15), 2100000000U);
    EXPECT_EQ(roundest_integer(1e12, 1e15), 2147483647U);
}

TEST(Digits, MakeExactDecimals) {
    EXPECT_EQ(assigned("1", 0), "1");
    EXPECT_EQ(assigned("12345", 0), "12345");
    EXPECT_EQ(assigned("12345", -2), "123.45");
    EXPECT_EQ(assigned("12345", -5), "0.12345");
    EXPECT_EQ(assigned("12345", -9), "0.000012345");
    EXPECT_EQ(assigned("1", -1), "0.1");
    EXPECT_EQ(assigned("100", -3), "0.1");
    EXPECT_EQ(assigned("100", -1), "10");
    EXPECT_EQ(assigned("25", 7), "250000000");
    EXPECT_EQ(assigned("1", -16383).size(), 16385U);
    EXPECT_EQ(assigned("1", -16384), "none");
    EXPECT_EQ(assigned("1", 131071).size(), 131072U);
    EXPECT_EQ(assigned("1", 131072), "none");
}

TEST(Digits, AreThoseOfTheServersNumeric) {
    Random random(42);
    for (int i = 0; i < 2000; ++i) {
        const std::string digits = random.digits(1 + random.below(30)) + "7";
        const int exponent = static_cast<int>(random.below(40)) - 30;
        Number out(runtime.memory);
        ASSERT_TRUE(assign_digits(out, digits, exponent, runtime));
        const auto expected = numeric_from_text(to_text(out.view()));
        EXPECT_TRUE(out.size() == expected.size() &&
                    std::memcmp(out.data(), expected.data(), out.size()) == 0)
            << digits << "e" << exponent;
        const BigDecimal plain =
            exponent < 0
                ? BigDecimal{false, digits, -exponent}
                : BigDecimal{false, digits + std::string(static_cast<std::size_t>(exponent), '0'),
                             0};
        EXPECT_EQ(to_text(out.view()), plain.text());
    }
}

TEST(Digits, AreMultipliedExactly) {
    Random random(43);
    for (int i = 0; i < 2000; ++i) {
        std::string number = random.decimal();
        number.erase(0, number[0] == '-' ? 1 : 0);
        const RoundNumber factor{std::stoull(random.digits(1 + random.below(15))),
                                 -static_cast<int>(random.below(20))};
        const auto bytes = numeric_from_text(number);
        Number out(runtime.memory);
        ASSERT_TRUE(multiply(out, Decimal(bytes.data()), factor, runtime));
        const BigDecimal expected =
            times(BigDecimal::parse(number),
                  BigDecimal{false, std::to_string(factor.digits), -factor.exponent});
        EXPECT_EQ(compare_numbers(BigDecimal::parse(to_text(out.view())), expected), 0)
            << number << " by " << text_of(factor);
    }
}

} // namespace
} // namespace dashboard_diff::testing
