// What a diff says of figures and of the row sources beside the primary one.

#include <gtest/gtest.h>

#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

std::string with_metric(std::string_view value) {
    return R"({"primary_rows": [], "primary_metric": )" + std::string(value) + "}";
}

std::string with_data(std::string_view data) {
    return R"({"primary_rows": [{"id": 1}], "materialized_data": )" + std::string(data) + "}";
}

std::string metric(std::string_view before, std::string_view after) {
    const Document diff = Comparison(with_metric(before), with_metric(after)).document();
    return member_text(diff.root(), "primary_metric") + " " +
           member_text(diff.root(), "primary_metric_delta_pct");
}

std::string metrics(std::string_view before, std::string_view after) {
    return diff_member("metric_deltas", with_data(before), with_data(after));
}

std::string sources(std::string_view before, std::string_view after) {
    return diff_member("sources", with_data(before), with_data(after));
}

TEST(PrimaryMetric, HasOldNewAndDelta) {
    EXPECT_EQ(metric("12.5", "15"), R"({"new": 15, "old": 12.5, "delta": 2.5} 0.2)");
    EXPECT_EQ(metric("-4", "-5"), R"({"new": -5, "old": -4, "delta": -1} -0.25)");
    EXPECT_EQ(metric("3", "4"), R"({"new": 4, "old": 3, "delta": 1} 0.333333)");
}

TEST(PrimaryMetric, ThatStaysIsStillTold) {
    EXPECT_EQ(metric("5", "5.0"), R"({"new": 5.0, "old": 5, "delta": 0.0} 0)");
}

TEST(PrimaryMetric, HasNoShareFromZero) {
    EXPECT_EQ(metric("0", "5"), R"({"new": 5, "old": 0, "delta": 5} null)");
    EXPECT_EQ(metric("0", "0"), R"({"new": 0, "old": 0, "delta": 0} null)");
}

TEST(PrimaryMetric, IsNullWhereEitherSideHasNone) {
    EXPECT_EQ(diff_member("primary_metric", "[]", with_metric("1")), "null");
    EXPECT_EQ(diff_member("primary_metric", with_metric("1"), "[]"), "null");
    EXPECT_EQ(diff_member("primary_metric_delta_pct", with_metric("1"), "[]"), "null");
}

TEST(PrimaryMetric, RefusesADifferenceThatNoNumericHolds) {
    const std::string largest(131072, '9');
    EXPECT_EQ(error_of([&] { metric("-" + largest, largest); }).code,
              ErrorCode::numeric_out_of_range);
}

TEST(MetricDeltas, AreThoseOnBothSidesThatDifferByName) {
    EXPECT_EQ(metrics(R"({"zz": 1, "b": 10, "same": 1.0, "gone": 5, "aaa": 0})",
                      R"({"zz": 2, "b": 9, "same": 1.00, "new": 5, "aaa": 7})"),
              R"([{"new": 7, "old": 0, "delta": 7, "metric": "aaa", "delta_pct": null}, )"
              R"({"new": 9, "old": 10, "delta": -1, "metric": "b", "delta_pct": -0.1}, )"
              R"({"new": 2, "old": 1, "delta": 1, "metric": "zz", "delta_pct": 1}])");
}

TEST(MetricDeltas, AreNoneBetweenANumberAndASource) {
    EXPECT_EQ(metrics(R"({"x": 1})", R"({"x": [{"id": 1}]})"), "[]");
    EXPECT_EQ(sources(R"({"x": 1})", R"({"x": [{"id": 1}]})"), "{}");
    EXPECT_EQ(diff_member("metric_deltas", "[]", with_data(R"({"x": 1})")), "[]");
    EXPECT_EQ(diff_member("metric_deltas", with_data(R"({"x": 1})"), "[]"), "[]");
}

TEST(MetricDeltas, AreFoundAmongMoreThan100Entries) {
    const auto data = [](int change) {
        return "{" +
               joined(150,
                      [&](std::size_t i) {
                          return "\"m" + std::to_string(i) +
                                 "\": " + std::to_string(i == 120 ? change : 1);
                      }) +
               "}";
    };
    EXPECT_EQ(metrics(data(1), data(3)),
              R"([{"new": 3, "old": 1, "delta": 2, "metric": "m120", "delta_pct": 2}])");
}

TEST(MetricDeltas, OfTheNamesThatBothSidesShareAreTold) {
    // Names of one side only stand before, between and behind the shared ones.
    EXPECT_EQ(metrics(R"({"a": 1, "c": 1, "e": 1, "bb": 1, "dd": 1, "zzz": 1})",
                      R"({"b": 2, "c": 2, "d": 2, "dd": 2, "ee": 2, "yyy": 2})"),
              R"([{"new": 2, "old": 1, "delta": 1, "metric": "c", "delta_pct": 1}, )"
              R"({"new": 2, "old": 1, "delta": 1, "metric": "dd", "delta_pct": 1}])");
}

