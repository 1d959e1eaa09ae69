// When the operators of a threshold hold.

#include "core/threshold.h"

#include <gtest/gtest.h>

#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

// One row with one field "v".
std::string row(std::string_view value) {
    return R"([{"id": 1, "v": )" + std::string(value) + "}]";
}

Truth value_rule(std::string_view before, std::string_view after, std::string_view modifiers) {
    return meets(row(before), row(after), "{" + std::string(modifiers) + "}");
}

// Rows of these one-letter ids.
std::string placed(std::string_view ids) {
    return "[" +
           joined(ids.size(),
                  [&](std::size_t i) { return R"({"id": ")" + std::string(1, ids[i]) + "\"}"; }) +
           "]";
}

std::string with_metric(std::string_view value) {
    return R"({"primary_rows": [], "primary_metric": )" + std::string(value) + "}";
}

Truth metric_rule(std::string_view before, std::string_view after, std::string_view modifiers) {
    return meets(with_metric(before), with_metric(after), "{" + std::string(modifiers) + "}");
}

constexpr Truth yes = Truth::yes;
constexpr Truth no = Truth::no;
constexpr Truth unknown = Truth::unknown;

TEST(TopNReordering, CountsTheIdsOfEitherTopThatHaveAnotherRank) {
    EXPECT_EQ(meets(placed("abc"), placed("bac"), R"({"top_n_reordering": 2})"), yes);
    EXPECT_EQ(meets(placed("abc"), placed("bac"), R"({"top_n_reordering": 3})"), no);
    EXPECT_EQ(meets(placed("abc"), placed("abc"), R"({"top_n_reordering": 1})"), no);
    EXPECT_EQ(meets("[]", "[]", R"({"top_n_reordering": 1})"), no);
}

TEST(TopNReordering, CountsEnteringAndLeaving) {
    EXPECT_EQ(meets(placed("abc"), placed("abd"), R"({"top_n_reordering": 2})"), yes);
    EXPECT_EQ(meets(placed("abc"), placed("ab"), R"({"top_n_reordering": 1})"), yes);
    EXPECT_EQ(meets(placed("abc"), placed("ab"), R"({"top_n_reordering": 2})"), no);
}

TEST(TopNReordering, LooksOnlyAtItsOwnTopN) {
    // c and d change places: in the top 3 of either side, not in the top 2.
    const auto rule = [](std::string_view n) {
        return meets(placed("abcd"), placed("abdc"),
                     R"({"top_n_reordering": 1, "top_n": )" + std::string(n) + "}");
    };
    EXPECT_EQ(rule("2"), no);
    EXPECT_EQ(rule("3"), yes);
    EXPECT_EQ(meets(placed("abcd"), placed("abdc"), R"({"top_n_reordering": 2, "top_n": 3})"),
              yes); // c left the top 3
    EXPECT_EQ(meets(placed("abcd"), placed("abdc"), R"({"top_n_reordering": 3, "top_n": 3})"), no);
}

TEST(TopNReordering, AnIdFarBelowCountsWhenItComesIn) {
    EXPECT_EQ(
        meets(placed("abcdefgh"), placed("habcdefg"), R"({"top_n_reordering": 2, "top_n": 1})"),
        yes);
    EXPECT_EQ(
        meets(placed("abcdefgh"), placed("habcdefg"), R"({"top_n_reordering": 3, "top_n": 1})"),
        no);
}

TEST(TopNReordering, ALargerTopNThanTheDiffHoldsIsAnError) {
    const Caught caught = error_of([] {
        meets("[]", "[]",
              R"({"AND": [{"set_added_min": 1}, {"top_n_reordering": 1, "top_n": 20}]})");
    });
    EXPECT_EQ(caught.code, ErrorCode::invalid_parameter);
    EXPECT_EQ(caught.message, "threshold looks at a larger top_n than the diff holds");
    EXPECT_EQ(caught.detail,
              "at $.AND[1].top_n_reordering: looks at the top 20, the diff holds the top 10.");
    EXPECT_EQ(caught.hint, "Call dashboard_diff(before, after, top_n => 20).");
    EXPECT_EQ(meets("[]", "[]", R"({"top_n_reordering": 1, "top_n": 20})", 20), no);
}

TEST(TopNReordering, TheFirstOfTheLargestTopNsIsNamed) {
    const Caught caught = error_of([] {
        meets("[]", "[]", R"({"OR": [{"top_n_reordering": 1, "top_n": 12},
            {"NOT": {"top_n_reordering": 1, "top_n": 30}}, {"top_n_reordering": 1, "top_n": 30}]})");
    });
    EXPECT_EQ(caught.detail,
              "at $.OR[1].NOT.top_n_reordering: looks at the top 30, the diff holds the top 10.");
}

