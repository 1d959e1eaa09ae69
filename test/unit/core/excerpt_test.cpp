// Diffs and explanations cut to a number of bytes, measured on the text itself.

#include <gtest/gtest.h>

#include "core/diff_read.h"
#include "core/diff_write.h"
#include "core/explanation_excerpt.h"
#include "core/json_text_size.h"
#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

const Runtime runtime;

std::string rows(std::size_t n, std::string_view value, std::string_view text = "é\\n") {
    return "[" +
           joined(n,
                  [&](std::size_t i) {
                      return "{\"id\": \"gene " + std::to_string(i) +
                             "\", \"v\": " + std::string(value) + ", \"t\": \"" +
                             std::string(text) + "\"}";
                  }) +
           "]";
}

Document excerpt(const Diff& diff, std::size_t max_bytes) {
    return Document(write_diff_excerpt(diff, max_bytes, runtime));
}

std::size_t length_of(const Value& object, std::string_view key) {
    const Value list = find_member(object, key);
    return list.is_container() ? Container(list.data).count() : 0;
}

TEST(JsonTextSize, IsNeverLessThanTheText) {
    for (const std::string json :
         {"[]", "{}", R"([1, -1.50, 1e30, 1e-30, 0.00, "", "é\n\"\\\u0001", true, false, null])",
          R"({"a": {"b": [{}, [], [[]], {"c\n": -0.001}]}, "\u001f": 12345678})"}) {
        const Document document(json);
        const std::size_t size = json_text_size(document.root(), runtime);
        EXPECT_GE(size, document.text().size()) << json;
        EXPECT_LE(size, document.text().size() + 60) << json;
    }
}

TEST(JsonTextSize, IsNeverLessThanTheTextOfMany) {
    for (const std::string element :
         {"true", "false", "null", "0", "-1", "-0.5", "9999", "10000", "1e-12", "\"\"", "[]", "{}",
          "\"\\u0001\"", "\"\\t\"", "{\"\\u0001\": 1}"}) {
        const Document document("[" + joined(300, [&](std::size_t) { return element; }) + "]");
        EXPECT_GE(json_text_size(document.root(), runtime), document.text().size()) << element;
    }
}

TEST(DiffExcerpt, OfAShortDiffIsTheDiff) {
    const Comparison comparison(rows(3, "1"), rows(3, "2"));
    EXPECT_EQ(excerpt(comparison.diff(), 20000).bytes(), comparison.document().bytes());
}

TEST(DiffExcerpt, IsNeverLongerThanAsked) {
    const Comparison comparison(rows(2000, "1", "x"), rows(1990, "-2.5e-20", "\\u0001"), 50);
    ASSERT_GT(comparison.document().text().size(), 100000U);
    for (std::size_t limit = 700; limit < 300000; limit += limit / 5) {
        const Document cut = excerpt(comparison.diff(), limit);
        EXPECT_LE(cut.text().size(), limit);
        EXPECT_EQ(find_member(cut.root(), "counts").present(),
                  cut.bytes() != comparison.document().bytes());
    }
}

TEST(DiffExcerpt, UsesTheRoomThatThereIs) {
    const Comparison comparison(rows(2000, "1"), rows(2000, "2"));
    EXPECT_GT(excerpt(comparison.diff(), 20000).text().size(), 8000U);
    EXPECT_EQ(excerpt(comparison.diff(), 10'000'000).bytes(), comparison.document().bytes());
}

TEST(DiffExcerpt, CountsWhatItCuts) {
    const Comparison comparison(rows(500, "1", "x"), rows(400, "2", "y"), 300);
    const Document cut = excerpt(comparison.diff(), 5000);
    const Value counts = find_member(cut.root(), "counts");
    EXPECT_EQ(json_text(counts),
              R"({"sources": 0, "row_changes": 400, "id_set_added": 0, "metric_deltas": 0, )"
              R"("top_n_changes": 0, "id_set_removed": 100, "top_n_unchanged": 300, )"
              R"("row_value_deltas": 400})");
    EXPECT_LT(length_of(cut.root(), "row_changes"), 400U);
    EXPECT_GT(length_of(cut.root(), "row_changes"), 0U);
}

