// How large numbers, names and lists of rules may be.

#include "core/limits.h"

#include <gtest/gtest.h>

#include "core/checks.h"
#include "core/tuning.h"
#include "core/view_spec.h"
#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

const Runtime runtime;

std::string digits(std::size_t n, char digit = '7') {
    return std::string(n, digit);
}

std::string quoted(std::size_t bytes) {
    return "\"" + std::string(bytes, 'x') + "\"";
}

// What a number is refused for; empty where it is not.
std::string problem_of(const std::string& number) {
    const Document document("[" + number + "]");
    return std::string(
        limits::problem_of_number(Decimal(Container(document.root().data).child(0))).text);
}

void accept(const std::string& threshold) {
    const Document rule(threshold);
    EXPECT_NO_THROW(Threshold::read(rule.root(), runtime)) << threshold.substr(0, 200);
}

// Refused at a place, with words for what is wrong and what to do.
void refuse(const std::string& threshold, std::string_view detail) {
    const Caught caught = threshold_error(threshold);
    EXPECT_EQ(caught.code, ErrorCode::invalid_parameter);
    EXPECT_EQ(caught.message, "invalid threshold");
    EXPECT_EQ(caught.detail, detail);
    EXPECT_FALSE(caught.hint.empty());
}

TEST(Limits, ANumberHasAThousandSignificantDigits) {
    constexpr std::string_view too_long = "must have at most 1000 significant digits";
    // As a whole, with the point at each place of a group of four, and all behind it.
    EXPECT_EQ(problem_of(digits(1000)), "");
    EXPECT_EQ(problem_of(digits(1000) + "0"), "");
    EXPECT_EQ(problem_of(digits(1001)), too_long);
    EXPECT_EQ(problem_of("0." + digits(1000)), "");
    for (std::size_t whole = 1; whole < 9; ++whole) {
        for (const std::string sign : {"", "-"}) {
            EXPECT_EQ(problem_of(sign + digits(whole) + "." + digits(1000 - whole)), "") << whole;
            EXPECT_EQ(problem_of(sign + digits(whole) + "." + digits(1000 - whole) + "000"),
                      whole < 3 ? "must have at most 1000 decimal places" : "")
                << whole;
            EXPECT_EQ(problem_of(sign + digits(1000 - whole) + "." + digits(whole + 1)), too_long)
                << whole;
            EXPECT_EQ(problem_of(sign + digits(whole) + "." + digits(1001 - whole)), too_long)
                << whole;
        }
    }
    EXPECT_EQ(problem_of(digits(131072)), "must be less than 1e1001");
}

TEST(Limits, ANumberHasAnExponentOfAThousand) {
    for (const std::string number : {"0", "1e1000", "9e1000", "-9.5e1000", "1e-1000", "0.0"})
        EXPECT_EQ(problem_of(number), "") << number;
    for (const std::string number : {"1e1001", "-1e1001", "9e131071"})
        EXPECT_EQ(problem_of(number), "must be less than 1e1001") << number;
    // Digits that are zero are shown all the same.
    for (const std::string& number : {std::string("1e-1001"), std::string("1e-16383"),
                                      "3." + digits(1001, '0'), "0." + digits(1001, '0')})
        EXPECT_EQ(problem_of(number), "must have at most 1000 decimal places");
    EXPECT_EQ(problem_of("3." + digits(1000, '0')), "");
}

TEST(Limits, HoldForEachNumberOfARule) {
    const std::string longer = digits(2) + "." + digits(999);
    const std::string problem = ": must have at most 1000 significant digits";
    for (const std::string op :
         {"value_delta_pct", "value_delta", "primary_metric_delta_pct", "primary_metric_delta"}) {
        accept("{\"" + op + "\": 0." + digits(1000) + "}");
        refuse("{\"" + op + "\": " + longer + "}", "at $." + op + problem);
    }
    for (const std::string op : {"metric_delta", "metric_delta_pct"})
        refuse("{\"on_metric\": \"m\", \"" + op + "\": " + longer + "}", "at $." + op + problem);
    refuse(R"({"OR": [{"NOT": {"value_delta_pct": 1, "min_abs": )" + longer + "}}]}",
           "at $.OR[0].NOT.min_abs" + problem);
    const std::string three = "3." + digits(1001, '0');
    const std::string places = ": must have at most 1000 decimal places";
    refuse("{\"set_added_min\": " + three + "}", "at $.set_added_min" + places);
    refuse("{\"rank_delta\": 1, \"top_n\": " + three + "}", "at $.top_n" + places);
    refuse("{\"value_delta\": 1, \"min_rows\": " + three + "}", "at $.min_rows" + places);
}

TEST(Limits, ANameHasAThousandBytes) {
    const std::string problem = ": must be at most 1000 bytes long";
    for (const std::string op : {"field_changed", "on_field", "source", "on_metric"}) {
        const std::string other = op == "field_changed" ? ""
                                  : op == "on_metric"   ? ", \"metric_delta\": 1"
                                                        : ", \"value_delta\": 1";
        accept("{\"" + op + "\": " + quoted(1000) + other + "}");
        refuse("{\"" + op + "\": " + quoted(1001) + other + "}", "at $." + op + problem);
    }
    accept(R"({"rank_delta": 1, "ids": [)" + quoted(1000) + ", " + digits(1900) + "]}");
    refuse(R"({"rank_delta": 1, "ids": ["x", )" + quoted(1001) + "]}", "at $.ids[1]" + problem);
    refuse(R"({"rank_delta": 1, "ids": [)" + digits(2100) + "]}", "at $.ids[0]" + problem);
}

