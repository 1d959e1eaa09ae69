// What a snapshot document may look like, and what it is refused for.

#include "core/snapshot.h"
#include "core/snapshot_check.h"

#include <gtest/gtest.h>

#include "core/id_index.h"
#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

const Runtime runtime;

std::string rows_of(std::string_view json) {
    const Document document(json);
    return json_text(Snapshot::read(document.root(), {}).primary().rows);
}

void validate(std::string_view json) {
    const Document document(json);
    validate_snapshot(document.root(), runtime);
}

std::string detail_of(std::string_view json) {
    const Caught caught = error_of([&] { validate(json); });
    EXPECT_EQ(caught.code, ErrorCode::invalid_parameter);
    EXPECT_EQ(caught.message, "invalid dashboard snapshot");
    return caught.detail;
}

// Rows 0 ... n - 1, each named after its number.
std::string numbered_rows(std::size_t n) {
    return joined(n, [](std::size_t i) { return "{\"id\": \"g" + std::to_string(i) + "\"}"; });
}

TEST(Snapshot, ABareArrayIsItsPrimaryRows) {
    EXPECT_EQ(rows_of(R"([{"id": 1}, {"id": 2}])"), R"([{"id": 1}, {"id": 2}])");
    EXPECT_EQ(rows_of(R"({"primary_rows": [{"id": 1}]})"), R"([{"id": 1}])");
    EXPECT_EQ(rows_of("[]"), "[]");
}

TEST(Snapshot, TheOnlyRowSourceIsThePrimaryOne) {
    EXPECT_EQ(rows_of(R"({"materialized_data": {"total": 5, "list": [{"id": 7}]}})"),
              R"([{"id": 7}])");
}

TEST(Snapshot, ANamedSourceIsThePrimaryOne) {
    const std::string data = R"("materialized_data": {"a": [{"id": 1}], "b": [{"id": 2}], "m": 1})";
    EXPECT_EQ(rows_of(R"({"primary": "a", )" + data + "}"), R"([{"id": 1}])");
    EXPECT_EQ(rows_of(R"({"primary": "b", )" + data + "}"), R"([{"id": 2}])");
}

TEST(Snapshot, PrimaryRowsWinOverMaterializedData) {
    EXPECT_EQ(rows_of(R"({"primary_rows": [{"id": 1}], "materialized_data": {"a": [{"id": 2}]}})"),
              R"([{"id": 1}])");
}

TEST(Snapshot, SeveralSourcesNeedAName) {
    const Caught caught =
        error_of([] { validate(R"({"materialized_data": {"a": [], "b": [], "m": 3}})"); });
    EXPECT_EQ(caught.detail,
              "materialized_data: holds 2 row sources, so that the primary one is not known");
    EXPECT_EQ(caught.hint, "Name the primary row source with \"primary\".");
    EXPECT_EQ(detail_of(R"({"materialized_data": {"m": 3}})"),
              "materialized_data: holds 0 row sources, so that the primary one is not known");
}

TEST(Snapshot, TheNamedPrimaryMustBeARowSource) {
    EXPECT_EQ(detail_of(R"({"primary": "c", "materialized_data": {"a": [], "b": []}})"),
              R"(primary: "c" is no row source of materialized_data)");
    EXPECT_EQ(detail_of(R"({"primary": "m", "materialized_data": {"a": [], "m": 1}})"),
              R"(primary: "m" is no row source of materialized_data)");
    EXPECT_EQ(detail_of(R"({"primary": "a"})"),
              R"(primary: "a" is no row source of materialized_data)");
    EXPECT_EQ(detail_of(R"({"primary": 5, "materialized_data": {"a": []}})"),
              "primary: must be a non-empty string");
}

TEST(Snapshot, NeedsRows) {
    EXPECT_EQ(detail_of("{}"), "primary_rows: is missing");
    EXPECT_EQ(detail_of(R"({"primary_rows": null})"), "primary_rows: must be an array of rows");
    EXPECT_EQ(detail_of(R"({"primary_rows": {"id": 1}})"),
              "primary_rows: must be an array of rows");
}

