// What a diff says of the rows that are on both sides, and of those that came and went.

#include "core/diff.h"

#include <gtest/gtest.h>

#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

std::string deltas(std::string_view before, std::string_view after) {
    return diff_member("row_value_deltas", before, after);
}

std::string row_changes(std::string_view before, std::string_view after) {
    return diff_member("row_changes", before, after);
}

// One row with one field "v" on both sides.
std::string row(std::string_view value) {
    return R"([{"id": 1, "v": )" + std::string(value) + "}]";
}

// delta and delta_pct of one number that changed.
std::string delta_of(std::string_view before, std::string_view after) {
    const Document document = Comparison(row(before), row(after)).document();
    const Value list = find_member(document.root(), "row_value_deltas");
    if (Container(list.data).count() != 1)
        return std::to_string(Container(list.data).count()) + " deltas";
    const Value entry = Container(list.data).child(0);
    return member_text(entry, "delta") + " " + member_text(entry, "delta_pct");
}

TEST(Diff, OfEmptySnapshotsHasEveryKey) {
    EXPECT_EQ(diff_text("[]", "[]"),
              R"({"top_n": 10, "sources": {}, "row_changes": [], "id_set_added": [], )"
              R"("metric_deltas": [], "top_n_changes": [], "id_set_removed": [], )"
              R"("primary_metric": null, "top_n_unchanged": [], "row_value_deltas": [], )"
              R"("primary_metric_delta_pct": null})");
}

TEST(Diff, OfASnapshotWithItselfHasNoChanges) {
    const std::string snapshot =
        R"({"primary_rows": [{"id": "a", "v": 1.50, "n": [1, {"x": null}]}, {"id": 2, "t": "é"}],
            "rank_by": "v", "primary_metric": 7.0,
            "materialized_data": {"m": 5, "src": [{"id": 1, "v": 2}]}})";
    EXPECT_EQ(diff_text(snapshot, snapshot),
              R"({"top_n": 10, "sources": {}, "row_changes": [], "id_set_added": [], )"
              R"("metric_deltas": [], "top_n_changes": [], "id_set_removed": [], )"
              R"("primary_metric": {"new": 7.0, "old": 7.0, "delta": 0.0}, )"
              R"("top_n_unchanged": [1, 2], "row_value_deltas": [], )"
              R"("primary_metric_delta_pct": 0})");
}

TEST(ValueDelta, HasTheNumbersTheDifferenceAndItsShare) {
    EXPECT_EQ(deltas(R"([{"id": "TP53", "score": 3.0}])", R"([{"id": "TP53", "score": 3.3}])"),
              R"([{"id": "TP53", "new": 3.3, "old": 3.0, "delta": 0.3, "field": "score", )"
              R"("delta_pct": 0.1}])");
}

TEST(ValueDelta, ShareIsAFractionOfTheSizeOfTheOldNumber) {
    EXPECT_EQ(delta_of("10", "11"), "1 0.1");
    EXPECT_EQ(delta_of("10", "9"), "-1 -0.1");
    EXPECT_EQ(delta_of("-10", "-9"), "1 0.1");
    EXPECT_EQ(delta_of("-10", "-11"), "-1 -0.1");
    EXPECT_EQ(delta_of("-10", "10"), "20 2");
    EXPECT_EQ(delta_of("1", "101"), "100 100");
}

TEST(ValueDelta, ShareIsRoundedHalfAwayFromZeroAndTrimmed) {
    EXPECT_EQ(delta_of("3", "4"), "1 0.333333");
    EXPECT_EQ(delta_of("3", "5"), "2 0.666667");
    EXPECT_EQ(delta_of("2000000", "2000001"), "1 0.000001"); // 0.0000005
    EXPECT_EQ(delta_of("2000000", "1999999"), "-1 -0.000001");
    EXPECT_EQ(delta_of("2000001", "2000002"), "1 0");
    EXPECT_EQ(delta_of("8", "9"), "1 0.125");
    EXPECT_EQ(delta_of("1.00", "1.50"), "0.50 0.5");
}

TEST(ValueDelta, ShareIsNullFromZero) {
    EXPECT_EQ(delta_of("0", "5"), "5 null");
    EXPECT_EQ(delta_of("0.00", "-5"), "-5.00 null");
    EXPECT_EQ(delta_of("5", "0"), "-5 -1");
}