TEST(Limits, AValueToCompareWithHasTenThousandBytes) {
    accept(R"({"field_changed": "f", "to": )" + quoted(10'000) + "}");
    for (const std::string& to : {quoted(10'001), "[" + quoted(10'000) + "]", digits(40'000)})
        refuse(R"({"field_changed": "f", "to": )" + to + "}",
               "at $.to: must be at most 10000 bytes long");
}

TEST(Limits, ARuleNamesTenThousandIds) {
    const auto with_ids = [](std::size_t n) {
        return R"({"rank_delta": 1, "ids": [)" +
               joined(n, [](std::size_t i) { return std::to_string(i); }) + "]}";
    };
    accept(with_ids(10'000));
    refuse(with_ids(10'001), "at $.ids: must have at most 10000 ids");
}

TEST(Limits, AThresholdHasAQuarterOfAMegabyte) {
    const auto rules = [](std::size_t n) {
        return R"({"OR": [)" +
               joined(n,
                      [](std::size_t) {
                          return R"({"field_changed": "f", "to": )" + quoted(9'900) + "}";
                      }) +
               "]}";
    };
    accept(rules(26));
    refuse(rules(27), "at $: must be at most 262144 bytes long");
}

TEST(Limits, OfChecks) {
    const auto refuse_checks = [](const std::string& checks, std::string_view detail) {
        const Document document(checks);
        const Caught caught = error_of([&] {
            Checks::read(
                document.root(), [](std::string_view) { return std::optional<std::int64_t>(1); },
                runtime);
        });
        EXPECT_EQ(caught.code, ErrorCode::invalid_parameter);
        EXPECT_EQ(caught.message, "invalid checks");
        EXPECT_EQ(caught.detail, detail);
        EXPECT_FALSE(caught.hint.empty());
    };
    const std::string longer = digits(2) + "." + digits(999);
    const std::string problem = ": must have at most 1000 significant digits";
    refuse_checks("[{\"on_field\": \"f\", \"null_fraction\": 0." + digits(1001) + "}]",
                  "at $[0].null_fraction: must have at most 1000 decimal places");
    refuse_checks("[{\"on_field\": \"f\", \"range\": [" + longer + ", null]}]",
                  "at $[0].range[0]" + problem);
    refuse_checks("[{\"on_field\": \"f\", \"range\": [null, " + longer + "]}]",
                  "at $[0].range[1]" + problem);
    refuse_checks("[{\"min_rows\": 1." + digits(1001, '0') + "}]",
                  "at $[0].min_rows: must have at most 1000 decimal places");
    refuse_checks("[{\"min_rows\": 1, \"source\": " + quoted(1001) + "}]",
                  "at $[0].source: must be at most 1000 bytes long");
    refuse_checks("[{\"range\": [1, 2], \"on_field\": " + quoted(1001) + "}]",
                  "at $[0].on_field: must be at most 1000 bytes long");
    const Document nested("[{\"fail_when\": {\"value_delta\": " + longer + "}}]");
    EXPECT_EQ(error_of([&] {
                  Checks::read(
                      nested.root(),
                      [](std::string_view) { return std::optional<std::int64_t>(1); }, runtime);
              }).detail,
              "at $[0].fail_when.value_delta" + problem);
}

TEST(Limits, OfViewSpecs) {
    const auto refuse_spec = [](const std::string& spec, std::string_view detail) {
        const Document document(spec);
        const Caught caught = error_of([&] { ViewSpec::read(document.root(), runtime); });
        EXPECT_EQ(caught.code, ErrorCode::invalid_parameter);
        EXPECT_EQ(caught.detail, detail);
        EXPECT_FALSE(caught.hint.empty());
    };
    const std::string sources = R"("data_sources": {"x": {"sql": "SELECT 1"}})";
    for (const std::string key : {"id_field", "rank_by"})
        refuse_spec("{" + sources + ", \"" + key + "\": " + quoted(1001) + "}",
                    "at $." + key + ": must be at most 1000 bytes long");
    refuse_spec("{\"data_sources\": {" + quoted(1001) + R"(: {"sql": "SELECT 1"}}})",
                "at $.data_sources." + std::string(100, 'x') +
                    "...: must be at most 1000 bytes long");
    refuse_spec(R"({"data_sources": {"x": {"sql": )" + quoted(1024 * 1024 + 1) + "}}}",
                "at $.data_sources.x.sql: must be at most 1048576 bytes long");
}

// What is suggested can be subscribed with.
TEST(Limits, ASuggestionKeepsToThem) {
    for (const std::string& limit :
         {std::string("1e1000"), std::string("1e-1000"), digits(1000), "0." + digits(1000)}) {
        for (const double factor : {1e-150, 1e-9, 0.37, 41.0, 1e12, 1e150}) {
            const Document rule(R"({"OR": [{"value_delta": )" + limit +
                                R"(}, {"value_delta_pct": )" + limit + "}]}");
            const Threshold threshold = Threshold::read(rule.root(), runtime);
            const Document scaled(scale_limits(threshold, factor, factor * 1.5, runtime));
            EXPECT_NO_THROW(Threshold::read(scaled.root(), runtime)) << limit << " * " << factor;
        }
    }
}

} // namespace
} // namespace dashboard_diff::testing