TEST(Sources, HaveTheListsOfAComparison) {
    EXPECT_EQ(sources(R"({"src": [{"id": "a", "v": 1, "t": "x"}, {"id": "b"}, {"id": "d"}]})",
                      R"({"src": [{"id": "a", "v": 2, "t": "y"}, {"id": "c"}, {"id": "d"}]})"),
              R"({"src": {"row_changes": [{"id": "a", "new": "y", "old": "x", "field": "t"}], )"
              R"("id_set_added": ["c"], )"
              R"("top_n_changes": [{"id": "c", "to": 2, "from": null}, )"
              R"({"id": "b", "to": null, "from": 2}], "id_set_removed": ["b"], )"
              R"("top_n_unchanged": [1, 3], )"
              R"("row_value_deltas": [{"id": "a", "new": 2, "old": 1, "delta": 1, "field": "v", )"
              R"("delta_pct": 1}]}})");
}

TEST(Sources, AreOnlyThoseOnBothSidesThatDiffer) {
    EXPECT_EQ(sources(R"({"same": [{"id": 1, "v": 1}], "gone": [], "b": [{"id": 1}]})",
                      R"({"same": [{"id": 1, "v": 1.0}], "new": [], "b": [{"id": 1}]})"),
              "{}");
    EXPECT_EQ(sources("{}", R"({"x": [{"id": 1}]})"), "{}");
}

TEST(Sources, OfEmptyRowsAreCompared) {
    EXPECT_EQ(sources(R"({"x": []})", R"({"x": [{"id": 1}]})"),
              R"({"x": {"row_changes": [], "id_set_added": [1], )"
              R"("top_n_changes": [{"id": 1, "to": 1, "from": null}], "id_set_removed": [], )"
              R"("top_n_unchanged": [], "row_value_deltas": []}})");
}

TEST(Sources, ExceptThePrimaryOne) {
    const auto snapshot = [](std::string_view v) {
        return R"({"primary": "a", "materialized_data": {"a": [{"id": 1, "v": )" + std::string(v) +
               R"(}], "b": [{"id": 2, "v": )" + std::string(v) + "}]}}";
    };
    const Document diff = Comparison(snapshot("1"), snapshot("2")).document();
    EXPECT_EQ(member_text(diff.root(), "row_value_deltas"),
              R"([{"id": 1, "new": 2, "old": 1, "delta": 1, "field": "v", "delta_pct": 1}])");
    const Value found = find_member(diff.root(), "sources");
    EXPECT_FALSE(find_member(found, "a").present());
    EXPECT_TRUE(find_member(found, "b").present());
}

TEST(Sources, TheOnlySourceThatIsPrimaryIsNotTwiceInTheDiff) {
    EXPECT_EQ(diff_member("sources", R"({"materialized_data": {"a": [{"id": 1, "v": 1}]}})",
                          R"({"materialized_data": {"a": [{"id": 1, "v": 2}]}})"),
              "{}");
}

TEST(Sources, ThatArePrimaryOnOneSideOnlyAreNotCompared) {
    const std::string data = R"("materialized_data": {"a": [{"id": 1}], "b": [{"id": 2}]}})";
    EXPECT_EQ(diff_member("sources", R"({"primary": "a", )" + data, R"({"primary": "b", )" + data),
              "{}");
}

TEST(Sources, AreRankedAndIdentifiedAsThePrimaryRowsAre) {
    const auto snapshot = [](std::string_view rows) {
        return R"({"primary_rows": [], "id_field": "k", "rank_by": "s", "rank_order": "asc",
                   "materialized_data": {"x": )" +
               std::string(rows) + "}}";
    };
    const Document diff =
        Comparison(snapshot(R"([{"k": "a", "s": 1}, {"k": "b", "s": 2}, {"k": "c", "s": 9}])"),
                   snapshot(R"([{"k": "a", "s": 3}, {"k": "b", "s": 2}, {"k": "c", "s": 9}])"), 2)
            .document();
    const Value x = find_member(find_member(diff.root(), "sources"), "x");
    EXPECT_EQ(member_text(x, "top_n_changes"),
              R"([{"id": "b", "to": 1, "from": 2}, {"id": "a", "to": 2, "from": 1}])");
}

TEST(Sources, StandInTheKeyOrderOfJsonb) {
    const Document diff =
        Comparison(with_data(R"({"zz": [], "b": [], "a": [], "ccc": []})"),
                   with_data(R"({"zz": [{"id": 1}], "b": [{"id": 1}], "a": [{"id": 1}],
                                 "ccc": [{"id": 1}]})"))
            .document();
    MemberCursor members{Container(find_member(diff.root(), "sources").data)};
    std::string names;
    std::string_view name;
    for (Value value; members.next(name, value);)
        names += std::string(name) + " ";
    EXPECT_EQ(names, "a b zz ccc ");
}

} // namespace
} // namespace dashboard_diff::testing
