// A dashboard's checks: the grammar, and what they find.

#include "core/checks_evaluate.h"

#include <gtest/gtest.h>

#include "support/fixtures.h"
#include "support/interrupts.h"
#include "support/random_pairs.h"

namespace dashboard_diff::testing {
namespace {

const Runtime runtime;

constexpr std::int64_t second = 1'000'000;

// Intervals for these tests: a number of seconds.
std::optional<std::int64_t> read_seconds(std::string_view text) {
    std::int64_t seconds = 0;
    for (const char c : text) {
        if (c < '0' || c > '9')
            return std::nullopt;
        seconds = seconds * 10 + (c - '0');
    }
    return seconds * second;
}

Caught checks_error(std::string_view checks) {
    const Document document(checks);
    return error_of([&] { Checks::read(document.root(), read_seconds, runtime); });
}

struct Found {
    std::string status;
    std::string summary;
    std::string issues;
};

std::string text_of(const Value& object, std::string_view key) {
    return std::string(find_member(object, key).text());
}

Found found_by(std::string_view checks, std::string_view content, std::string_view previous = {},
               std::optional<std::int64_t> age = 0, std::optional<std::string_view> failure = {},
               const Runtime& with = runtime) {
    const Document rules(checks);
    std::optional<Document> now;
    std::optional<Document> before;
    CheckedDashboard dashboard;
    if (!content.empty())
        dashboard.content = now.emplace(content).root();
    if (!previous.empty())
        dashboard.previous = before.emplace(previous).root();
    dashboard.age = age;
    dashboard.failure = failure;
    const Document result(evaluate(Checks::read(rules.root(), read_seconds, with), dashboard, with),
                          with);
    return {text_of(result.root(), "status"), text_of(result.root(), "summary"),
            member_text(result.root(), "issues")};
}

TEST(ChecksGrammar, TellsThePlace) {
    const Caught unknown = checks_error(R"([{"min_rows": 1}, {"null_fracton": 0.1}])");
    EXPECT_EQ(unknown.code, ErrorCode::invalid_parameter);
    EXPECT_EQ(unknown.message, "invalid checks");
    EXPECT_EQ(unknown.detail, "at $[1].null_fracton: is no operator or modifier");
    EXPECT_EQ(unknown.hint, "Perhaps you meant \"null_fraction\".");
    EXPECT_EQ(checks_error(R"([{"fail_when": {"AND": [{"NOT": {"top_n_moved": 0}}]}}])").detail,
              "at $[0].fail_when.AND[0].NOT.top_n_moved: must be an integer of 1 or more");
    EXPECT_EQ(checks_error(R"([{"freshness": "x"}])").detail,
              "at $[0].freshness: must be an interval greater than 0, as text");
}

TEST(Checks, AnAgeMayBeAsLongAsTheLimit) {
    EXPECT_EQ(found_by(R"([{"freshness": "90"}])", "[]", {}, 90 * second).status, "PASS");
    EXPECT_EQ(found_by(R"([{"freshness": "90"}])", "[]", {}, 90 * second + 1).summary,
              "the latest snapshot is 1 min 30 s old, at most 90 expected");
}

TEST(Checks, WithoutASnapshotOnlyItsFailureIsKnown) {
    const std::string_view checks = R"([{"min_rows": 1}, {"snapshot": "ok"}])";
    EXPECT_EQ(found_by(checks, {}).status, "UNKNOWN");
    EXPECT_EQ(found_by(checks, {}, {}, {}, "no such table").status, "FAIL");
}

TEST(Checks, RowsOfOtherKeysAreLookedAtToo) {
    // Rows whose keys differ are not laid out alike.
    EXPECT_EQ(
        found_by(R"([{"null_fraction": 0.5, "on_field": "s"}])",
                 R"([{"id": 1, "s": 1}, {"a": 1, "id": 2, "s": 2}, {"id": 3}, {"id": 4, "t": 1}])")
            .status,
        "PASS");
    EXPECT_EQ(
        found_by(R"([{"range": [0, 1], "on_field": "id"}])", R"([{"id": 1}, {"id": 2, "x": 0}])")
            .summary,
        "id of 2 is 2, outside 0 to 1");
}

TEST(Checks, TheReportIsWrittenInOrder) {
    EXPECT_EQ(found_by(R"([{"max_rows": 0, "severity": "WARN"}, {"min_rows": 2}])", "[{\"id\": 1}]")
                  .issues,
              R"([{"message": "1 row, at least 2 expected", "location": "primary_rows", )"
              R"("severity": "FAIL"}, {"message": "1 row, at most 0 expected", )"
              R"("location": "primary_rows", "severity": "WARN"}])");
}

TEST(Checks, LongWorkCanBeEnded) {
    const std::string rows =
        "[" +
        joined(5000,
               [](std::size_t i) { return R"({"id": )" + std::to_string(i) + R"(, "s": 1})"; }) +
        "]";
    const Interrupts interrupts(2);
    EXPECT_THROW(
        found_by(R"([{"range": [0, 1], "on_field": "s"}])", rows, {}, 0, {}, interrupts.runtime()),
        Interrupted);
}

// A threshold is judged as it is for subscribers.
TEST(ChecksLaws, ThresholdsAreJudgedAsForSubscribers) {
    for_each_pair(
        400, 17, [](const ModelSnapshot& before, const ModelSnapshot& after, Random& random) {
            const ModelRule rule = random_rule(random, before, after, 10);
            if (rule.json.find("source") != rule.json.npos ||
                rule.json.find("on_metric") != rule.json.npos)
                return; // what a snapshot lacks is unknown here
            const Found found =
                found_by("[{\"fail_when\": " + rule.json + "}]", after.json(), before.json());
            if (found.summary.find("had no snapshot") != found.summary.npos)
                return; // made in another way
            EXPECT_EQ(found.status, rule.truth == Truth::yes  ? "FAIL"
                                    : rule.truth == Truth::no ? "PASS"
                                                              : "UNKNOWN")
                << rule.json;
        });
}

// The share of null is counted one row at a time, and compared as whole numbers.
TEST(ChecksLaws, FractionsAreExact) {
    for (int rows = 0; rows <= 12; ++rows)
        for (int nulls = 0; nulls <= rows; ++nulls)
            for (int percent = 0; percent <= 100; percent += 5) {
                const std::string content =
                    "[" +
                    joined(static_cast<std::size_t>(rows),
                           [&](std::size_t i) {
                               return R"({"id": )" + std::to_string(i) + R"(, "s": )" +
                                      (static_cast<int>(i) < nulls ? "null}" : "1}");
                           }) +
                    "]";
                const std::string digits = std::to_string(1000 + percent * 10).substr(1);
                const std::string limit = percent == 100 ? "1" : "0." + digits;
                EXPECT_EQ(
                    found_by("[{\"null_fraction\": " + limit + ", \"on_field\": \"s\"}]", content)
                        .status,
                    nulls * 100 > percent * rows ? "FAIL" : "PASS")
                    << nulls << " of " << rows << ", " << limit;
            }
}

} // namespace
} // namespace dashboard_diff::testing