TEST(Snapshot, MustBeAnArrayOrAnObject) {
    for (const std::string json : {"5", "\"text\"", "null", "true"}) {
        const Caught caught = error_of([&] { validate(json); });
        EXPECT_EQ(caught.code, ErrorCode::invalid_parameter) << json;
        EXPECT_EQ(caught.detail, "$: must be an array of rows or an object") << json;
        EXPECT_NE(caught.hint, "") << json;
    }
}

TEST(Snapshot, MaterializedDataHoldsRowSourcesAndNumbers) {
    EXPECT_EQ(detail_of(R"({"primary_rows": [], "materialized_data": []})"),
              "materialized_data: must be an object");
    for (const std::string value : {"\"5\"", "null", "true", "{}"})
        EXPECT_EQ(detail_of(R"({"primary_rows": [], "materialized_data": {"x": )" + value + "}}"),
                  "materialized_data.x: must be an array of rows or a number");
    EXPECT_NO_THROW(validate(R"({"primary_rows": [], "materialized_data": {}})"));
}

TEST(Snapshot, ThePrimaryMetricIsANumber) {
    for (const std::string value : {"\"12\"", "null", "true", "[1]", "{}"})
        EXPECT_EQ(detail_of(R"({"primary_rows": [], "primary_metric": )" + value + "}"),
                  "primary_metric: must be a number");
    EXPECT_NO_THROW(validate(R"({"primary_rows": [], "primary_metric": -1e-400})"));
}

TEST(Snapshot, RankOrderIsAscOrDesc) {
    EXPECT_EQ(detail_of(R"({"primary_rows": [], "rank_by": "s", "rank_order": "up"})"),
              R"(rank_order: must be "asc" or "desc")");
    EXPECT_EQ(detail_of(R"({"primary_rows": [], "rank_by": ""})"),
              "rank_by: must be a non-empty string");
    EXPECT_EQ(detail_of(R"({"primary_rows": [], "id_field": 5})"),
              "id_field: must be a non-empty string");
}

TEST(Snapshot, KeysThatItDoesNotKnowAreLeftAlone) {
    EXPECT_NO_THROW(validate(R"({"primary_rows": [], "captured_by": "me", "version": [1]})"));
}

TEST(Snapshot, RankingRulesAreToldApart) {
    const auto rule = [](std::string_view json) {
        const Document document(json);
        const RankingRule read = Snapshot::read(document.root(), {}).ranking();
        return std::string(read.id_field) + "/" + std::string(read.rank_by) +
               (read.ascending ? "/asc" : "");
    };
    EXPECT_EQ(rule("[]"), "id/");
    EXPECT_EQ(rule(R"({"primary_rows": [], "id_field": "key"})"), "key/");
    EXPECT_EQ(rule(R"({"primary_rows": [], "rank_by": "s"})"), "id/s");
    EXPECT_EQ(rule(R"({"primary_rows": [], "rank_by": "s", "rank_order": "desc"})"), "id/s");
    EXPECT_EQ(rule(R"({"primary_rows": [], "rank_by": "s", "rank_order": "asc"})"), "id/s/asc");
    EXPECT_EQ(rule(R"({"primary_rows": [], "rank_order": "asc"})"), "id/");
}

TEST(SnapshotRows, MustBeObjects) {
    for (const std::string row : {"5", "\"x\"", "null", "[]", "true"})
        EXPECT_EQ(detail_of(R"([{"id": 1}, )" + row + "]"), "primary_rows[1]: must be an object");
}

TEST(SnapshotRows, NeedAnId) {
    EXPECT_EQ(detail_of(R"([{"id": 1}, {"name": "x"}])"),
              R"(primary_rows[1]: id field "id" is missing)");
    EXPECT_EQ(detail_of(R"([{}])"), R"(primary_rows[0]: id field "id" is missing)");
    for (const std::string id : {"null", "true", "false", "[1]", "{}"})
        EXPECT_EQ(detail_of(R"([{"id": )" + id + "}]"),
                  R"(primary_rows[0]: id field "id" must be a string or a number)");
    EXPECT_EQ(detail_of(R"({"id_field": "gene", "primary_rows": [{"id": 1}]})"),
              R"(primary_rows[0]: id field "gene" is missing)");
}