TEST(ValueDelta, IsExactWhereAFloatIsNot) {
    EXPECT_EQ(delta_of("0.1", "0.3"), "0.2 2");
    EXPECT_EQ(delta_of("0.1", "0.30000000000000004"), "0.20000000000000004 2");
    EXPECT_EQ(delta_of("9007199254740993", "9007199254740992"), "-1 0");
    EXPECT_EQ(delta_of("1e1000", "2e1000"), "1" + std::string(1000, '0') + " 1");
    const std::string digits(400, '7');
    EXPECT_EQ(delta_of("0." + digits, "0." + digits + "1"), "0." + std::string(400, '0') + "1 0");
    EXPECT_EQ(delta_of(digits + "0", digits + "7"), "7 0");
}

TEST(ValueDelta, RefusesADifferenceThatNoNumericHolds) {
    const std::string largest(131072, '9');
    EXPECT_EQ(error_of([&] { diff_text(row("-" + largest), row(largest)); }).code,
              ErrorCode::numeric_out_of_range);
    EXPECT_NO_THROW(diff_text(row(largest), row("1")));
}

TEST(ValueDelta, IsNoneBetweenEqualNumbers) {
    EXPECT_EQ(delta_of("1.0", "1.00"), "0 deltas");
    EXPECT_EQ(delta_of("100", "1e2"), "0 deltas");
    EXPECT_EQ(delta_of("0", "-0.0"), "0 deltas");
    EXPECT_EQ(row_changes(row("1.0"), row("1.00")), "[]");
}

TEST(ValueDelta, AreOrderedByPlaceInAfterThenByFieldInBytes) {
    EXPECT_EQ(diff_member("row_value_deltas",
                          R"([{"id": 1, "b": 1, "aa": 1, "B": 1, "é": 1}, {"id": 2, "z": 1}])",
                          R"([{"id": 2, "z": 2}, {"id": 1, "b": 2, "aa": 2, "B": 2, "é": 2}])"),
              R"([{"id": 2, "new": 2, "old": 1, "delta": 1, "field": "z", "delta_pct": 1}, )"
              R"({"id": 1, "new": 2, "old": 1, "delta": 1, "field": "B", "delta_pct": 1}, )"
              R"({"id": 1, "new": 2, "old": 1, "delta": 1, "field": "aa", "delta_pct": 1}, )"
              R"({"id": 1, "new": 2, "old": 1, "delta": 1, "field": "b", "delta_pct": 1}, )"
              R"({"id": 1, "new": 2, "old": 1, "delta": 1, "field": "é", "delta_pct": 1}])");
}

TEST(RowChange, IsEveryChangeThatIsNotFromNumberToNumber) {
    const auto change = [](std::string_view before, std::string_view after) {
        EXPECT_EQ(deltas(row(before), row(after)), "[]");
        return row_changes(row(before), row(after));
    };
    const auto entry = [](const std::string& before, const std::string& after) {
        return R"([{"id": 1, "new": )" + after + R"(, "old": )" + before + R"(, "field": "v"}])";
    };
    EXPECT_EQ(change("\"open\"", "\"closed\""), entry("\"open\"", "\"closed\""));
    EXPECT_EQ(change("true", "false"), entry("true", "false"));
    EXPECT_EQ(change("null", "5"), entry("null", "5"));
    EXPECT_EQ(change("5", "null"), entry("5", "null"));
    EXPECT_EQ(change("5", "\"5\""), entry("5", "\"5\""));
    EXPECT_EQ(change("[1, 2]", "[2, 1]"), entry("[1, 2]", "[2, 1]"));
    EXPECT_EQ(change("{\"a\": 1}", "{\"a\": 2}"), entry("{\"a\": 1}", "{\"a\": 2}"));
    EXPECT_EQ(change("[]", "{}"), entry("[]", "{}"));
    EXPECT_EQ(change("\"\"", "\"x\""), entry("\"\"", "\"x\""));
    EXPECT_EQ(change("\"é\"", "\"è\""), entry("\"é\"", "\"è\""));
}

TEST(RowChange, LeavesOutTheSideWhereTheKeyIsAbsent) {
    EXPECT_EQ(row_changes(R"([{"id": 1, "a": 5}])", R"([{"id": 1, "b": null}])"),
              R"([{"id": 1, "old": 5, "field": "a"}, {"id": 1, "new": null, "field": "b"}])");
    EXPECT_EQ(deltas(R"([{"id": 1, "a": 5}])", R"([{"id": 1, "b": 6}])"), "[]");
}