TEST(DiffExcerpt, KeepsTheFirstEntriesOfEveryList) {
    const Comparison comparison(rows(500, "1", "x"), rows(400, "2", "y"));
    const Document whole = comparison.document();
    const Document cut = excerpt(comparison.diff(), 3000);
    for (const std::string_view key : {"row_changes", "row_value_deltas", "id_set_removed"}) {
        const Container few(find_member(cut.root(), key).data);
        const Container all(find_member(whole.root(), key).data);
        ASSERT_GT(few.count(), 0U);
        for (std::uint32_t i = 0; i < few.count(); ++i)
            EXPECT_EQ(json_text(few.child(i)), json_text(all.child(i)));
    }
}

TEST(DiffExcerpt, CutsTheListsOfSourcesAndTheirNumberToo) {
    const auto snapshot = [](std::string_view value) {
        return R"({"primary_rows": [], "materialized_data": {)" +
               joined(200,
                      [&](std::size_t i) {
                          return "\"source" + std::to_string(i) + "\": " + rows(20, value);
                      }) +
               "}}";
    };
    const Comparison comparison(snapshot("1"), snapshot("2"));
    for (const std::size_t limit : {800U, 5000U, 20000U, 100000U}) {
        const Document cut = excerpt(comparison.diff(), limit);
        EXPECT_LE(cut.text().size(), limit);
        EXPECT_EQ(member_text(find_member(cut.root(), "counts"), "sources"), "200");
    }
}

TEST(DiffExcerpt, CutsEvenWhatOneEntryMakesTooLong) {
    const std::string id(50000, 'x');
    const Comparison comparison("[]", R"([{"id": ")" + id + "\"}]");
    const Document cut = excerpt(comparison.diff(), 20000);
    EXPECT_LE(cut.text().size(), 20000U);
    EXPECT_EQ(member_text(find_member(cut.root(), "counts"), "id_set_added"), "1");
}

TEST(DiffExcerpt, LeavesOutAMetricThatIsTooLong) {
    const std::string digits(30000, '7');
    const Comparison comparison(R"({"primary_rows": [], "primary_metric": )" + digits + "}",
                                R"({"primary_rows": [], "primary_metric": 1})");
    const Document cut = excerpt(comparison.diff(), 20000);
    EXPECT_LE(cut.text().size(), 20000U);
    EXPECT_EQ(member_text(cut.root(), "primary_metric"), "null");
}

TEST(DiffExcerpt, IsADiffThatCanBeRead) {
    const Comparison comparison(rows(500, "1"), rows(400, "2"));
    const Document cut = excerpt(comparison.diff(), 4000);
    const Diff read = read_diff(cut.root(), runtime);
    EXPECT_EQ(read.top_n, 10U);
    EXPECT_GT(read.primary.row_value_deltas.size(), 0U);
    EXPECT_LT(read.primary.row_value_deltas.size(), 400U);
}

Document explanation_excerpt(std::string_view explanation, std::size_t max_bytes) {
    const Document document(explanation);
    return Document(write_explanation_excerpt(document.root(), max_bytes, runtime));
}

TEST(ExplanationExcerpt, OfAShortOneIsTheExplanation) {
    const std::string text =
        explanation_text(rows(3, "1"), rows(3, "2"), R"({"value_delta_pct": 1})");
    EXPECT_EQ(explanation_excerpt(text, 20000).text(), text);
}

TEST(ExplanationExcerpt, IsNeverLongerThanAsked) {
    const std::string ids =
        "[" + joined(100, [](std::size_t i) { return "\"gene " + std::to_string(i) + "\""; }) + "]";
    const std::string text = explanation_text(rows(100, "1"), rows(90, "2"),
                                              R"({"OR": [{"value_delta_pct": 1, "ids": )" + ids +
                                                  R"(}, {"set_removed_min": 3},
           {"NOT": {"top_n_reordering": 1}}]})");
    ASSERT_GT(text.size(), 2000U);
    for (std::size_t limit = 40; limit < 2 * text.size(); limit += limit / 5) {
        const Document cut = explanation_excerpt(text, limit);
        EXPECT_LE(cut.text().size(), limit);
        EXPECT_EQ(member_text(cut.root(), "result"), "true") << limit;
    }
}

