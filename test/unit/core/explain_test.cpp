// The shapes of explanations.

#include <gtest/gtest.h>

#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

// Rows 0 ... n - 1 with one field "v".
std::string rows(std::size_t n, std::string_view value) {
    return "[" +
           joined(n,
                  [&](std::size_t i) {
                      return "{\"id\": " + std::to_string(i) + ", \"v\": " + std::string(value) +
                             "}";
                  }) +
           "]";
}

std::string metric(std::string_view value) {
    return R"({"primary_rows": [], "primary_metric": )" + std::string(value) + "}";
}

// One member of the explanation.
std::string explained(std::string_view key, std::string_view before, std::string_view after,
                      std::string_view threshold) {
    const Document explanation(explanation_text(before, after, threshold));
    return member_text(explanation.root(), key);
}

TEST(Explanation, OfAReorderingHasTheRanks) {
    EXPECT_EQ(explanation_text(R"([{"id": "a"}, {"id": "b"}])", R"([{"id": "b"}, {"id": "a"}])",
                               R"({"top_n_reordering": 3})"),
              R"({"rows": [{"id": "b", "to": 1, "from": 2}, {"id": "a", "to": 2, "from": 1}], )"
              R"("result": false, "matched": 2, "measured": 2, "top_n_reordering": 3})");
}

TEST(Explanation, OfAReorderingLooksAtTheTopNOfTheRule) {
    EXPECT_EQ(explanation_text(R"([{"id": "a"}, {"id": "b"}, {"id": "c"}])",
                               R"([{"id": "a"}, {"id": "c"}, {"id": "b"}])",
                               R"({"top_n_reordering": 1, "top_n": 1})"),
              R"({"rows": [], "top_n": 1, "result": false, "matched": 0, "measured": 0, )"
              R"("top_n_reordering": 1})");
}

TEST(Explanation, OfAValueRuleHasTheChangesAndTheLargestShare) {
    EXPECT_EQ(explanation_text(R"([{"id": "x", "v": 10, "w": 1}, {"id": "y", "v": 10}])",
                               R"([{"id": "x", "v": 5, "w": 1}, {"id": "y", "v": 11}])",
                               R"({"value_delta_pct": 0.2, "on_field": "v"})"),
              R"({"rows": [{"id": "x", "new": 5, "old": 10, "delta": -5, "field": "v", )"
              R"("delta_pct": -0.5}], "result": true, "matched": 1, "measured": -0.5, )"
              R"("on_field": "v", "value_delta_pct": 0.2})");
}

TEST(Explanation, MeasuresTheLargestShareEvenWhereItIsTooSmall) {
    EXPECT_EQ(explanation_text(rows(2, "10"), R"([{"id": 0, "v": 11}, {"id": 1, "v": 12}])",
                               R"({"value_delta_pct": 0.5})"),
              R"({"rows": [], "result": false, "matched": 0, "measured": 0.2, )"
              R"("value_delta_pct": 0.5})");
}

TEST(Explanation, HasNoMeasureWhereNothingWasMeasured) {
    EXPECT_EQ(explanation_text("[]", "[]", R"({"value_delta_pct": 0.5})"),
              R"({"rows": [], "result": false, "matched": 0, "measured": null, )"
              R"("value_delta_pct": 0.5})");
    EXPECT_EQ(explained("measured", rows(1, "0"), rows(1, "5"), R"({"value_delta_pct": 1})"),
              "null");
}

TEST(Explanation, CountsRowsNotFields) {
    const std::string before = R"([{"id": 1, "a": 1, "b": 1}, {"id": 2, "a": 1}])";
    const std::string after = R"([{"id": 1, "a": 2, "b": 2}, {"id": 2, "a": 2}])";
    EXPECT_EQ(explained("matched", before, after, R"({"value_delta_pct": 1})"), "2");
    const Document explanation(explanation_text(before, after, R"({"value_delta_pct": 1})"));
    EXPECT_EQ(Container(find_member(explanation.root(), "rows").data).count(), 3U);
}

TEST(Explanation, HasAtMostTenRowsAndCountsThemAll) {
    const Document explanation(
        explanation_text(rows(100, "1"), rows(100, "2"), R"({"value_delta_pct": 1})"));
    EXPECT_EQ(Container(find_member(explanation.root(), "rows").data).count(), 10U);
    EXPECT_EQ(member_text(explanation.root(), "matched"), "100");
    const Document added(explanation_text("[]", rows(100, "1"), R"({"set_added_min": 1})"));
    EXPECT_EQ(Container(find_member(added.root(), "rows").data).count(), 10U);
    EXPECT_EQ(member_text(added.root(), "matched"), "100");
}