TEST(RowChange, ComparesANestedValueAsAWhole) {
    EXPECT_EQ(row_changes(row(R"({"a": [1.0, {"b": 2}]})"), row(R"({"a": [1.00, {"b": 2.0}]})")),
              "[]");
    EXPECT_EQ(row_changes(row(R"({"a": [1.0, {"b": 2}]})"), row(R"({"a": [1.00, {"b": 3}]})")),
              R"([{"id": 1, "new": {"a": [1.00, {"b": 3}]}, "old": {"a": [1.0, {"b": 2}]}, )"
              R"("field": "v"}])");
}

TEST(RowChange, AreOrderedByPlaceInAfterThenByField) {
    EXPECT_EQ(row_changes(R"([{"id": 1, "b": "x", "aa": "x"}, {"id": 2, "c": "x"}])",
                          R"([{"id": 2, "c": "y"}, {"id": 1, "b": "y", "aa": "y"}])"),
              R"([{"id": 2, "new": "y", "old": "x", "field": "c"}, )"
              R"({"id": 1, "new": "y", "old": "x", "field": "aa"}, )"
              R"({"id": 1, "new": "y", "old": "x", "field": "b"}])");
}

TEST(RowChange, OfOneRowGoIntoBothLists) {
    const std::string before = R"([{"id": 1, "n": 1, "t": "x", "u": 1}])";
    const std::string after = R"([{"id": 1, "n": 2, "t": "y", "u": "1"}])";
    EXPECT_EQ(deltas(before, after),
              R"([{"id": 1, "new": 2, "old": 1, "delta": 1, "field": "n", "delta_pct": 1}])");
    EXPECT_EQ(row_changes(before, after), R"([{"id": 1, "new": "y", "old": "x", "field": "t"}, )"
                                          R"({"id": 1, "new": "1", "old": 1, "field": "u"}])");
}

TEST(RowChange, FieldNamesMayBeEmptyOrLong) {
    const std::string name(3000, 'n');
    EXPECT_EQ(row_changes(R"([{"id": 1, "": "x", ")" + name + R"(": "x"}])",
                          R"([{"id": 1, "": "y", ")" + name + R"(": "y"}])"),
              R"([{"id": 1, "new": "y", "old": "x", "field": ""}, )"
              R"({"id": 1, "new": "y", "old": "x", "field": ")" +
                  name + "\"}]");
}

// A row of many fields, of which one has its own value.
std::string wide_row(std::size_t fields, std::size_t special, std::string_view value) {
    return R"([{"id": 1, )" +
           joined(fields,
                  [&](std::size_t i) {
                      return "\"f" + std::to_string(i) +
                             "\": " + (i == special ? std::string(value) : std::to_string(i));
                  }) +
           "}]";
}

TEST(RowChange, IsFoundInEveryFieldOfAWideRow) {
    for (const std::size_t fields : {30U, 31U, 32U, 33U, 64U, 100U, 150U}) {
        for (std::size_t i = 0; i < fields; i += i + 7 < fields ? 7 : 1) {
            ASSERT_EQ(row_changes(wide_row(fields, i, "\"x\""), wide_row(fields, i, "\"yy\"")),
                      R"([{"id": 1, "new": "yy", "old": "x", "field": "f)" + std::to_string(i) +
                          "\"}]")
                << fields;
            ASSERT_EQ(deltas(wide_row(fields, i, "1.5"), wide_row(fields, i, "3")),
                      R"([{"id": 1, "new": 3, "old": 1.5, "delta": 1.5, "field": "f)" +
                          std::to_string(i) + R"(", "delta_pct": 1}])")
                << fields;
        }
    }
}

TEST(RowChange, IsFoundBetweenRowsOfDifferentShapes) {
    const std::string before = R"([{"id": 1, "a": 1, "long_name": 2, "c": 3}, {"id": 2},
                                   {"c": 1, "id": 3, "x": 5}, {"id": 4, "a": 1, "c": 2}])";
    const std::string after = R"([{"id": 4, "a": 2, "c": 2}, {"id": 3, "x": 6}, {"id": 2, "q": 1},
                                  {"id": 1, "a": 1, "long_name": 3}])";
    EXPECT_EQ(
        deltas(before, after),
        R"([{"id": 4, "new": 2, "old": 1, "delta": 1, "field": "a", "delta_pct": 1}, )"
        R"({"id": 3, "new": 6, "old": 5, "delta": 1, "field": "x", "delta_pct": 0.2}, )"
        R"({"id": 1, "new": 3, "old": 2, "delta": 1, "field": "long_name", "delta_pct": 0.5}])");
    EXPECT_EQ(row_changes(before, after),
              R"([{"id": 3, "old": 1, "field": "c"}, {"id": 2, "new": 1, "field": "q"}, )"
              R"({"id": 1, "old": 3, "field": "c"}])");
}

