// What a view_spec says of how a dashboard is made.

#include "core/view_spec.h"

#include <gtest/gtest.h>

#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

const Runtime runtime;

// "name=sql ..." in the order of the sources, the primary one marked with * and the metric with #.
std::string sources_of(std::string_view json) {
    const Document document(json);
    const ViewSpec spec = ViewSpec::read(document.root(), runtime);
    std::string text;
    for (std::size_t i = 0; i < spec.sources().size(); ++i)
        text += (i == 0 ? "" : " ") + std::string(spec.sources()[i].name) + "=" +
                std::string(spec.sources()[i].sql) + (i == spec.primary() ? "*" : "") +
                (spec.is_primary_metric(i) ? "#" : "");
    return text;
}

std::string detail_of(std::string_view json) {
    const Caught caught = error_of([&] { sources_of(json); });
    EXPECT_EQ(caught.code, ErrorCode::invalid_parameter);
    EXPECT_EQ(caught.message, "invalid view_spec");
    return caught.detail;
}

TEST(ViewSpec, SourcesComeInTheOrderOfJsonb) {
    EXPECT_EQ(sources_of(R"({"data_sources": {"zz": {"sql": "2"}, "aaa": {"sql": "3"},
                                              "b": {"sql": "1"}}, "primary": "zz"})"),
              "b=1 zz=2* aaa=3");
}

TEST(ViewSpec, TheOnlySourceThatIsNotTheMetricIsThePrimaryOne) {
    EXPECT_EQ(sources_of(R"({"data_sources": {"a": {"sql": "1"}}})"), "a=1*");
    EXPECT_EQ(sources_of(R"({"data_sources": {"a": {"sql": "1"}, "b": {"sql": "2"}},
                             "primary_metric": "a"})"),
              "a=1# b=2*");
    EXPECT_EQ(detail_of(R"({"data_sources": {"a": {"sql": "1"}, "b": {"sql": "2"}}})"),
              "at $.primary: is missing");
}

TEST(ViewSpec, RanksAsItsSnapshotsDo) {
    const auto ranking_of = [](const Document& document) {
        return ViewSpec::read(document.root(), runtime).ranking();
    };
    const Document plain(R"({"data_sources": {"a": {"sql": "1"}}})");
    EXPECT_EQ(ranking_of(plain), RankingRule{});
    const Document ranked(R"({"data_sources": {"a": {"sql": "1"}}, "id_field": "who",
                              "rank_by": "score", "rank_order": "asc"})");
    EXPECT_EQ(ranking_of(ranked),
              (RankingRule{
                  .id_field = "who", .rank_by = "score", .has_rank_by = true, .ascending = true}));
}

TEST(ViewSpec, WhatSaysNothingOfItIsMadeElsewhere) {
    EXPECT_EQ(sources_of("{}"), "");
    EXPECT_EQ(sources_of(R"({"uid": "x", "panels": [1, 2]})"), "");
    // A key of ours without data sources is a mistake.
    EXPECT_EQ(detail_of(R"({"rank_by": "score"})"), "at $.data_sources: is missing");
}

TEST(ViewSpec, LongNamesAreCutInMessages) {
    const std::string name(1000, 'x');
    const std::string detail =
        detail_of(R"({"data_sources": {")" + name + R"(": {"sequel": "1"}}})");
    EXPECT_EQ(detail, "at $.data_sources." + name.substr(0, 100) +
                          "....sequel: is no key of a data source");
}

TEST(ViewSpec, ThePathOfAQueryNamesItsSource) {
    EXPECT_EQ(query_path("leaders", runtime), "$.data_sources.leaders.sql");
}

} // namespace
} // namespace dashboard_diff::testing