TEST(SnapshotRows, MayHaveAnEmptyIdOrZero) {
    EXPECT_NO_THROW(validate(R"([{"id": ""}, {"id": 0}, {"id": "0"}])"));
}

TEST(SnapshotRows, ADuplicateIdIsReportedWithBothPlaces) {
    const std::string rows = R"([{"id": "a"}, {"id": "b"}, {"id": "c"}, {"id": "TP53"}, )" +
                             numbered_rows(13) + R"(, {"id": "TP53"}])";
    EXPECT_EQ(detail_of(rows),
              R"(primary_rows[17]: duplicate id "TP53" (first at primary_rows[3]))");
}

TEST(SnapshotRows, ADuplicateIdIsFoundOnEitherSideOfAComparison) {
    const std::string expected = R"(primary_rows[2]: duplicate id "x" (first at primary_rows[0]))";
    const std::string twice = R"([{"id": "x"}, {"id": "y"}, {"id": "x", "v": 1}])";
    const std::string once = R"([{"id": "x"}, {"id": "y"}])";
    Caught caught = error_of([&] { Comparison(twice, once); });
    EXPECT_EQ(caught.message, R"(invalid dashboard snapshot in argument "before")");
    EXPECT_EQ(caught.detail, expected);
    for (const std::string& before : {once, std::string("[]")}) { // known before, or added twice
        caught = error_of([&] { Comparison(before, twice); });
        EXPECT_EQ(caught.message, R"(invalid dashboard snapshot in argument "after")");
        EXPECT_EQ(caught.detail, expected);
    }
}

TEST(SnapshotRows, AByteIdenticalDuplicateIsFoundToo) {
    const std::string once = R"([{"id": "x"}, {"id": "y"}, {"id": "z"}])";
    EXPECT_EQ(
        error_of([&] { Comparison(once, R"([{"id": "x"}, {"id": "y"}, {"id": "x"}])"); }).detail,
        R"(primary_rows[2]: duplicate id "x" (first at primary_rows[0]))");
    EXPECT_EQ(
        error_of([&] { Comparison(once, R"([{"id": "y"}, {"id": "x"}, {"id": "y"}])"); }).detail,
        R"(primary_rows[2]: duplicate id "y" (first at primary_rows[0]))");
}

TEST(SnapshotRows, NumbersOfOneValueAreOneId) {
    EXPECT_EQ(detail_of(R"([{"id": 1}, {"id": 1.0}])"),
              "primary_rows[1]: duplicate id 1.0 (first at primary_rows[0])");
    EXPECT_EQ(detail_of(R"([{"id": 100}, {"id": 1e2}])"),
              "primary_rows[1]: duplicate id 100 (first at primary_rows[0])");
    EXPECT_NO_THROW(validate(R"([{"id": 1}, {"id": "1"}, {"id": -1}, {"id": 1.5}])"));
}

TEST(SnapshotRows, IdsOfTwoKindsAreNeverEqualWhateverTheirBytes) {
    const Document document(R"(["1", 1, 1.0, "a"])");
    const Container ids(document.root().data);
    EXPECT_FALSE(equal_ids(ids.child(0), ids.child(1)));
    EXPECT_FALSE(equal_ids(ids.child(1), ids.child(0)));
    EXPECT_TRUE(equal_ids(ids.child(1), ids.child(2)));
    const Value number = ids.child(1);
    EXPECT_FALSE(equal_ids({number.data, number.length, Kind::string}, number));
}

