// Rules about figures: primary_metric_delta, metric_delta, metric_delta_pct.

#include <gtest/gtest.h>

#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

constexpr Truth yes = Truth::yes;
constexpr Truth no = Truth::no;
constexpr Truth unknown = Truth::unknown;

std::string with_primary(std::string_view value) {
    return R"({"primary_rows": [], "primary_metric": )" + std::string(value) + "}";
}

Truth primary_rule(std::string_view before, std::string_view after, std::string_view limit) {
    return meets(with_primary(before), with_primary(after),
                 R"({"primary_metric_delta": )" + std::string(limit) + "}");
}

// Two metrics: "users", and "quiet", which stands still.
std::string with_users(std::string_view value) {
    return R"({"primary_rows": [], "materialized_data": {"quiet": 7, "users": )" +
           std::string(value) + "}}";
}

Truth users_rule(std::string_view before, std::string_view after, std::string_view rule) {
    return meets(with_users(before), with_users(after),
                 "{" + std::string(rule) + R"(, "on_metric": "users"})");
}

TEST(PrimaryMetricDelta, IncludesTheLimitAndIsExact) {
    EXPECT_EQ(primary_rule("3.0", "3.3", "0.3"), yes);
    EXPECT_EQ(primary_rule("3.0", "3.3", "0.30000000000000000001"), no);
    EXPECT_EQ(primary_rule("3.0", "2.7", "0.3"), yes);
    EXPECT_EQ(primary_rule("0", "-5", "5"), yes);
    EXPECT_EQ(primary_rule("5", "5.0", "0.00001"), no);
}

TEST(PrimaryMetricDelta, TakesADirectionAndAFloor) {
    EXPECT_EQ(primary_rule("10", "20", R"(10, "direction": "up")"), yes);
    EXPECT_EQ(primary_rule("10", "20", R"(10, "direction": "down")"), no);
    EXPECT_EQ(primary_rule("20", "10", R"(10, "direction": "down")"), yes);
    EXPECT_EQ(primary_rule("10", "20", R"(1, "min_abs": 10)"), yes);
    EXPECT_EQ(primary_rule("10", "20", R"(1, "min_abs": 10.1)"), no);
}

TEST(PrimaryMetricDelta, IsUnknownWhereEitherSideHasNone) {
    EXPECT_EQ(meets("[]", "[]", R"({"primary_metric_delta": 1})"), unknown);
    EXPECT_EQ(meets(with_primary("1"), "[]", R"({"primary_metric_delta": 1})"), unknown);
    EXPECT_EQ(meets("[]", with_primary("1"), R"({"primary_metric_delta": 1})"), unknown);
}

TEST(PrimaryMetricDelta, IsExplainedByTheDifference) {
    EXPECT_EQ(
        explanation_text(with_primary("10"), with_primary("7.5"), R"({"primary_metric_delta": 3})"),
        R"({"result": false, "measured": -2.5, "primary_metric_delta": 3})");
    EXPECT_EQ(explanation_text("[]", "[]", R"({"primary_metric_delta": 3})"),
              R"({"result": null, "measured": null, "primary_metric_delta": 3})");
}

TEST(MetricDelta, IncludesTheLimitAndIsExact) {
    EXPECT_EQ(users_rule("3.0", "3.3", R"("metric_delta": 0.3)"), yes);
    EXPECT_EQ(users_rule("3.0", "3.3", R"("metric_delta": 0.3000000001)"), no);
    EXPECT_EQ(users_rule("3.0", "3.3", R"("metric_delta_pct": 0.1)"), yes);
    EXPECT_EQ(users_rule("3.0", "3.3", R"("metric_delta_pct": 0.1000000001)"), no);
    EXPECT_EQ(users_rule("0", "1", R"("metric_delta_pct": 1000)"), yes);
    EXPECT_EQ(users_rule("-4", "-5", R"("metric_delta_pct": 0.25)"), yes);
}

TEST(MetricDelta, TakesADirectionAndAFloor) {
    for (const std::string op : {"\"metric_delta\": 1", "\"metric_delta_pct\": 1"}) {
        EXPECT_EQ(users_rule("10", "20", op + R"(, "direction": "up")"), yes);
        EXPECT_EQ(users_rule("10", "20", op + R"(, "direction": "down")"), no);
        EXPECT_EQ(users_rule("20", "0", op + R"(, "direction": "down")"), yes);
        EXPECT_EQ(users_rule("10", "20", op + R"(, "min_abs": 10)"), yes);
        EXPECT_EQ(users_rule("10", "20", op + R"(, "min_abs": 10.1)"), no);
    }
}

TEST(MetricDelta, LooksAtItsMetricAlone) {
    EXPECT_EQ(
        meets(with_users("1"), with_users("9"), R"({"metric_delta": 1, "on_metric": "quiet"})"),
        no);
    EXPECT_EQ(
        meets(with_users("1"), with_users("9"), R"({"metric_delta": 1, "on_metric": "users"})"),
        yes);
}

TEST(MetricDelta, OfAMetricThatTheDiffDoesNotListIsFalse) {
    // A diff cannot tell a metric that stood still from one that a side lacks.
    for (const std::string op : {"metric_delta", "metric_delta_pct"}) {
        const std::string rule = "{\"" + op + R"(": 1, "on_metric": "users"})";
        EXPECT_EQ(meets(with_users("5"), with_users("5.0"), rule), no);
        EXPECT_EQ(meets("[]", "[]", rule), no);
        EXPECT_EQ(meets("[]", with_users("5"), rule), no);
        EXPECT_EQ(meets("[]", "[]", "{\"NOT\": " + rule + "}"), yes);
    }
}

TEST(MetricDelta, IsExplainedInTheUnitOfItsLimit) {
    EXPECT_EQ(explanation_text(with_users("8"), with_users("10"),
                               R"({"metric_delta": 3, "on_metric": "users"})"),
              R"({"result": false, "measured": 2, "on_metric": "users", "metric_delta": 3})");
    EXPECT_EQ(explanation_text(with_users("8"), with_users("10"),
                               R"({"metric_delta_pct": 0.25, "on_metric": "users"})"),
              R"({"result": true, "measured": 0.25, "on_metric": "users", )"
              R"("metric_delta_pct": 0.25})");
    EXPECT_EQ(explanation_text(with_users("0"), with_users("10"),
                               R"({"metric_delta_pct": 0.25, "on_metric": "users"})"),
              R"({"result": true, "measured": null, "on_metric": "users", )"
              R"("metric_delta_pct": 0.25})");
    EXPECT_EQ(explanation_text("[]", "[]", R"({"metric_delta": 3, "on_metric": "users"})"),
              R"({"result": false, "measured": null, "on_metric": "users", "metric_delta": 3})");
}

} // namespace
} // namespace dashboard_diff::testing