TEST(TopNReordering, ItsDefaultOfTenNeedsADiffOfTen) {
    EXPECT_EQ(error_of([] { meets("[]", "[]", R"({"top_n_reordering": 1})", 5); }).hint,
              "Call dashboard_diff(before, after, top_n => 10).");
    EXPECT_EQ(meets("[]", "[]", R"({"set_added_min": 1})", 5), no);
    EXPECT_EQ(meets("[]", "[]", R"({"top_n_reordering": 1, "top_n": 1})", 1), no);
}

TEST(ValueDeltaPct, IncludesTheLimitAndIsExact) {
    EXPECT_EQ(value_rule("3.0", "3.3", R"("value_delta_pct": 0.10)"), yes);
    EXPECT_EQ(value_rule("3.0", "3.29999999999999999999999", R"("value_delta_pct": 0.10)"), no);
    EXPECT_EQ(value_rule("3.0", "3.30000000000000000000001", R"("value_delta_pct": 0.10)"), yes);
    EXPECT_EQ(value_rule("0.1", "0.3", R"("value_delta_pct": 2)"), yes);
    EXPECT_EQ(value_rule("0.1", "0.3", R"("value_delta_pct": 2.0000000000000000000001)"), no);
    EXPECT_EQ(value_rule("1", "1.0000001", R"("value_delta_pct": 0.0000001)"), yes);
    EXPECT_EQ(value_rule("1", "1.0000001", R"("value_delta_pct": 0.00000011)"), no);
    EXPECT_EQ(value_rule("1e1000", "1.1e1000", R"("value_delta_pct": 0.1)"), yes);
    EXPECT_EQ(value_rule("1e1000", "1.0999e1000", R"("value_delta_pct": 0.1)"), no);
}

TEST(ValueDeltaPct, IgnoresSignsWithoutADirection) {
    EXPECT_EQ(value_rule("10", "9", R"("value_delta_pct": 0.1)"), yes);
    EXPECT_EQ(value_rule("-10", "-11", R"("value_delta_pct": 0.1)"), yes);
    EXPECT_EQ(value_rule("-10", "-9", R"("value_delta_pct": 0.1)"), yes);
    EXPECT_EQ(value_rule("-10", "-9.1", R"("value_delta_pct": 0.1)"), no);
    EXPECT_EQ(value_rule("10", "9", R"("value_delta_pct": 0.1, "direction": "any")"), yes);
}

TEST(ValueDeltaPct, DirectionTellsUpFromDown) {
    EXPECT_EQ(value_rule("10", "11", R"("value_delta_pct": 0.1, "direction": "up")"), yes);
    EXPECT_EQ(value_rule("10", "11", R"("value_delta_pct": 0.1, "direction": "down")"), no);
    EXPECT_EQ(value_rule("10", "9", R"("value_delta_pct": 0.1, "direction": "up")"), no);
    EXPECT_EQ(value_rule("10", "9", R"("value_delta_pct": 0.1, "direction": "down")"), yes);
    // Up is up, whatever the sign of the old number.
    EXPECT_EQ(value_rule("-10", "-9", R"("value_delta_pct": 0.1, "direction": "up")"), yes);
    EXPECT_EQ(value_rule("-10", "-11", R"("value_delta_pct": 0.1, "direction": "up")"), no);
}

TEST(ValueDeltaPct, AnythingElseThanZeroIsMoreThanAnyShareOfZero) {
    EXPECT_EQ(value_rule("0", "0.000001", R"("value_delta_pct": 1e100)"), yes);
    EXPECT_EQ(value_rule("0.00", "-1", R"("value_delta_pct": 5)"), yes);
    EXPECT_EQ(value_rule("0", "0.00", R"("value_delta_pct": 0.1)"), no);
    EXPECT_EQ(value_rule("0", "1", R"("value_delta_pct": 1, "direction": "down")"), no);
    EXPECT_EQ(value_rule("0", "1", R"("value_delta_pct": 1, "min_abs": 2)"), no);
    EXPECT_EQ(value_rule("5", "0", R"("value_delta_pct": 1)"), yes);
    EXPECT_EQ(value_rule("5", "0", R"("value_delta_pct": 1.01)"), no);
}

TEST(ValueDeltaPct, MinAbsIsAFloorOnTheSizeOfTheDifference) {
    EXPECT_EQ(value_rule("1", "2", R"("value_delta_pct": 0.1, "min_abs": 1)"), yes);
    EXPECT_EQ(value_rule("1", "2", R"("value_delta_pct": 0.1, "min_abs": 1.0000001)"), no);
    EXPECT_EQ(value_rule("2", "1", R"("value_delta_pct": 0.1, "min_abs": 1)"), yes);
    EXPECT_EQ(value_rule("1", "2", R"("value_delta_pct": 0.1, "min_abs": 0)"), yes);
}