TEST(Explanation, HasTheStrongestRowsFirst) {
    // Row i changes by i percent up or down; row 15 changes from zero, which is more than any
    // share.
    const auto value = [](std::size_t i, bool after) {
        const int up = i % 2 == 0 ? static_cast<int>(i) : -static_cast<int>(i);
        const int number = i == 15 ? (after ? 1 : 0) : after ? 100 + up : 100;
        return "{\"id\": " + std::to_string(i) + ", \"v\": " + std::to_string(number) + "}";
    };
    const auto snapshot = [&](bool after) {
        return "[" + joined(20, [&](std::size_t i) { return value(i, after); }) + "]";
    };
    const Document explanation(
        explanation_text(snapshot(false), snapshot(true), R"({"value_delta_pct": 0.01})"));
    std::string ids;
    Cursor found = Cursor::elements(Container(find_member(explanation.root(), "rows").data));
    for (Value entry; found.next(entry);)
        ids += member_text(entry, "id") + " ";
    EXPECT_EQ(ids, "15 19 18 17 16 14 13 12 11 10 ");
    EXPECT_EQ(member_text(explanation.root(), "measured"), "-0.19");
}

TEST(Explanation, OfASetRuleHasTheIds) {
    EXPECT_EQ(explanation_text("[]", R"([{"id": "x"}, {"id": 2.50}])", R"({"set_added_min": 2})"),
              R"({"rows": [{"id": "x"}, {"id": 2.50}], "result": true, "matched": 2, )"
              R"("measured": 2, "set_added_min": 2})");
    EXPECT_EQ(explanation_text(R"([{"id": "x"}])", "[]", R"({"set_removed_min": 2})"),
              R"({"rows": [{"id": "x"}], "result": false, "matched": 1, "measured": 1, )"
              R"("set_removed_min": 2})");
}

TEST(Explanation, OfTheMetricHasItsShare) {
    EXPECT_EQ(explanation_text(metric("10"), metric("12"),
                               R"({"primary_metric_delta_pct": 0.1, "direction": "down"})"),
              R"({"result": false, "measured": 0.2, "direction": "down", )"
              R"("primary_metric_delta_pct": 0.1})");
    EXPECT_EQ(explanation_text(metric("0"), metric("12"), R"({"primary_metric_delta_pct": 0.1})"),
              R"({"result": true, "measured": null, "primary_metric_delta_pct": 0.1})");
}

TEST(Explanation, OfAnUnknownRuleHasTheResultNull) {
    EXPECT_EQ(explanation_text("[]", "[]", R"({"primary_metric_delta_pct": 0.1})"),
              R"({"result": null, "measured": null, "primary_metric_delta_pct": 0.1})");
    EXPECT_EQ(explained("result", "[]", "[]", R"({"NOT": {"primary_metric_delta_pct": 0.1}})"),
              "null");
}

TEST(Explanation, OfACombinationIsTheSameTreeWithResults) {
    EXPECT_EQ(explanation_text("[]", R"([{"id": 1}])",
                               R"({"OR": [{"set_added_min": 1}, {"NOT": {"set_removed_min": 1}},
                                          {"AND": [{"primary_metric_delta_pct": 1}]}]})"),
              R"({"OR": [{"rows": [{"id": 1}], "result": true, "matched": 1, "measured": 1, )"
              R"("set_added_min": 1}, {"NOT": {"rows": [], "result": false, "matched": 0, )"
              R"("measured": 0, "set_removed_min": 1}, "result": true}, )"
              R"({"AND": [{"result": null, "measured": null, "primary_metric_delta_pct": 1}], )"
              R"("result": null}], "result": true})");
}

TEST(Explanation, KeepsTheModifiersAsTheyWereWritten) {
    EXPECT_EQ(explanation_text("[]", "[]",
                               R"({"value_delta_pct": 0.10, "ids": ["a", 1.0], "min_abs": 0.50,
                                   "min_rows": 2, "direction": "up", "on_field": "é"})"),
              R"({"ids": ["a", 1.0], "rows": [], "result": false, "matched": 0, "min_abs": 0.50, )"
              R"("measured": null, "min_rows": 2, "on_field": "é", "direction": "up", )"
              R"("value_delta_pct": 0.10})");
}

TEST(Explanation, RefusesATopNThatTheDiffDoesNotHold) {
    EXPECT_EQ(error_of([] {
                  explanation_text("[]", "[]", R"({"top_n_reordering": 1, "top_n": 11})");
              }).hint,
              "Call dashboard_diff(before, after, top_n => 11).");
}

} // namespace
} // namespace dashboard_diff::testing
