// How far a threshold could be tightened, and the round limits that do it.

#include "core/tuning.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "support/fixtures.h"
#include "support/random_models.h"

namespace dashboard_diff::testing {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const Runtime runtime;

double reach_of(std::string_view before, std::string_view after, std::string_view threshold) {
    const Comparison comparison(before, after);
    const Document document(threshold);
    return reach(Threshold::read(document.root(), runtime), comparison.diff(), runtime);
}

std::string scaled(std::string_view threshold, double above, double up_to) {
    const Document document(threshold);
    return Document(scale_limits(Threshold::read(document.root(), runtime), above, up_to, runtime))
        .text();
}

bool tunable(std::string_view threshold) {
    const Document document(threshold);
    return has_tunable_limit(Threshold::read(document.root(), runtime));
}

constexpr std::string_view before =
    R"({"primary_metric": 10, "materialized_data": {"m": 0}, "primary_rows": [
        {"id": "a", "v": 100, "w": 10}, {"id": "b", "v": 10}, {"id": "c", "v": 10},
        {"id": "d", "z": 0}, {"id": "e"}]})";
constexpr std::string_view after =
    R"({"primary_metric": 8, "materialized_data": {"m": 5}, "primary_rows": [
        {"id": "e"}, {"id": "a", "v": 110, "w": 15}, {"id": "b", "v": 13}, {"id": "c", "v": 10},
        {"id": "d", "z": 1}, {"id": "f"}]})";

TEST(Reach, OfACountIsWhatWasFoundByTheLimit) {
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"top_n_reordering": 2})"), 3.0);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"top_n_moved": 2})"), 0.5);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"rank_delta": 3})"), 4.0 / 3);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"rank_delta": 3, "direction": "down"})"), 1.0 / 3);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"set_added_min": 1})"), 1);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"set_removed_min": 1})"), 0);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"field_changed": "v"})"), 2);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"field_changed": "v", "min_rows": 4})"), 0.5);
}

TEST(Reach, OfAValueRuleIsThatOfItsLastRow) {
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"value_delta_pct": 0.1, "on_field": "v"})"), 3);
    EXPECT_DOUBLE_EQ(
        reach_of(before, after, R"({"value_delta_pct": 0.1, "on_field": "v", "min_rows": 2})"), 1);
    EXPECT_DOUBLE_EQ(
        reach_of(before, after, R"({"value_delta_pct": 0.1, "on_field": "v", "min_rows": 3})"), 0);
    // Row d comes from zero, row a has 0.5 as the larger of its two.
    EXPECT_EQ(reach_of(before, after, R"({"value_delta_pct": 0.1})"), infinity);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"value_delta_pct": 0.1, "min_rows": 2})"), 5);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"value_delta_pct": 0.1, "min_rows": 3})"), 3);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"value_delta": 4})"), 2.5);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"value_delta": 4, "ids": ["d"]})"), 0.25);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"value_delta": 4, "direction": "down"})"), 0);
}

TEST(Reach, OfAFigureIsItsChangeByTheLimit) {
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"primary_metric_delta": 4})"), 0.5);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"primary_metric_delta_pct": 0.1})"), 2);
    EXPECT_DOUBLE_EQ(
        reach_of(before, after, R"({"primary_metric_delta_pct": 0.1, "direction": "up"})"), 0);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"primary_metric_delta_pct": 0.1, "min_abs": 3})"),
                     0);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"metric_delta": 2, "on_metric": "m"})"), 2.5);
    EXPECT_EQ(reach_of(before, after, R"({"metric_delta_pct": 2, "on_metric": "m"})"), infinity);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"metric_delta": 2, "on_metric": "none"})"), 0);
    EXPECT_DOUBLE_EQ(reach_of("[]", "[]", R"({"primary_metric_delta": 4})"), 0);
}