TEST(ValueDeltaPct, OnFieldLooksAtOneFieldOnly) {
    const std::string before = R"([{"id": 1, "a": 1, "b": 1, "t": "x"}])";
    const std::string after = R"([{"id": 1, "a": 2, "b": 1, "t": "y"}])";
    EXPECT_EQ(meets(before, after, R"({"value_delta_pct": 1, "on_field": "a"})"), yes);
    EXPECT_EQ(meets(before, after, R"({"value_delta_pct": 1, "on_field": "b"})"), no);
    EXPECT_EQ(meets(before, after, R"({"value_delta_pct": 1, "on_field": "t"})"), no);
    EXPECT_EQ(meets(before, after, R"({"value_delta_pct": 1, "on_field": "none"})"), no);
    EXPECT_EQ(meets(before, after, R"({"value_delta_pct": 1})"), yes);
}

TEST(ValueDeltaPct, MinRowsCountsRowsNotFields) {
    const std::string before =
        R"([{"id": 1, "a": 1, "b": 1}, {"id": 2, "a": 1}, {"id": 3, "a": 1}])";
    const std::string after =
        R"([{"id": 1, "a": 2, "b": 2}, {"id": 2, "a": 2}, {"id": 3, "a": 1}])";
    EXPECT_EQ(meets(before, after, R"({"value_delta_pct": 1, "min_rows": 1})"), yes);
    EXPECT_EQ(meets(before, after, R"({"value_delta_pct": 1, "min_rows": 2})"), yes);
    EXPECT_EQ(meets(before, after, R"({"value_delta_pct": 1, "min_rows": 3})"), no);
    EXPECT_EQ(meets(before, after, R"({"value_delta_pct": 1, "min_rows": 2, "on_field": "b"})"),
              no);
}

TEST(ValueDeltaPct, IdsNamesTheRowsThatCount) {
    const std::string before = R"([{"id": 1, "v": 1}, {"id": "a", "v": 1}, {"id": "1", "v": 1}])";
    const std::string after = R"([{"id": 1, "v": 2}, {"id": "a", "v": 1}, {"id": "1", "v": 1}])";
    EXPECT_EQ(meets(before, after, R"({"value_delta_pct": 1, "ids": [1]})"), yes);
    EXPECT_EQ(meets(before, after, R"({"value_delta_pct": 1, "ids": [1.00, 1]})"), yes);
    EXPECT_EQ(meets(before, after, R"({"value_delta_pct": 1, "ids": ["1", "a"]})"), no);
    EXPECT_EQ(meets(before, after, R"({"value_delta_pct": 1, "ids": ["zz", "a", 1]})"), yes);
    EXPECT_EQ(meets(before, after, R"({"value_delta_pct": 1, "ids": ["zz"]})"), no);
}

TEST(ValueDeltaPct, CountsNeitherNewRowsNorTypeChanges) {
    EXPECT_EQ(meets("[]", row("5"), R"({"value_delta_pct": 0.1})"), no);
    EXPECT_EQ(meets(row("5"), "[]", R"({"value_delta_pct": 0.1})"), no);
    EXPECT_EQ(meets(row("5"), row("\"50\""), R"({"value_delta_pct": 0.1})"), no);
    EXPECT_EQ(meets(row("null"), row("5"), R"({"value_delta_pct": 0.1})"), no);
}

TEST(SetAddedMin, CountsTheIdsThatCame) {
    EXPECT_EQ(meets(placed("ab"), placed("abcd"), R"({"set_added_min": 2})"), yes);
    EXPECT_EQ(meets(placed("ab"), placed("abcd"), R"({"set_added_min": 3})"), no);
    EXPECT_EQ(meets(placed("ab"), placed("a"), R"({"set_added_min": 1})"), no);
    EXPECT_EQ(meets("[]", "[]", R"({"set_added_min": 1})"), no);
}

TEST(SetRemovedMin, CountsTheIdsThatWent) {
    EXPECT_EQ(meets(placed("abcd"), placed("ab"), R"({"set_removed_min": 2})"), yes);
    EXPECT_EQ(meets(placed("abcd"), placed("ab"), R"({"set_removed_min": 3})"), no);
    EXPECT_EQ(meets(placed("ab"), placed("abc"), R"({"set_removed_min": 1})"), no);
}

