// Exact arithmetic on numerics as they are stored.

#include "core/arithmetic.h"
#include "core/decimal.h"
#include "core/number.h"

#include <gtest/gtest.h>

#include "support/fixtures.h"
#include "support/numeric_text.h"

namespace dashboard_diff::testing {
namespace {

const Runtime runtime;

// A numeric datum made of text.
class Numeric {
public:
    explicit Numeric(std::string_view text) : bytes_(numeric_from_text(text)) {}
    Decimal view() const { return Decimal(bytes_.data()); }
    std::string_view bytes() const {
        return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
    }

private:
    std::vector<std::byte> bytes_;
};

std::string difference(std::string_view after, std::string_view before) {
    Number out(runtime.memory);
    subtract(Numeric(after).view(), Numeric(before).view(), out, runtime);
    return to_text(out.view());
}

std::string share_of(std::string_view delta, std::string_view base) {
    Number out(runtime.memory);
    if (!ratio(Numeric(delta).view(), Numeric(base).view(), out, runtime))
        return "none";
    return to_text(out.view());
}

bool reaches(std::string_view delta, std::string_view base, std::string_view fraction) {
    return reaches_fraction(Numeric(delta).view(), Numeric(base).view(), Numeric(fraction).view(),
                            runtime);
}

int order(std::string_view a, std::string_view b) {
    return compare(Numeric(a).view(), Numeric(b).view());
}

std::string zeros(std::size_t n) {
    return std::string(n, '0');
}

TEST(NumericText, IsShownWithItsOwnScale) {
    for (const std::string text :
         {"0", "0.00", "1", "-1", "1.50", "-0.001", "12345.6789", "10000", "100000000", "0.0001",
          "0.00001", "99999999.00009", "-1234567890123456789012345678901234567890.5"})
        EXPECT_EQ(to_text(Numeric(text).view()), text);
}

TEST(NumericText, ReadsExponentsAsTheServerDoes) {
    EXPECT_EQ(to_text(Numeric("1e10").view()), "10000000000");
    EXPECT_EQ(Numeric("1e10").view().scale(), 0);
    EXPECT_EQ(to_text(Numeric("1e-3").view()), "0.001");
    EXPECT_EQ(to_text(Numeric("1.50e1").view()), "15.0");
    EXPECT_EQ(to_text(Numeric("1.5E+1").view()), "15");
    EXPECT_EQ(to_text(Numeric("12.5e-2").view()), "0.125");
    EXPECT_EQ(to_text(Numeric("-0.0").view()), "0.0");
}

TEST(NumericText, HoldsNumbersThatNoFloatHolds) {
    EXPECT_EQ(to_text(Numeric("1e1000").view()), "1" + zeros(1000));
    const std::string digits(400, '7');
    EXPECT_EQ(to_text(Numeric("0." + digits).view()), "0." + digits);
    EXPECT_EQ(to_text(Numeric(digits).view()), digits);
}

TEST(NumericLayout, ReadsBothOfTheServersHeaders) {
    const Decimal short_form = Numeric("-1234.5").view();
    EXPECT_TRUE(short_form.negative());
    EXPECT_EQ(short_form.weight(), 0);
    EXPECT_EQ(short_form.scale(), 1);
    EXPECT_EQ(short_form.digit_count(), 2U);
    const Decimal long_form = Numeric("-1e-70").view();
    EXPECT_TRUE(long_form.negative());
    EXPECT_EQ(long_form.weight(), -18);
    EXPECT_EQ(long_form.scale(), 70);
    EXPECT_EQ(Numeric("1e400").view().weight(), 100);
    EXPECT_EQ(Numeric("1e-8").view().weight(), -2);
}

TEST(NumericLayout, ReadsTheOneByteVarlenaHeader) {
    const Numeric plain("-20.25");
    std::string packed(plain.bytes().substr(3));
    packed[0] = static_cast<char>(packed.size() << 1 | 1);
    const Decimal read(reinterpret_cast<const std::byte*>(packed.data()));
    EXPECT_EQ(to_text(read), "-20.25");
    EXPECT_TRUE(equal(read, plain.view()));
}

TEST(NumericLayout, TellsNanAndInfinitiesFromNumbers) {
    const auto special = [](std::uint16_t header) {
        std::vector<std::byte> bytes(6);
        const std::uint32_t size = 6U << 2;
        std::memcpy(bytes.data(), &size, 4);
        std::memcpy(bytes.data() + 4, &header, 2);
        return bytes;
    };
    const auto nan = special(0xC000);
    const auto infinity = special(0xD000);
    const auto minus_infinity = special(0xF000);
    EXPECT_FALSE(Decimal(nan.data()).finite());
    EXPECT_EQ(to_text(Decimal(nan.data())), "NaN");
    EXPECT_EQ(to_text(Decimal(infinity.data())), "Infinity");
    EXPECT_EQ(to_text(Decimal(minus_infinity.data())), "-Infinity");
    EXPECT_GT(compare(Decimal(nan.data()), Decimal(infinity.data())), 0);
    EXPECT_GT(compare(Decimal(infinity.data()), Numeric("1e1000").view()), 0);
    EXPECT_LT(compare(Decimal(minus_infinity.data()), Numeric("-1e1000").view()), 0);
    EXPECT_FALSE(is_number({nan.data(), 6, Kind::numeric}));
}

TEST(Compare, GoesByValueNotByScale) {
    EXPECT_EQ(order("1", "1.00"), 0);
    EXPECT_EQ(order("0", "0.000"), 0);
    EXPECT_EQ(order("100", "1e2"), 0);
    EXPECT_LT(order("1", "1.0000000001"), 0);
    EXPECT_LT(order("-2", "-1"), 0);
    EXPECT_LT(order("-1", "0"), 0);
    EXPECT_GT(order("10000", "9999.9999"), 0);
    EXPECT_LT(order("-1e100", "-1e99"), 0);
    EXPECT_GT(order("1e-99", "1e-100"), 0);
    EXPECT_TRUE(equal(Numeric("5").view(), Numeric("5.000").view()));
    EXPECT_FALSE(equal(Numeric("5").view(), Numeric("-5").view()));
}

TEST(Compare, HashesEqualNumbersAlike) {
    const auto hashed = [](std::string_view text) {
        return hash(Numeric(text).view(), HashKey(7));
    };
    EXPECT_EQ(hashed("1"), hashed("1.0"));
    EXPECT_EQ(hashed("100"), hashed("1e2"));
    EXPECT_EQ(hashed("0"), hashed("0.00"));
    EXPECT_EQ(hashed("0.5"), hashed("0.50000"));
    EXPECT_NE(hashed("1"), hashed("-1"));
    EXPECT_NE(hashed("1"), hashed("10000"));
}

TEST(Compare, OrderKeysNeverContradictTheOrder) {
    const std::vector<std::string> ascending{"-1e1000", "-1e40",      "-10001",  "-10000",
                                             "-9999.5", "-1",         "-0.0001", "-1e-40",
                                             "-1e-400", "0",          "1e-400",  "1e-40",
                                             "0.0001",  "1",          "9999",    "9999.5",
                                             "10000",   "10000.0001", "1e12",    "1000000000001",
                                             "1e40",    "1e1000",     "9e131071"};
    for (std::size_t i = 1; i < ascending.size(); ++i) {
        EXPECT_LE(order_key(Numeric(ascending[i - 1]).view()),
                  order_key(Numeric(ascending[i]).view()))
            << ascending[i];
        EXPECT_LT(order(ascending[i - 1], ascending[i]), 0) << ascending[i];
    }
    EXPECT_EQ(order_key(Numeric("1").view()), order_key(Numeric("1.00").view()));
}

TEST(Compare, EqualOrderKeysMeanEqualNumbersUnlessTheyAreOdd) {
    const auto key = [](std::string_view text) { return order_key(Numeric(text).view()); };
    for (const std::string_view sign : {"", "-"}) {
        const auto signed_key = [&](std::string_view text) {
            return key(std::string(sign) + std::string(text));
        };
        EXPECT_EQ(signed_key("123456789012") % 2, 0U); // three digits of base 10000
        EXPECT_EQ(signed_key("1234567890121") % 2, 1U);
        EXPECT_EQ(signed_key("1234567890121"), signed_key("1234567890122"));
        EXPECT_NE(signed_key("1234567890120000"), signed_key("1234567890120001"));
        EXPECT_NE(signed_key("1"), signed_key("1.00000001"));
        EXPECT_NE(signed_key("1"), signed_key("10000"));
        EXPECT_EQ(signed_key("0.5") % 2, 0U);
        EXPECT_EQ(signed_key("5e1000") % 2, 0U);
    }
    EXPECT_EQ(key("0"), key("0.00"));
    EXPECT_EQ(key("0") % 2, 0U);
}

TEST(Subtract, IsExactAndKeepsTheLongerScale) {
    EXPECT_EQ(difference("0.3", "0.1"), "0.2");
    EXPECT_EQ(difference("0.30", "0.1"), "0.20");
    EXPECT_EQ(difference("3.3", "3.0"), "0.3");
    EXPECT_EQ(difference("1", "1.000"), "0.000");
    EXPECT_EQ(difference("-5", "-7.5"), "2.5");
    EXPECT_EQ(difference("-5", "7.5"), "-12.5");
    EXPECT_EQ(difference("10000", "0.0001"), "9999.9999");
    EXPECT_EQ(difference("1e1000", "1"), std::string(1000, '9'));
    EXPECT_EQ(difference("0", "0"), "0");
}

TEST(Subtract, IsExactOnBothSidesOfTheShortPath) {
    const std::string nines(28, '9');
    EXPECT_EQ(difference(nines, "-" + nines), "1" + std::string(27, '9') + "8");
    EXPECT_EQ(difference("1" + zeros(28), "1"), nines);
    EXPECT_EQ(difference("999999999999999999999999.9999", "0.0001"),
              "999999999999999999999999.9998");
    EXPECT_EQ(difference("9999999999999999999999999.9999", "-0.0001"),
              "10000000000000000000000000.0000");
    EXPECT_EQ(difference("0.0000000000000000000000000001", "0"), "0.0000000000000000000000000001");
    EXPECT_EQ(difference("1", "0.00000000000000000000000000001"),
              "0.99999999999999999999999999999");
}

TEST(Subtract, RefusesMoreDigitsThanANumericHolds) {
    const std::string largest(131072, '9');
    const Caught caught = error_of([&] { difference(largest, "-1"); });
    EXPECT_EQ(caught.code, ErrorCode::numeric_out_of_range);
    EXPECT_EQ(caught.message, "value overflows numeric format");
    EXPECT_EQ(difference(largest, "1"), std::string(131071, '9') + "8");
    EXPECT_EQ(difference(largest, largest), "0");
}

TEST(Ratio, RoundsHalfAwayFromZeroToSixPlaces) {
    EXPECT_EQ(share_of("1", "3"), "0.333333");
    EXPECT_EQ(share_of("2", "3"), "0.666667");
    EXPECT_EQ(share_of("5", "10000000"), "0.000001"); // 0.0000005
    EXPECT_EQ(share_of("-5", "10000000"), "-0.000001");
    EXPECT_EQ(share_of("49", "100000000"), "0");
    EXPECT_EQ(share_of("-49", "100000000"), "0");
    EXPECT_EQ(share_of("1.0000005", "1"), "1.000001");
    EXPECT_EQ(share_of("-1.0000015", "1"), "-1.000002");
    EXPECT_EQ(share_of("0.9999995", "1"), "1");
    EXPECT_EQ(share_of("0.99999949999999999999", "1"), "0.999999");
}

TEST(Ratio, TrimsTrailingZeros) {
    EXPECT_EQ(share_of("0.3", "3.0"), "0.1");
    EXPECT_EQ(share_of("0.30000", "3.00000"), "0.1");
    EXPECT_EQ(share_of("50", "1"), "50");
    EXPECT_EQ(share_of("1000000", "1"), "1000000");
    EXPECT_EQ(share_of("1", "8"), "0.125");
    EXPECT_EQ(share_of("1", "32"), "0.03125");
    EXPECT_EQ(share_of("1", "64"), "0.015625");
    EXPECT_EQ(share_of("0.00", "7"), "0");
}

TEST(Ratio, IsTakenOfTheSizeOfANegativeBase) {
    EXPECT_EQ(share_of("1", "-4"), "0.25");
    EXPECT_EQ(share_of("-1", "-4"), "-0.25");
    EXPECT_EQ(share_of("-1", "4"), "-0.25");
}

TEST(Ratio, DoesNotExistFromZero) {
    EXPECT_EQ(share_of("1", "0"), "none");
    EXPECT_EQ(share_of("1", "0.00"), "none");
    EXPECT_EQ(share_of("1e1000", "0"), "none");
}

TEST(Ratio, IsExactForLongNumbers) {
    EXPECT_EQ(share_of("1e1000", "3e1000"), "0.333333");
    EXPECT_EQ(share_of("2e-300", "3e-300"), "0.666667");
    EXPECT_EQ(share_of("1e40", "1e-40"), "1" + zeros(80));
    EXPECT_EQ(share_of("1", "1e40"), "0");
    EXPECT_EQ(share_of("15e93", "1e100"), "0.000002");
    EXPECT_EQ(share_of("14.9e93", "1e100"), "0.000001");
    EXPECT_EQ(share_of("125e100", "1e103"), "0.125");
    const std::string nines(28, '9');
    EXPECT_EQ(share_of(nines, "1"), nines);
    EXPECT_EQ(share_of("9" + nines, "1"), "9" + nines);
}

TEST(Ratio, IsUnknownWhereItHasMoreDigitsThanANumericHolds) {
    EXPECT_EQ(share_of("1e131071", "1"), "1" + zeros(131071));
    EXPECT_EQ(share_of("1e131071", "0.1"), "none");
    EXPECT_EQ(share_of("1e131071", "1e-5"), "none");
}

TEST(ReachesFraction, IncludesTheLimitItself) {
    EXPECT_TRUE(reaches("0.3", "3.0", "0.1"));
    EXPECT_TRUE(reaches("0.3", "3.0", "0.10"));
    EXPECT_FALSE(reaches("0.29999999999999999999999", "3.0", "0.1"));
    EXPECT_TRUE(reaches("-0.3", "-3", "0.1"));
    EXPECT_TRUE(reaches("1e1000", "1e1001", "0.1"));
    EXPECT_FALSE(reaches("1e1000", "1e1001", "0.1" + zeros(100) + "1"));
}

TEST(ReachesFraction, IsExactOnBothSidesOfTheShortPath) {
    // 9 base-10000 digits in all still take the short path, 10 the long one.
    const std::string base = "1" + zeros(24);
    EXPECT_TRUE(reaches("1" + zeros(20), base, "0.0001"));
    EXPECT_FALSE(reaches("99999999999999999999", base, "0.0001"));
    EXPECT_TRUE(reaches("1" + zeros(20), base, "0.00009999"));
    EXPECT_TRUE(reaches("100000000" + zeros(8), base, "0.00000001"));
    EXPECT_FALSE(reaches("99999999" + zeros(8), base, "0.00000001"));
    EXPECT_TRUE(reaches("1" + zeros(12), base, "0.000000000001"));
    EXPECT_FALSE(reaches("999999999999", base, "0.000000000001"));
    EXPECT_TRUE(reaches("1", "1", "1e-16383"));
    EXPECT_FALSE(reaches("1", "1", "1e131071"));
}

TEST(Integers, AreReadWhereTheyAreWhole) {
    const auto integer = [](std::string_view text) { return to_integer(Numeric(text).view()); };
    EXPECT_EQ(integer("10"), 10);
    EXPECT_EQ(integer("10.00"), 10);
    EXPECT_EQ(integer("1e3"), 1000);
    EXPECT_EQ(integer("-7"), -7);
    EXPECT_EQ(integer("0"), 0);
    EXPECT_EQ(integer("9999999999999999"), 9999999999999999);
    EXPECT_EQ(integer("10000000000000000"), std::nullopt);
    EXPECT_EQ(integer("1.5"), std::nullopt);
    EXPECT_EQ(integer("1e1000"), std::nullopt);
}

TEST(Integers, AreWrittenAsTheServerWritesThem) {
    Number out(runtime.memory);
    for (const std::int64_t n : {std::int64_t{0}, std::int64_t{1}, std::int64_t{10000},
                                 std::int64_t{-42}, INT64_MAX, INT64_MIN}) {
        assign(out, n);
        const std::string_view bytes(reinterpret_cast<const char*>(out.data()), out.size());
        EXPECT_EQ(bytes, Numeric(std::to_string(n)).bytes()) << n;
    }
}

TEST(Integers, AComputedNumberHasTheBytesOfTheServersNumeric) {
    const auto check = [](std::string_view after, std::string_view before,
                          std::string_view result) {
        Number out(runtime.memory);
        subtract(Numeric(after).view(), Numeric(before).view(), out, runtime);
        const std::string_view bytes(reinterpret_cast<const char*>(out.data()), out.size());
        EXPECT_EQ(bytes, Numeric(result).bytes()) << result;
    };
    check("3.30", "3", "0.30");
    check("20000", "10000", "10000");
    check("1", "1.000", "0.000");
    check("-1e-70", "0", "-1e-70");
    check("1e300", "0", "1e300");
    check("1e255", "0", "1e255"); // the last of the short form
    check("1e256", "0", "1e256");
    check("1e-63", "0", "1e-63");
    check("1e-64", "0", "1e-64");
    check("1e64", "0.5", "9999999999999999999999999999999999999999999999999999999999999999.5");
}

} // namespace
} // namespace dashboard_diff::testing
