// Rules about what rows hold (value_delta, field_changed), and rules about another row source.

#include <gtest/gtest.h>

#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

constexpr Truth yes = Truth::yes;
constexpr Truth no = Truth::no;

// One row with one field "v".
std::string row(std::string_view value) {
    return R"([{"id": 1, "v": )" + std::string(value) + "}]";
}

Truth value_rule(std::string_view before, std::string_view after, std::string_view modifiers) {
    return meets(row(before), row(after), R"({"value_delta": )" + std::string(modifiers) + "}");
}

TEST(ValueDelta, IncludesTheLimitAndIsExact) {
    EXPECT_EQ(value_rule("3.0", "3.3", "0.30"), yes);
    EXPECT_EQ(value_rule("3.0", "3.3", "0.3000000000000000000000000000000000001"), no);
    EXPECT_EQ(value_rule("0.1", "0.3", "0.2"), yes);
    EXPECT_EQ(value_rule("0.1", "0.3", "0.20000000000000001"), no);
    EXPECT_EQ(value_rule("3.0", "2.7", "0.3"), yes);
    EXPECT_EQ(value_rule("-3", "3", "6"), yes);
    EXPECT_EQ(value_rule("-3", "3", "6.1"), no);
    EXPECT_EQ(value_rule("1e1000", "2e1000", "1e1000"), yes);
    EXPECT_EQ(value_rule("1e1000", "1.999e1000", "1e1000"), no);
    EXPECT_EQ(value_rule("0", "5", "5"), yes);
    EXPECT_EQ(value_rule("0", "5", "6"), no);
    EXPECT_EQ(value_rule("5", "5.0", "0.1"), no);
}

TEST(ValueDelta, TakesADirection) {
    EXPECT_EQ(value_rule("-10", "-9", R"(1, "direction": "up")"), yes);
    EXPECT_EQ(value_rule("-10", "-9", R"(1, "direction": "down")"), no);
    EXPECT_EQ(value_rule("10", "9", R"(1, "direction": "up")"), no);
    EXPECT_EQ(value_rule("10", "9", R"(1, "direction": "down")"), yes);
    EXPECT_EQ(value_rule("10", "9", R"(1, "direction": "any")"), yes);
}

TEST(ValueDelta, CountsRowsOfAFieldAmongIds) {
    const std::string before =
        R"([{"id": 1, "a": 1, "b": 1}, {"id": 2, "a": 1}, {"id": 3, "a": 1}])";
    const std::string after =
        R"([{"id": 1, "a": 9, "b": 9}, {"id": 2, "a": 5}, {"id": 3, "a": 1}])";
    EXPECT_EQ(meets(before, after, R"({"value_delta": 4, "min_rows": 2})"), yes);
    EXPECT_EQ(meets(before, after, R"({"value_delta": 4, "min_rows": 3})"), no);
    EXPECT_EQ(meets(before, after, R"({"value_delta": 5, "min_rows": 2})"), no);
    EXPECT_EQ(meets(before, after, R"({"value_delta": 4, "on_field": "b"})"), yes);
    EXPECT_EQ(meets(before, after, R"({"value_delta": 4, "on_field": "b", "ids": [2]})"), no);
    EXPECT_EQ(meets(before, after, R"({"value_delta": 4, "on_field": "a", "ids": [2.0]})"), yes);
    EXPECT_EQ(meets(before, after, R"({"value_delta": 4, "on_field": "c"})"), no);
}

TEST(ValueDelta, IsExplainedByTheLargestDifferencesFirst) {
    EXPECT_EQ(
        explanation_text(R"([{"id": "x", "v": 100}, {"id": "y", "v": 1}, {"id": "z", "v": 0}])",
                         R"([{"id": "x", "v": 90}, {"id": "y", "v": 4}, {"id": "z", "v": 1}])",
                         R"({"value_delta": 3})"),
        R"({"rows": [{"id": "x", "new": 90, "old": 100, "delta": -10, "field": "v", )"
        R"("delta_pct": -0.1}, {"id": "y", "new": 4, "old": 1, "delta": 3, "field": "v", )"
        R"("delta_pct": 3}], "result": true, "matched": 2, "measured": -10, )"
        R"("value_delta": 3})");
    EXPECT_EQ(explanation_text(row("0"), row("2"), R"({"value_delta": 3})"),
              R"({"rows": [], "result": false, "matched": 0, "measured": 2, "value_delta": 3})");
    EXPECT_EQ(explanation_text("[]", "[]", R"({"value_delta": 3})"),
              R"({"rows": [], "result": false, "matched": 0, "measured": null, "value_delta": 3})");
}