TEST(RowChange, AShortRowAtTheEndOfTheDocumentIsNotReadBeyondItsEnd) {
    // The sanitizer would see it: a document owns no byte too many.
    const std::string wide = wide_row(100, 0, "0");
    const std::string rows = wide.substr(0, wide.size() - 1) + R"(, {"id": "x"}])";
    EXPECT_EQ(diff_member("id_set_added", wide, rows), R"(["x"])");
    EXPECT_EQ(diff_member("id_set_removed", rows, wide), R"(["x"])");
    EXPECT_EQ(row_changes(rows, R"([{"id": "x"}])"), "[]");
}

TEST(IdSets, HoldWhatCameAndWhatWentInTheirOwnOrder) {
    const std::string before = R"([{"id": "z"}, {"id": "k"}, {"id": "b"}, {"id": 10}])";
    const std::string after = R"([{"id": "y"}, {"id": "k"}, {"id": 3.50}, {"id": "a"}])";
    EXPECT_EQ(diff_member("id_set_added", before, after), R"(["y", 3.50, "a"])");
    EXPECT_EQ(diff_member("id_set_removed", before, after), R"(["z", "b", 10])");
}

TEST(IdSets, OneAndOnePointZeroAreOneIdAndTextIsAnother) {
    const std::string one = R"([{"id": 1, "v": 1}])";
    EXPECT_EQ(diff_member("id_set_added", one, R"([{"id": 1.0, "v": 1}])"), "[]");
    EXPECT_EQ(row_changes(one, R"([{"id": 1.0, "v": 1}])"), "[]");
    EXPECT_EQ(diff_member("id_set_added", one, R"([{"id": "1", "v": 1}])"), R"(["1"])");
    EXPECT_EQ(diff_member("id_set_removed", one, R"([{"id": "1", "v": 1}])"), "[1]");
    EXPECT_EQ(diff_member("id_set_added", one, R"([{"id": 1.0000000000000000000000001}])"),
              "[1.0000000000000000000000001]");
}

TEST(IdSets, HoldIdsOfAnyLengthAndAlphabet) {
    const std::string id = std::string(20000, 'x') + "é日本";
    const std::string before = R"([{"id": ")" + id + R"(1", "v": 1}])";
    const std::string after = R"([{"id": ")" + id + R"(2"}, {"id": ")" + id + R"(1", "v": 2}])";
    EXPECT_EQ(diff_member("id_set_added", before, after), "[\"" + id + "2\"]");
    EXPECT_EQ(deltas(before, after), R"([{"id": ")" + id +
                                         R"(1", "new": 2, "old": 1, "delta": 1, "field": "v", )"
                                         R"("delta_pct": 1}])");
}

TEST(IdSets, EachSideHasItsOwnIdField) {
    const std::string before = R"({"id_field": "gene", "primary_rows": [{"gene": "a", "v": 1}]})";
    const std::string after = R"({"id_field": "name", "primary_rows": [{"name": "a", "v": 2}]})";
    EXPECT_EQ(diff_member("id_set_added", before, after), "[]");
    EXPECT_EQ(deltas(before, after),
              R"([{"id": "a", "new": 2, "old": 1, "delta": 1, "field": "v", "delta_pct": 1}])");
    EXPECT_EQ(row_changes(before, after), R"([{"id": "a", "old": "a", "field": "gene"}, )"
                                          R"({"id": "a", "new": "a", "field": "name"}])");
    // Rows that are identical byte for byte are still two ids.
    const std::string both = R"([{"a": 1, "b": 2}])";
    EXPECT_EQ(diff_member("id_set_added", R"({"id_field": "a", "primary_rows": )" + both + "}",
                          R"({"id_field": "b", "primary_rows": )" + both + "}"),
              "[2]");
}

TEST(IdSets, AreFoundAmongMoreRowsThanAnOffsetStride) {
    const auto rows = [](std::size_t from, std::size_t to) {
        return "[" +
               joined(to - from,
                      [&](std::size_t i) {
                          return R"({"id": "g)" + std::to_string(from + i) + R"(", "v": )" +
                                 std::to_string(i) + "}";
                      }) +
               "]";
    };
    EXPECT_EQ(diff_member("id_set_added", rows(0, 100), rows(2, 103)),
              R"(["g100", "g101", "g102"])");
    EXPECT_EQ(diff_member("id_set_removed", rows(0, 100), rows(2, 103)), R"(["g0", "g1"])");
    EXPECT_EQ(diff_member("id_set_added", "[]", rows(0, 0)), "[]");
}

} // namespace
} // namespace dashboard_diff::testing