TEST(Reach, OfATreeIsTheLeastOrTheLargest) {
    const std::string three = R"({"top_n_reordering": 2})";
    const std::string two = R"({"field_changed": "v"})";
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"AND": [)" + three + ", " + two + "]}"), 2);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"OR": [)" + three + ", " + two + "]}"), 3);
    const std::string holds = R"({"NOT": {"set_removed_min": 1}})";
    const std::string fails = R"({"NOT": {"set_added_min": 1}})";
    EXPECT_EQ(reach_of(before, after, holds), infinity);
    EXPECT_DOUBLE_EQ(reach_of(before, after, fails), 0);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"AND": [)" + holds + ", " + two + "]}"), 2);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"AND": [)" + fails + ", " + two + "]}"), 0);
    EXPECT_DOUBLE_EQ(reach_of(before, after, R"({"OR": [)" + fails + ", " + two + "]}"), 2);
    EXPECT_DOUBLE_EQ(reach_of("[]", "[]", R"({"NOT": {"primary_metric_delta": 1}})"), 0);
}

TEST(Reach, TakesNumbersOfAnySize) {
    const auto row = [](std::string_view v) {
        return R"([{"id": 1, "v": )" + std::string(v) + "}]";
    };
    EXPECT_NEAR(reach_of(row("1e1000"), row("3e1000"), R"({"value_delta_pct": 0.5})"), 4, 1e-12);
    EXPECT_NEAR(reach_of(row("1e1000"), row("3e1000"), R"({"value_delta": 1e1000})"), 2, 1e-12);
    EXPECT_NEAR(reach_of(row("1e-400"), row("3e-400"), R"({"value_delta": 1e-400})"), 2, 1e-12);
    EXPECT_NEAR(reach_of(row("123456789012345678901234567890"),
                         row("123456789012345678901234567899"), R"({"value_delta": 3})"),
                3, 1e-12);
}

TEST(ScaleLimits, WritesARoundLimitWhereThereIsOne) {
    EXPECT_EQ(
        scaled(R"({"value_delta_pct": 0.05, "on_field": "v", "direction": "up"})", 1.974, 2.1),
        R"({"on_field": "v", "direction": "up", "value_delta_pct": 0.1})");
    EXPECT_EQ(scaled(R"({"value_delta_pct": 0.0329})", 2.9, 3.2), R"({"value_delta_pct": 0.1})");
    EXPECT_EQ(scaled(R"({"value_delta": 1e1000})", 0.9, 1.2),
              R"({"value_delta": 1)" + std::string(1000, '0') + "}");
    EXPECT_EQ(scaled(R"({"primary_metric_delta": 300})", 3, 4),
              R"({"primary_metric_delta": 1000})");
    EXPECT_EQ(scaled(R"({"set_added_min": 3})", 1, 15), R"({"set_added_min": 10})");
    EXPECT_EQ(scaled(R"({"set_added_min": 3})", 0.1, 0.2), R"({"set_added_min": 1})");
    EXPECT_EQ(scaled(R"({"top_n_moved": 3, "top_n": 5})", 1, 1.34),
              R"({"top_n": 5, "top_n_moved": 4})");
}

TEST(ScaleLimits, TakesTheRowsOfAChangedFieldAsItsLimit) {
    EXPECT_EQ(scaled(R"({"field_changed": "s"})", 3, 4),
              R"({"min_rows": 4, "field_changed": "s"})");
    EXPECT_EQ(scaled(R"({"field_changed": "s", "min_rows": 2, "to": "x"})", 1, 3),
              R"({"to": "x", "min_rows": 5, "field_changed": "s"})");
    EXPECT_EQ(scaled(R"({"value_delta": 1, "min_rows": 2})", 1, 2),
              R"({"min_rows": 2, "value_delta": 2})");
}

TEST(ScaleLimits, SharesARoundFactorAmongSeveral) {
    EXPECT_EQ(scaled(R"({"AND": [{"value_delta_pct": 0.15}, {"set_added_min": 3}]})", 1.3, 1.7),
              R"({"AND": [{"value_delta_pct": 0.225}, {"set_added_min": 5}]})");
    EXPECT_EQ(scaled(R"({"OR": [{"value_delta": 0.123456789012345678901234567890},
                                {"field_changed": "s"}]})",
                     1.5, 2.4),
              R"({"OR": [{"value_delta": 0.24691357802469135780246913578}, )"
              R"({"min_rows": 2, "field_changed": "s"}]})");
}

