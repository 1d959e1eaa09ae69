// The short arithmetic against the long one, and both against plain schoolbook arithmetic.

#include <gtest/gtest.h>

#include "core/arithmetic.h"
#include "core/decimal.h"
#include "core/long_arithmetic.h"
#include "core/number.h"
#include "support/big_decimal.h"
#include "support/numeric_text.h"
#include "support/random_models.h"

namespace dashboard_diff::testing {
namespace {

const Runtime runtime;

std::string_view bytes_of(const Number& number) {
    return {reinterpret_cast<const char*>(number.data()), number.size()};
}

class Numeric {
public:
    explicit Numeric(std::string_view text) : bytes_(numeric_from_text(text)) {}
    Decimal view() const { return Decimal(bytes_.data()); }

private:
    std::vector<std::byte> bytes_;
};

int common_groups(const Decimal& a, const Decimal& b) {
    return std::max(a.fraction_groups(), b.fraction_groups());
}

void check_difference(const std::string& after, const std::string& before) {
    const Numeric a(after);
    const Numeric b(before);
    Number chosen(runtime.memory);
    Number by_long(runtime.memory);
    subtract(a.view(), b.view(), chosen, runtime);
    subtract_long(a.view(), b.view(), common_groups(a.view(), b.view()),
                  std::max(a.view().scale(), b.view().scale()), by_long, runtime);
    EXPECT_EQ(bytes_of(chosen), bytes_of(by_long)) << after << " - " << before;
    EXPECT_EQ(to_text(chosen.view()),
              minus(BigDecimal::parse(after), BigDecimal::parse(before)).text())
        << after << " - " << before;
}

void check_share(const std::string& delta, const std::string& base) {
    const Numeric d(delta);
    const Numeric b(base);
    Number chosen(runtime.memory);
    const bool found = ratio(d.view(), b.view(), chosen, runtime);
    EXPECT_EQ(found, !BigDecimal::parse(base).zero());
    if (!found)
        return;
    Number by_long(runtime.memory);
    ratio_long(d.view(), b.view(), common_groups(d.view(), b.view()), by_long, runtime);
    EXPECT_EQ(bytes_of(chosen), bytes_of(by_long)) << delta << " / " << base;
    EXPECT_EQ(to_text(chosen.view()),
              share(BigDecimal::parse(delta), BigDecimal::parse(base)).text())
        << delta << " / " << base;
}

void check_reach(const std::string& delta, const std::string& base, const std::string& fraction) {
    const Numeric d(delta);
    const Numeric b(base);
    const Numeric f(fraction);
    const bool chosen = reaches_fraction(d.view(), b.view(), f.view(), runtime);
    EXPECT_EQ(chosen, reaches_fraction_long(d.view(), b.view(), f.view(),
                                            common_groups(d.view(), b.view()), runtime))
        << delta << " of " << base << " reaches " << fraction;
    EXPECT_EQ(chosen,
              compare_sizes(BigDecimal::parse(delta),
                            times(BigDecimal::parse(base), BigDecimal::parse(fraction))) >= 0)
        << delta << " of " << base << " reaches " << fraction;
}

std::string size_of(std::string number) {
    number.erase(0, number[0] == '-' ? 1 : 0);
    return number;
}

// A change against a limit and a fraction, without a sign.
void check_change(const std::string& before, const std::string& after, const std::string& limit) {
    const Numeric b(before);
    const Numeric a(after);
    const Numeric l(limit);
    const BigDecimal delta = minus(BigDecimal::parse(after), BigDecimal::parse(before));
    EXPECT_EQ(differs_by(b.view(), a.view(), l.view(), runtime),
              compare_sizes(delta, BigDecimal::parse(limit)) >= 0)
        << before << " to " << after << " differs by " << limit;
    const BigDecimal part = times(BigDecimal::parse(limit), BigDecimal::parse(before));
    EXPECT_EQ(differs_by_fraction(b.view(), a.view(), l.view(), runtime),
              compare_sizes(delta, part) >= 0)
        << before << " to " << after << " differs by the fraction " << limit;
}

void check_order(const std::string& before, const std::string& after,
                 const std::string& other_before, const std::string& other_after) {
    const Numeric b(before);
    const Numeric a(after);
    const Numeric ob(other_before);
    const Numeric oa(other_after);
    const std::string changes =
        before + " to " + after + " and " + other_before + " to " + other_after;
    const BigDecimal delta = minus(BigDecimal::parse(after), BigDecimal::parse(before));
    const BigDecimal other_delta =
        minus(BigDecimal::parse(other_after), BigDecimal::parse(other_before));
    EXPECT_EQ(compare_differences(b.view(), a.view(), ob.view(), oa.view(), runtime),
              compare_sizes(delta, other_delta))
        << changes;
    if (b.view().zero() || ob.view().zero())
        return;
    const int order = compare_sizes(times(delta, BigDecimal::parse(other_before)),
                                    times(other_delta, BigDecimal::parse(before)));
    EXPECT_EQ(compare_shares(b.view(), a.view(), ob.view(), oa.view(), runtime), order) << changes;
    const Numeric d(delta.text());
    const Numeric od(other_delta.text());
    EXPECT_EQ(compare_shares_long(d.view(), b.view(), od.view(), ob.view(), runtime), order)
        << changes;
}

TEST(ArithmeticProperty, ChangesAreComparedWithLimitsExactly) {
    Random random(17);
    for (int i = 0; i < 1000; ++i) {
        const std::string before = random.decimal();
        const std::string after = random.decimal();
        check_change(before, after, size_of(random.decimal()));
        // On the limit and right beside it.
        const BigDecimal delta = minus(BigDecimal::parse(after), BigDecimal::parse(before));
        const std::string size = size_of(delta.text());
        const BigDecimal grain{false, "1", delta.scale + 3};
        check_change(before, after, size);
        check_change(before, after, minus(BigDecimal::parse("-" + size), grain).text().substr(1));
        const std::string fraction = size_of(random.number());
        const BigDecimal part = times(BigDecimal::parse(before), BigDecimal::parse(fraction));
        check_change(before, minus(BigDecimal::parse(before), part).text(), fraction);
    }
}

// Limits of many more digits than the numbers have, which differ from the change far behind.
TEST(ArithmeticProperty, ShortChangesAreComparedWithLongLimitsExactly) {
    Random random(19);
    for (int i = 0; i < 1000; ++i) {
        const BigDecimal before = BigDecimal::parse(random.digits(1 + random.below(9)));
        const std::string places = random.digits(1 + random.below(8));
        const BigDecimal fraction = BigDecimal::parse((i % 2 == 0 ? "0." : "12.") +
                                                      std::string(random.below(6), '0') + places);
        const BigDecimal part = times(before, fraction);
        const BigDecimal after = minus(before, part); // on the limit
        const BigDecimal grain{false, "1", 20 + static_cast<int>(random.below(80))};
        const BigDecimal more{true, grain.digits, grain.scale};
        for (const BigDecimal& limit : {fraction, part})
            for (const BigDecimal& off : {grain, more}) {
                check_change(before.text(), after.text(), minus(limit, off).text());
                check_change("-" + before.text(), after.text(), minus(limit, off).text());
            }
        check_change(before.text(), before.text(), grain.text());
        check_change("0", after.text(), grain.text());
    }
}

TEST(ArithmeticProperty, ChangesAreOrderedWithoutDivision) {
    Random random(18);
    for (int i = 0; i < 1000; ++i) {
        const std::string before = random.decimal();
        const std::string after = random.decimal();
        check_order(before, after, random.decimal(), random.decimal());
        // The same share of other numbers, the same difference, and ones right beside them.
        const BigDecimal factor = BigDecimal::parse(random.digits(1 + random.below(20)));
        const std::string other_before = times(BigDecimal::parse(before), factor).text();
        const BigDecimal same_share = times(BigDecimal::parse(after), factor);
        const BigDecimal grain{false, "1", same_share.scale + 2};
        check_order(before, after, other_before, same_share.text());
        check_order(before, after, other_before, minus(same_share, grain).text());
        check_order(before, after, after, before);
        check_order(before, after, after, minus(BigDecimal::parse(before), grain).text());
    }
}

TEST(ArithmeticProperty, DifferencesAreExact) {
    Random random(11);
    for (int i = 0; i < 5000; ++i)
        check_difference(random.decimal(), random.decimal());
}

TEST(ArithmeticProperty, SharesAreRoundedExactly) {
    Random random(12);
    for (int i = 0; i < 1500; ++i)
        check_share(random.decimal(), random.decimal());
}

TEST(ArithmeticProperty, FractionsAreReachedExactly) {
    Random random(13);
    for (int i = 0; i < 1500; ++i) {
        std::string fraction = random.decimal();
        fraction.erase(0, fraction[0] == '-' ? 1 : 0);
        const std::string base = random.decimal();
        check_reach(random.decimal(), base, fraction);
        // On the limit and right beside it.
        const BigDecimal limit = times(BigDecimal::parse(base), BigDecimal::parse(fraction));
        const BigDecimal grain{false, "1", limit.scale + 3};
        check_reach(limit.text(), base, fraction);
        check_reach(minus(limit, grain).text(), base, fraction);
    }
}

// Where the sizes of numbers decide, and where they are too near each other for that.
TEST(ArithmeticProperty, FractionsFarFromOneAreReachedExactly) {
    Random random(15);
    const auto shifted = [](const std::string& digits, int places) {
        return places < 0 ? "0." + std::string(static_cast<std::size_t>(-places), '0') + digits
                          : digits + std::string(static_cast<std::size_t>(places), '0');
    };
    for (const int far : {-100, -41, 41, 100}) {
        const std::string fraction = shifted(random.digits(3), far);
        for (int near = -9; near <= 9; ++near) {
            const std::string base = shifted(random.digits(30), near);
            for (int off = -9; off <= 9; ++off)
                check_reach(shifted(random.digits(1 + random.below(30)), far + near + 15 + off),
                            base, fraction);
        }
        check_reach("0", random.digits(40), fraction);
        check_reach(random.digits(40), "0", fraction);
        check_reach("0", "0", fraction);
        check_reach("0", random.digits(40), "0.0");
    }
}

TEST(ArithmeticProperty, ALongQuotientIsFoundDigitByDigit) {
    Random random(14);
    for (int i = 0; i < 400; ++i) {
        std::string base = random.digits(8 + random.below(60));
        if (i % 2 == 0) // its first digits tell little of the rest
            base = "2500" + std::string(4 * (1 + random.below(5)), '0') + random.digits(4);
        const BigDecimal quotient = BigDecimal::parse(random.digits(100 + random.below(40)));
        const BigDecimal product = times(quotient, BigDecimal::parse(base));
        check_share(product.text(), base);
        check_share(minus(product, BigDecimal::parse("1")).text(), base);
    }
}

TEST(ArithmeticProperty, AShareBesideAHalfIsRoundedToItsOwnSide) {
    // Right below a half, long division guesses a digit that is one too large and takes it back.
    Random random(16);
    for (int i = 0; i < 400; ++i) {
        const std::string base = random.digits(20 + random.below(60));
        const BigDecimal half{false, random.digits(1 + random.below(12)) + "5", 7};
        const BigDecimal limit = times(half, BigDecimal::parse(base));
        const BigDecimal grain{false, "1", limit.scale + 3};
        check_share(limit.text(), base);
        check_share(minus(limit, grain).text(), base);
        check_share("-" + minus(limit, grain).text(), "-" + base);
    }
}

TEST(ArithmeticProperty, OrderKeysFollowTheNumbers) {
    Random random(15);
    for (int i = 0; i < 5000; ++i) {
        const std::string a = random.decimal();
        const std::string b =
            random.chance(30) ? a + (a.find('.') == a.npos ? ".0" : "0") : random.decimal();
        const Numeric x(a);
        const Numeric y(b);
        const int order = compare_numbers(BigDecimal::parse(a), BigDecimal::parse(b));
        EXPECT_EQ(compare(x.view(), y.view()), order) << a << " and " << b;
        EXPECT_EQ(equal(x.view(), y.view()), order == 0) << a << " and " << b;
        EXPECT_TRUE(order != 0 || hash(x.view(), HashKey(5)) == hash(y.view(), HashKey(5)))
            << a << " and " << b;
        EXPECT_TRUE(order > 0 || order_key(x.view()) <= order_key(y.view())) << a << " and " << b;
        EXPECT_TRUE(order < 0 || order_key(x.view()) >= order_key(y.view())) << a << " and " << b;
        EXPECT_EQ(to_text(x.view()), a);
    }
}

} // namespace
} // namespace dashboard_diff::testing