TEST(ValueRules, HaveTheTenLargestOfMany) {
    // Row i goes from i to i + 1 (a share of 1/i), rows 101 to 200 back.
    const auto rows = [](bool after) {
        return "[" +
               joined(200,
                      [&](std::size_t i) {
                          const std::size_t low = i % 100 + 1;
                          return R"({"id": )" + std::to_string(i + 1) + R"(, "v": )" +
                                 std::to_string((i < 100) == after ? low + 1 : low) + "}";
                      }) +
               "]";
    };
    const auto ids = [&](std::string_view rule) {
        const Document explanation(explanation_text(rows(false), rows(true), rule));
        std::string text;
        Cursor found = Cursor::elements(Container(find_member(explanation.root(), "rows").data));
        for (Value entry; found.next(entry);)
            text += member_text(entry, "id") + " ";
        return text;
    };
    // 1 → 2 is 100 %, 2 → 1 and 2 → 3 are 50 %; of equal ones the first.
    EXPECT_EQ(ids(R"({"value_delta_pct": 0.001})"), "1 2 101 3 102 4 103 5 104 6 ");
    EXPECT_EQ(ids(R"({"value_delta": 1})"), "1 2 3 4 5 6 7 8 9 10 ");
}

constexpr std::string_view open_rows =
    R"([{"id": "a", "status": "open", "n": 1}, {"id": "b", "status": "open"}, {"id": "c"}])";

TEST(FieldChanged, CountsTheRowsWhoseFieldChanged) {
    const std::string after =
        R"([{"id": "a", "status": "done", "n": 2}, {"id": "b", "status": "open"},
            {"id": "c", "status": null}, {"id": "new", "status": "done"}])";
    EXPECT_EQ(meets(open_rows, after, R"({"field_changed": "status"})"), yes);
    EXPECT_EQ(meets(open_rows, after, R"({"field_changed": "status", "min_rows": 2})"), yes);
    EXPECT_EQ(meets(open_rows, after, R"({"field_changed": "status", "min_rows": 3})"), no);
    EXPECT_EQ(meets(open_rows, after, R"({"field_changed": "other"})"), no);
    EXPECT_EQ(meets(open_rows, after, R"({"field_changed": "status", "ids": ["b", "new"]})"), no);
    EXPECT_EQ(meets(open_rows, after, R"({"field_changed": "status", "ids": ["b", "c"]})"), yes);
}

TEST(FieldChanged, CountsNumbersToo) {
    EXPECT_EQ(meets(row("1"), row("2"), R"({"field_changed": "v"})"), yes);
    EXPECT_EQ(meets(row("1"), row("1.0"), R"({"field_changed": "v"})"), no);
    EXPECT_EQ(meets(row("1"), row("\"1\""), R"({"field_changed": "v"})"), yes);
    const std::string before = R"([{"id": 1, "v": 1}, {"id": 2, "v": "x"}, {"id": 3, "v": 1}])";
    const std::string after = R"([{"id": 1, "v": 2}, {"id": 2, "v": 5}, {"id": 3, "v": 1.00}])";
    EXPECT_EQ(meets(before, after, R"({"field_changed": "v", "min_rows": 2})"), yes);
    EXPECT_EQ(meets(before, after, R"({"field_changed": "v", "min_rows": 3})"), no);
}

