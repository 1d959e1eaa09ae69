// Diffs that come back from a caller: written by write_diff, or made by hand.

#include "core/diff_read.h"
#include "core/diff_write.h"

#include <gtest/gtest.h>

#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

std::string detail_of(std::string_view diff) {
    const Caught caught = diff_error(diff);
    EXPECT_EQ(caught.code, ErrorCode::invalid_parameter);
    EXPECT_EQ(caught.message, "invalid dashboard diff");
    EXPECT_EQ(caught.hint, "Pass the result of dashboard_diff() as it stands.");
    return caught.detail;
}

TEST(ReadDiff, OfAWrittenOneGivesTheSameBytes) {
    const std::string before =
        R"({"primary_rows": [{"id": "a", "v": 1.50, "t": "x", "gone": 1}, {"id": 2, "v": 0},
                             {"id": "z"}],
            "rank_by": "v", "primary_metric": 5, "materialized_data": {"m": 1, "k": 2,
            "src": [{"id": 1, "v": 1}], "tab": []}})";
    const std::string after =
        R"({"primary_rows": [{"id": 2, "v": 7}, {"id": "a", "v": 1e-70, "t": [1, {"x": null}],
            "came": null}, {"id": "n"}],
            "rank_by": "v", "primary_metric": 6.25, "materialized_data": {"m": 3, "k": 0,
            "src": [{"id": 1, "v": -1}], "tab": [{"id": 9}]}})";
    const Comparison comparison(before, after);
    const Document written = comparison.document();
    const Runtime runtime;
    const Document again(write_diff(read_diff(written.root(), runtime), runtime));
    EXPECT_EQ(again.bytes(), written.bytes());
    EXPECT_EQ(again.text(), written.text());
}

TEST(ReadDiff, TakesListsThatAreLeftOutAsEmpty) {
    EXPECT_EQ(reread("{}"), diff_text("[]", "[]"));
    EXPECT_EQ(reread(R"({"top_n": 3})"), diff_text("[]", "[]", 3));
    EXPECT_EQ(reread(R"({"id_set_added": []})"), diff_text("[]", "[]"));
    EXPECT_EQ(reread(R"({"primary_metric": null})"), diff_text("[]", "[]"));
}

TEST(ReadDiff, MadeByHandIsJudged) {
    EXPECT_EQ(diff_meets(R"({"id_set_added": ["a", 1]})", R"({"set_added_min": 2})"), Truth::yes);
    EXPECT_EQ(diff_meets(R"({"id_set_added": ["a", 1]})", R"({"set_added_min": 3})"), Truth::no);
    EXPECT_EQ(diff_meets("{}", R"({"set_removed_min": 1})"), Truth::no);
    EXPECT_EQ(diff_meets(R"({"top_n_changes": [{"id": 1, "from": 2, "to": 1}]})",
                         R"({"top_n_reordering": 1})"),
              Truth::yes);
    EXPECT_EQ(diff_meets(R"({"top_n_changes": [{"id": 1, "to": 1}, {"id": 2, "from": 1}]})",
                         R"({"top_n_reordering": 2, "top_n": 1})"),
              Truth::yes);
    EXPECT_EQ(diff_meets(R"({"primary_metric": {"old": 10, "new": 11}})",
                         R"({"primary_metric_delta_pct": 0.1})"),
              Truth::yes);
    EXPECT_EQ(diff_meets(R"({"row_changes": []})", R"({"primary_metric_delta_pct": 0.1})"),
              Truth::unknown);
}

TEST(ReadDiff, JudgesByTheNumbersNotByTheShareWrittenDown) {
    const std::string diff = R"({"row_value_deltas": [{"id": 1, "field": "v", "old": 3.0,
        "new": 3.29999999999999999, "delta": 0.3, "delta_pct": 0.1}]})";
    EXPECT_EQ(diff_meets(diff, R"({"value_delta_pct": 0.1})"), Truth::no);
    EXPECT_EQ(diff_meets(diff, R"({"value_delta_pct": 0.0999})"), Truth::yes);
}

TEST(ReadDiff, WithoutATopNHoldsTheDefaultOne) {
    EXPECT_EQ(diff_meets("{}", R"({"top_n_reordering": 1})"), Truth::no);
    EXPECT_EQ(error_of([] { diff_meets(R"({"top_n": 5})", R"({"top_n_reordering": 1})"); }).hint,
              "Call dashboard_diff(before, after, top_n => 10).");
}

TEST(ReadDiff, RefusesWhatIsNoDiff) {
    for (const std::string diff : {"5", "[]", "null", "\"x\""})
        EXPECT_EQ(detail_of(diff), "at $: must be an object") << diff;
    EXPECT_EQ(detail_of(R"({"primary_rows": [{"id": 1}]})"),
              "at $: has none of the keys of a diff");
    EXPECT_EQ(detail_of(R"({"before": 1})"), "at $: has none of the keys of a diff");
}