TEST(SnapshotRows, AMessageCutsAVeryLongId) {
    const std::string id(5000, 'x');
    EXPECT_EQ(detail_of(R"([{"id": ")" + id + R"("}, {"id": ")" + id + R"("}])"),
              "primary_rows[1]: duplicate id \"" + id.substr(0, 100) +
                  "...\" (first at primary_rows[0])");
    std::string accents; // the cut must not split one
    for (int i = 0; i < 99; ++i)
        accents += "é";
    const std::string detail =
        detail_of(R"([{"id": "a)" + accents + R"("}, {"id": "a)" + accents + "\"}]");
    EXPECT_EQ(detail, "primary_rows[1]: duplicate id \"a" + accents.substr(0, 98) +
                          "...\" (first at primary_rows[0])");
    const std::string digits(300, '7');
    EXPECT_EQ(detail_of(R"([{"id": )" + digits + R"(}, {"id": )" + digits + "}]"),
              "primary_rows[1]: duplicate id " + digits.substr(0, 100) +
                  "... (first at primary_rows[0])");
}

TEST(SnapshotRows, LongIdsDifferInTheirLastByteOnly) {
    const std::string id(100000, 'x');
    EXPECT_NO_THROW(validate(R"([{"id": ")" + id + R"(a"}, {"id": ")" + id + R"(b"}])"));
    EXPECT_THROW(validate(R"([{"id": ")" + id + R"(a"}, {"id": ")" + id + R"(a"}])"), Error);
}

TEST(SnapshotRows, OfEverySourceAreChecked) {
    EXPECT_EQ(
        detail_of(R"({"primary_rows": [], "materialized_data": {"src": [{"id": 1}, {"id": 1}]}})"),
        "materialized_data.src[1]: duplicate id 1 (first at materialized_data.src[0])");
    EXPECT_EQ(detail_of(R"({"materialized_data": {"src": [{"x": 1}]}})"),
              R"(materialized_data.src[0]: id field "id" is missing)");
    EXPECT_EQ(detail_of(R"({"primary": "a", "materialized_data": {"a": [], "b": [7]}})"),
              "materialized_data.b[0]: must be an object");
}

TEST(SnapshotRows, OfASourceAreCheckedWhateverItsNameAndThatOfThePrimary) {
    EXPECT_EQ(detail_of(R"({"primary_rows": [], "primary": "a",
                            "materialized_data": {"a": [{"id": 1}, {"id": 1}]}})"),
              "materialized_data.a[1]: duplicate id 1 (first at materialized_data.a[0])");
    EXPECT_EQ(detail_of(R"({"primary_rows": [], "materialized_data": {"": [5]}})"),
              "materialized_data.[0]: must be an object");
}

TEST(SnapshotRows, OfASourceOnOneSideOnlyAreCheckedInAComparisonToo) {
    const std::string bad =
        R"({"primary_rows": [], "materialized_data": {"src": [{"id": 1}, {"id": 1}]}})";
    const std::string detail =
        "materialized_data.src[1]: duplicate id 1 (first at materialized_data.src[0])";
    EXPECT_EQ(error_of([&] { Comparison(bad, "[]"); }).detail, detail);
    EXPECT_EQ(error_of([&] { Comparison("[]", bad); }).detail, detail);
    const std::string metric = R"({"primary_rows": [], "materialized_data": {"src": 4}})";
    EXPECT_EQ(error_of([&] { Comparison(bad, metric); }).detail, detail);
    EXPECT_EQ(error_of([&] { Comparison(metric, bad); }).detail, detail);
}

TEST(SnapshotRows, OfTheErrorSayWhichArgumentIsMeant) {
    EXPECT_EQ(snapshot_error("[1]").message, R"(invalid dashboard snapshot in argument "before")");
    EXPECT_EQ(error_of([] { Comparison("[]", "5"); }).message,
              R"(invalid dashboard snapshot in argument "after")");
}

TEST(SnapshotRows, ManyOfThemAreAllTold) {
    const std::string rows = numbered_rows(5000);
    EXPECT_NO_THROW(validate("[" + rows + "]"));
    EXPECT_EQ(detail_of("[" + rows + R"(, {"id": "g4321"}])"),
              R"(primary_rows[5000]: duplicate id "g4321" (first at primary_rows[4321]))");
}

} // namespace
} // namespace dashboard_diff::testing