TEST(PrimaryMetricDeltaPct, IncludesTheLimitAndIsExact) {
    EXPECT_EQ(metric_rule("3.0", "3.3", R"("primary_metric_delta_pct": 0.1)"), yes);
    EXPECT_EQ(metric_rule("3.0", "3.2999999999999999999", R"("primary_metric_delta_pct": 0.1)"),
              no);
    EXPECT_EQ(metric_rule("-3.0", "-3.3", R"("primary_metric_delta_pct": 0.1)"), yes);
    EXPECT_EQ(metric_rule("5", "5.0", R"("primary_metric_delta_pct": 0.1)"), no);
    EXPECT_EQ(metric_rule("0", "0.0", R"("primary_metric_delta_pct": 0.1)"), no);
    EXPECT_EQ(metric_rule("0", "-0.1", R"("primary_metric_delta_pct": 100)"), yes);
}

TEST(PrimaryMetricDeltaPct, TakesADirectionAndAFloor) {
    EXPECT_EQ(metric_rule("10", "20", R"("primary_metric_delta_pct": 1, "direction": "up")"), yes);
    EXPECT_EQ(metric_rule("10", "20", R"("primary_metric_delta_pct": 1, "direction": "down")"), no);
    EXPECT_EQ(metric_rule("20", "0", R"("primary_metric_delta_pct": 1, "direction": "down")"), yes);
    EXPECT_EQ(metric_rule("10", "20", R"("primary_metric_delta_pct": 1, "min_abs": 10)"), yes);
    EXPECT_EQ(metric_rule("10", "20", R"("primary_metric_delta_pct": 1, "min_abs": 10.1)"), no);
}

TEST(PrimaryMetricDeltaPct, IsUnknownWhereEitherSideHasNone) {
    EXPECT_EQ(meets("[]", "[]", R"({"primary_metric_delta_pct": 0.1})"), unknown);
    EXPECT_EQ(meets(with_metric("1"), "[]", R"({"primary_metric_delta_pct": 0.1})"), unknown);
    EXPECT_EQ(meets("[]", with_metric("1"), R"({"primary_metric_delta_pct": 0.1})"), unknown);
}

TEST(Logic, IsThatOfSql) {
    // The three values of a rule, in a comparison without a metric where one id came.
    const std::string t = R"({"set_added_min": 1})";
    const std::string f = R"({"set_removed_min": 1})";
    const std::string u = R"({"primary_metric_delta_pct": 1})";
    const auto said = [](std::string_view rule) { return meets("[]", placed("a"), rule); };
    const auto both = [&](std::string_view op, const std::string& a, const std::string& b) {
        return said("{\"" + std::string(op) + "\": [" + a + ", " + b + "]}");
    };
    struct Line {
        const std::string& a;
        const std::string& b;
        Truth conjunction;
        Truth disjunction;
    };
    const Line table[] = {{t, t, yes, yes},     {t, f, no, yes},     {t, u, unknown, yes},
                          {f, t, no, yes},      {f, f, no, no},      {f, u, no, unknown},
                          {u, t, unknown, yes}, {u, f, no, unknown}, {u, u, unknown, unknown}};
    for (const Line& line : table) {
        EXPECT_EQ(both("AND", line.a, line.b), line.conjunction) << line.a << line.b;
        EXPECT_EQ(both("OR", line.a, line.b), line.disjunction) << line.a << line.b;
    }
    EXPECT_EQ(said(R"({"NOT": )" + t + "}"), no);
    EXPECT_EQ(said(R"({"NOT": )" + f + "}"), yes);
    EXPECT_EQ(said(R"({"NOT": )" + u + "}"), unknown);
    EXPECT_EQ(said(R"({"AND": [)" + t + "]}"), yes);
    EXPECT_EQ(said(R"({"OR": [)" + u + "]}"), unknown);
}

TEST(Logic, GoesOnBehindAnUnknownChild) {
    const std::string rules = R"([{"primary_metric_delta_pct": 1}, {"set_added_min": 1},
                                  {"set_removed_min": 1}])";
    EXPECT_EQ(meets("[]", placed("a"), R"({"AND": )" + rules + "}"), no);
    EXPECT_EQ(meets("[]", placed("a"), R"({"OR": )" + rules + "}"), yes);
}

TEST(Logic, OfATreeSkipsDecidedBranchesOnly) {
    const auto nested = [](std::string_view first) {
        return R"({"OR": [{"AND": [)" + std::string(first) +
               R"(, {"NOT": {"set_removed_min": 1}}]}, {"AND": [{"set_added_min": 9},
                 {"set_added_min": 1}]}]})";
    };
    EXPECT_EQ(meets("[]", placed("a"), nested(R"({"set_added_min": 1})")), yes);
    EXPECT_EQ(meets("[]", placed("a"), nested(R"({"set_added_min": 2})")), no);
    EXPECT_EQ(meets("[]", placed("a"), nested(R"({"primary_metric_delta_pct": 2})")), unknown);
}

} // namespace
} // namespace dashboard_diff::testing
