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
        EXPECT_TRUE(order != 0 || hash(x.view(), 5) == hash(y.view(), 5)) << a << " and " << b;
        EXPECT_TRUE(order > 0 || order_key(x.view()) <= order_key(y.view())) << a << " and " << b;
        EXPECT_TRUE(order < 0 || order_key(x.view()) >= order_key(y.view())) << a << " and " << b;
        EXPECT_EQ(to_text(x.view()), a);
    }
}

} // namespace
} // namespace dashboard_diff::testing