TEST(ReadDiff, RefusesListsThatAreNone) {
    for (const std::string key : {"top_n_changes", "top_n_unchanged", "row_value_deltas",
                                  "row_changes", "id_set_added", "id_set_removed", "metric_deltas"})
        EXPECT_EQ(detail_of("{\"" + key + "\": {}}"), "at $." + key + ": must be an array");
    for (const std::string key :
         {"top_n_changes", "row_value_deltas", "row_changes", "metric_deltas"})
        EXPECT_EQ(detail_of("{\"" + key + "\": [5]}"), "at $." + key + "[0]: must be an object");
    EXPECT_EQ(detail_of(R"({"sources": []})"), "at $.sources: must be an object");
    EXPECT_EQ(detail_of(R"({"sources": {"x": 1}})"), "at $.sources.x: must be an object");
    EXPECT_EQ(detail_of(R"({"primary_metric": 5})"),
              "at $.primary_metric: must be an object or null");
}

TEST(ReadDiff, RefusesRanksThatAreNone) {
    for (const std::string top_n : {"0", "-1", "1.5", "\"10\"", "null", "1e1000"})
        EXPECT_EQ(detail_of(R"({"top_n": )" + top_n + "}").substr(0, 10), "at $.top_n") << top_n;
    const std::string problem = ": must be a rank (an integer of 1 or more)";
    for (const std::string rank : {"0", "\"1\"", "2.5", "true"}) {
        EXPECT_EQ(detail_of(R"({"top_n_changes": [{"id": 1, "from": 1, "to": )" + rank + "}]}"),
                  "at $.top_n_changes[0].to" + problem);
        EXPECT_EQ(detail_of(R"({"top_n_changes": [{"id": 1, "to": 1, "from": )" + rank + "}]}"),
                  "at $.top_n_changes[0].from" + problem);
        EXPECT_EQ(detail_of(R"({"top_n_unchanged": [1, )" + rank + "]}"),
                  "at $.top_n_unchanged[1]" + problem);
    }
    EXPECT_EQ(detail_of(R"({"top_n_unchanged": [null]})"), "at $.top_n_unchanged[0]" + problem);
}

TEST(ReadDiff, RefusesEntriesWithoutTheirParts) {
    EXPECT_EQ(detail_of(R"({"id_set_added": ["a", null]})"),
              "at $.id_set_added[1]: must be a string or a number");
    EXPECT_EQ(detail_of(R"({"row_value_deltas": [{"field": "v", "old": 1, "new": 2}]})"),
              "at $.row_value_deltas[0].id: must be a string or a number");
    EXPECT_EQ(detail_of(R"({"row_value_deltas": [{"id": 1, "old": 1, "new": 2}]})"),
              "at $.row_value_deltas[0].field: must be a string");
    EXPECT_EQ(detail_of(R"({"row_value_deltas": [{"id": 1, "field": "v", "new": 2}]})"),
              "at $.row_value_deltas[0].old: must be a number");
    EXPECT_EQ(detail_of(R"({"row_value_deltas": [{"id": 1, "field": "v", "old": 1, "new": "2"}]})"),
              "at $.row_value_deltas[0].new: must be a number");
    EXPECT_EQ(detail_of(R"({"metric_deltas": [{"old": 1, "new": 2}]})"),
              "at $.metric_deltas[0].metric: must be a string");
    EXPECT_EQ(detail_of(R"({"primary_metric": {"old": 1}})"),
              "at $.primary_metric.new: must be a number");
    EXPECT_EQ(detail_of(R"({"sources": {"x": {"row_changes": [{}, {}]}}})"),
              "at $.sources.x.row_changes[0].id: must be a string or a number");
}

TEST(ReadDiff, RefusesAChangeWithoutEitherValue) {
    EXPECT_EQ(detail_of(R"({"row_changes": [{"id": 1, "field": "v"}]})"),
              "at $.row_changes[0]: must have \"old\" or \"new\"");
    const std::string one_sided = R"({"row_changes": [{"id": 1, "field": "v", "old": null}]})";
    EXPECT_NE(reread(one_sided).find(R"([{"id": 1, "old": null, "field": "v"}])"),
              std::string::npos);
}

TEST(ReadDiff, LeavesKeysAloneThatItDoesNotKnow) {
    EXPECT_EQ(reread(R"({"top_n": 10, "note": "by hand", "counts": {"row_changes": 7}})"),
              diff_text("[]", "[]"));
}

} // namespace
} // namespace dashboard_diff::testing