TEST(ExplanationExcerpt, KeepsTheCountsOfWhatItCuts) {
    const std::string text =
        explanation_text(rows(100, "1"), rows(100, "2"), R"({"value_delta_pct": 1})");
    const Document cut = explanation_excerpt(text, 500);
    EXPECT_EQ(member_text(cut.root(), "matched"), "100");
    EXPECT_LT(length_of(cut.root(), "rows"), 10U);
    EXPECT_GT(length_of(cut.root(), "rows"), 0U);
}

TEST(ExplanationExcerpt, CutsTheIdsOfTheRuleToo) {
    const std::string ids =
        "[" + joined(300, [](std::size_t i) { return "\"gene " + std::to_string(i) + "\""; }) + "]";
    const std::string text =
        explanation_text("[]", "[]", R"({"value_delta_pct": 1, "ids": )" + ids + "}");
    const Document cut = explanation_excerpt(text, 500);
    EXPECT_EQ(member_text(cut.root(), "value_delta_pct"), "1");
    EXPECT_EQ(length_of(cut.root(), "ids"), 10U);
}

TEST(ExplanationExcerpt, CutsNoListThatIsAValue) {
    // What a rule compares with, and what rows hold, may have keys of such names.
    const std::string value = R"({"ids": [)" + joined(20, [](std::size_t) { return "\"x\""; }) +
                              R"(], "AND": [{"rows": [)" +
                              joined(20, [](std::size_t) { return "true"; }) + "]}]}";
    const std::string text =
        explanation_text(R"([{"id": 1, "v": 0}])", R"([{"id": 1, "v": )" + value + "}]",
                         R"({"NOT": {"field_changed": "v", "to": )" + value + "}}");
    EXPECT_EQ(explanation_excerpt(text, 20000).text(), text);
    const Document cut = explanation_excerpt(text, text.size() - 1);
    const Value rule = find_member(cut.root(), "NOT");
    EXPECT_EQ(member_text(rule, "to"), Document(value).text());
    EXPECT_EQ(member_text(rule, "rows"), "[]");
}

TEST(ExplanationExcerpt, OfATreeThatIsTooLongIsItsResult) {
    const std::string rule =
        R"({"value_delta_pct": 1, "on_field": ")" + std::string(1000, 'f') + "\"}";
    const std::string text = explanation_text(
        "[]", "[]", R"({"AND": [)" + joined(30, [&](std::size_t) { return rule; }) + "]}");
    EXPECT_EQ(explanation_excerpt(text, 20000).text(), R"({"result": false, "truncated": true})");
    const std::string metric(20000, '7');
    EXPECT_EQ(explanation_excerpt(R"({"result": null, "measured": )" + metric + "}", 5000).text(),
              R"({"result": null, "truncated": true})");
}

TEST(ExplanationExcerpt, TakesAnyDocument) {
    EXPECT_EQ(explanation_excerpt("[1, 2]", 1000).text(), "[1, 2]");
    for (const std::string scalar :
         {"\"ids\"", "\"AND\"", "\"\"", "-12.50", "true", "false", "null"})
        EXPECT_EQ(explanation_excerpt(scalar, 1000).text(), scalar);
    EXPECT_EQ(explanation_excerpt("\"" + std::string(500, 'x') + "\"", 100).text(),
              R"({"result": null, "truncated": true})");
    EXPECT_EQ(explanation_excerpt(R"({"rows": "none"})", 1000).text(), R"({"rows": "none"})");
    EXPECT_EQ(explanation_excerpt("[\"" + std::string(500, 'x') + "\"]", 100).text(),
              R"({"result": null, "truncated": true})");
}

} // namespace
} // namespace dashboard_diff::testing