TEST(FieldChanged, ToIsTheNewValueAsJsonbComparesIt) {
    const auto to = [](std::string_view after, std::string_view value) {
        return meets(row("\"open\""), row(after),
                     R"({"field_changed": "v", "to": )" + std::string(value) + "}");
    };
    EXPECT_EQ(to("\"done\"", "\"done\""), yes);
    EXPECT_EQ(to("\"done\"", "\"Done\""), no);
    EXPECT_EQ(to("1.50", "1.5"), yes);
    EXPECT_EQ(to("1", "\"1\""), no);
    EXPECT_EQ(to("true", "true"), yes);
    EXPECT_EQ(to("true", "false"), no);
    EXPECT_EQ(to("null", "null"), yes);
    EXPECT_EQ(to(R"({"b": [1.0], "a": 2})", R"({"a": 2.00, "b": [1]})"), yes);
    EXPECT_EQ(to(R"({"b": [1.0], "a": 2})", R"({"a": 2, "b": [2]})"), no);
    EXPECT_EQ(to("[]", "{}"), no);
    EXPECT_EQ(meets(row("1"), row("2"), R"({"field_changed": "v", "to": 2.0})"), yes);
    EXPECT_EQ(meets(row("1"), row("2"), R"({"field_changed": "v", "to": 1})"), no);
    // A field that is gone is not null.
    EXPECT_EQ(meets(row("1"), R"([{"id": 1}])", R"({"field_changed": "v", "to": null})"), no);
    EXPECT_EQ(meets(row("1"), R"([{"id": 1}])", R"({"field_changed": "v"})"), yes);
}

TEST(FieldChanged, IsExplainedByItsRows) {
    EXPECT_EQ(explanation_text(R"([{"id": 1, "s": 1}, {"id": 2, "s": "x"}, {"id": 3, "s": "x"}])",
                               R"([{"id": 1, "s": 2}, {"id": 2}, {"id": 3, "s": "x"}])",
                               R"({"field_changed": "s", "min_rows": 3})"),
              R"({"rows": [{"id": 2, "old": "x", "field": "s"}, {"id": 1, "new": 2, "old": 1, )"
              R"("delta": 1, "field": "s", "delta_pct": 1}], "result": false, "matched": 2, )"
              R"("measured": 2, "min_rows": 3, "field_changed": "s"})");
}

std::string with_source(std::string_view rows) {
    return R"({"primary_rows": [{"id": "p", "v": 1}], "materialized_data": {"by_region": )" +
           std::string(rows) + "}}";
}

TEST(Source, OfARuleIsLookedAtInsteadOfThePrimaryRows) {
    const std::string before = with_source(
        R"([{"id": "a", "v": 1, "s": "x"}, {"id": "b", "v": 1}, {"id": "c"}, {"id": "d"}])");
    const std::string after = with_source(
        R"([{"id": "b", "v": 2}, {"id": "a", "v": 1, "s": "y"}, {"id": "e"}, {"id": "f"}])");
    const auto rule = [&](const std::string& text, const std::string& source) {
        return meets(before, after, "{" + text + R"(, "source": ")" + source + "\"}");
    };
    for (const std::string holds :
         {R"("top_n_reordering": 6)", R"("top_n_moved": 1)", R"("top_n_entered": 2)",
          R"("top_n_left": 2)", R"("rank_delta": 1)", R"("value_delta_pct": 1)",
          R"("value_delta": 1)", R"("field_changed": "s")", R"("set_added_min": 2)",
          R"("set_removed_min": 2)"}) {
        EXPECT_EQ(rule(holds, "by_region"), yes) << holds;
        EXPECT_EQ(rule(holds, "by_day"), no) << holds;
        EXPECT_EQ(meets(before, after, "{" + holds + "}"), no) << holds;
    }
    for (const std::string fails :
         {R"("top_n_reordering": 7)", R"("top_n_moved": 2)", R"("top_n_entered": 3)",
          R"("top_n_left": 3)", R"("rank_delta": 2)", R"("value_delta_pct": 1.1)",
          R"("value_delta": 1.1)", R"("field_changed": "t")", R"("set_added_min": 3)",
          R"("set_removed_min": 3)"})
        EXPECT_EQ(rule(fails, "by_region"), no) << fails;
}

TEST(Source, ThatDidNotDifferHasNoChanges) {
    const std::string same = with_source(R"([{"id": "a"}, {"id": "b"}])");
    EXPECT_EQ(meets(same, same, R"({"top_n_moved": 1, "source": "by_region"})"), no);
    EXPECT_EQ(meets(same, same, R"({"NOT": {"set_added_min": 1, "source": "by_region"}})"), yes);
    EXPECT_EQ(explanation_text(same, same, R"({"set_added_min": 1, "source": "by_region"})"),
              R"({"rows": [], "result": false, "source": "by_region", "matched": 0, )"
              R"("measured": 0, "set_added_min": 1})");
}

} // namespace
} // namespace dashboard_diff::testing