TEST(ScaleLimits, LeavesAloneWhatIsNegated) {
    EXPECT_EQ(scaled(R"({"AND": [{"NOT": {"OR": [{"value_delta": 7}, {"set_added_min": 1}]}},
                                 {"value_delta_pct": 0.07}]})",
                     1.2, 2),
              R"({"AND": [{"NOT": {"OR": [{"value_delta": 7}, {"set_added_min": 1}]}}, )"
              R"({"value_delta_pct": 0.1}]})");
}

TEST(ScaleLimits, TakesOpenIntervals) {
    EXPECT_EQ(scaled(R"({"value_delta": 3})", 1, infinity), R"({"value_delta": 5})");
    EXPECT_EQ(scaled(R"({"value_delta": 3.3})", 0, infinity), R"({"value_delta": 3.3})");
    EXPECT_EQ(scaled(R"({"value_delta": 3.7})", 0, 0.1), R"({"value_delta": 0.2})");
    EXPECT_EQ(scaled(R"({"set_added_min": 3})", 2, infinity), R"({"set_added_min": 10})");
}

TEST(HasTunableLimit, LooksOutsideNot) {
    EXPECT_TRUE(tunable(R"({"set_added_min": 1})"));
    EXPECT_TRUE(tunable(R"({"field_changed": "s"})"));
    EXPECT_FALSE(tunable(R"({"NOT": {"set_added_min": 1}})"));
    EXPECT_FALSE(tunable(R"({"AND": [{"NOT": {"OR": [{"set_added_min": 1}, {"NOT":
                            {"value_delta": 1}}]}}, {"NOT": {"rank_delta": 1}}]})"));
    EXPECT_TRUE(
        tunable(R"({"AND": [{"NOT": {"OR": [{"set_added_min": 1}]}}, {"rank_delta": 1}]})"));
}

// Whether the scaled threshold holds.
Truth scaled_truth(const Threshold& threshold, double above, double up_to, const Diff& diff) {
    const Document document(scale_limits(threshold, above, up_to, runtime));
    return Threshold::read(document.root(), runtime).judge(diff, runtime);
}

TEST(TuningProperty, AThresholdHoldsUpToItsReach) {
    Random random(51);
    int finite = 0;
    for (int i = 0; i < 3000 && !::testing::Test::HasFailure(); ++i) {
        const ModelSnapshot old_state = random.snapshot();
        const ModelSnapshot new_state = random.changed(old_state);
        const int top_n = 1 + static_cast<int>(random.below(8));
        const Comparison comparison(old_state.json(), new_state.json(),
                                    static_cast<std::uint32_t>(top_n));
        const Diff& diff = comparison.diff();
        const ModelRule rule =
            random_rule(random, old_state, new_state, top_n, static_cast<int>(random.below(4)));
        SCOPED_TRACE(rule.json + "\n" + comparison.document().text());
        const Document document(rule.json);
        const Threshold threshold = Threshold::read(document.root(), runtime);
        const double found = reach(threshold, diff, runtime);
        EXPECT_EQ(found > 1 - 1e-12, rule.truth == Truth::yes) << found;
        if (!has_tunable_limit(threshold))
            continue;
        if (found == 0) {
            EXPECT_NE(scaled_truth(threshold, 1e-9, 1e-8, diff), Truth::yes);
        } else if (std::isinf(found)) {
            EXPECT_EQ(scaled_truth(threshold, 1000, infinity, diff), Truth::yes);
        } else {
            // A double cannot tell a reach of many digits from a round number right beside it.
            const double below = found * (1 - 1e-11);
            const double above = found * (1 + 1e-11);
            ++finite;
            EXPECT_EQ(scaled_truth(threshold, found * 0.9, below, diff), Truth::yes) << found;
            EXPECT_EQ(scaled_truth(threshold, found * 0.9999, below, diff), Truth::yes) << found;
            EXPECT_NE(scaled_truth(threshold, above, found * 1.1, diff), Truth::yes) << found;
            EXPECT_NE(scaled_truth(threshold, above, found * 1.001, diff), Truth::yes) << found;
        }
    }
    EXPECT_GT(finite, 500);
}

} // namespace
} // namespace dashboard_diff::testing
