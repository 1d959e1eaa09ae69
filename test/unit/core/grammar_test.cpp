// What a threshold is refused for, and what the message says.

#include <gtest/gtest.h>

#include "core/jsonb_writer.h"
#include "core/operators.h"
#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

const Runtime runtime;

std::string detail_of(std::string_view threshold) {
    const Caught caught = threshold_error(threshold);
    EXPECT_EQ(caught.code, ErrorCode::invalid_parameter);
    EXPECT_EQ(caught.message, "invalid threshold");
    return caught.detail;
}

std::string hint_of(std::string_view threshold) {
    return threshold_error(threshold).hint;
}

void accept(std::string_view threshold) {
    const Document rule(threshold);
    EXPECT_NO_THROW(Threshold::read(rule.root(), runtime)) << threshold;
}

// A rule inside so many operators, of which each is a level.
std::string nested(std::size_t wrappers, std::string rule = R"({"set_added_min": 1})") {
    for (std::size_t i = 0; i < wrappers; ++i)
        rule = i % 2 == 0 ? R"({"NOT": )" + rule + "}" : R"({"AND": [)" + rule + "]}";
    return rule;
}

std::string repeated(std::size_t count) {
    return R"({"OR": [)" + joined(count, [](std::size_t) { return R"({"set_added_min": 1})"; }) +
           "]}";
}

TEST(Grammar, OfARuleIsAnObject) {
    for (const std::string rule : {"5", "\"x\"", "null", "[]", "true"})
        EXPECT_EQ(detail_of(rule), "at $: must be an object with one operator") << rule;
    EXPECT_EQ(detail_of(R"({"AND": [{"set_added_min": 1}, 7]})"),
              "at $.AND[1]: must be an object with one operator");
    EXPECT_EQ(detail_of(R"({"NOT": [{"set_added_min": 1}]})"),
              "at $.NOT: must be an object with one operator");
}

TEST(Grammar, HasExactlyOneOperatorToANode) {
    EXPECT_EQ(detail_of("{}"), "at $: must have one operator");
    EXPECT_EQ(hint_of("{}").substr(0, 27), "Operators are AND, OR, NOT,");
    EXPECT_EQ(detail_of(R"({"top_n": 5})"), "at $: must have one operator");
    const Caught caught = threshold_error(R"({"set_added_min": 1, "set_removed_min": 1})");
    EXPECT_EQ(caught.detail, R"(at $: has two operators, "set_added_min" and "set_removed_min")");
    EXPECT_EQ(caught.hint, R"(Combine rules with "AND" or "OR".)");
    EXPECT_EQ(detail_of(R"({"OR": [{"AND": [{"set_added_min": 1}], "NOT": {}}]})"),
              R"(at $.OR[0]: has two operators, "AND" and "NOT")");
}

TEST(Grammar, AnUnknownKeyIsAnsweredWithTheNearestOne) {
    const Caught caught = threshold_error(R"({"AND": [{"set_aded_min": 1}]})");
    EXPECT_EQ(caught.detail, "at $.AND[0].set_aded_min: is no operator or modifier");
    EXPECT_EQ(caught.hint, R"(Perhaps you meant "set_added_min".)");
    EXPECT_EQ(hint_of(R"({"and": []})"), R"(Perhaps you meant "AND".)");
    EXPECT_EQ(hint_of(R"({"value_delta_pct": 1, "dirction": "up"})"),
              R"(Perhaps you meant "direction".)");
    EXPECT_EQ(hint_of(R"({"value_delta_prc": 1})"), R"(Perhaps you meant "value_delta_pct".)");
    EXPECT_EQ(hint_of(R"({"topn_reordering": 1})"), R"(Perhaps you meant "top_n_reordering".)");
    EXPECT_EQ(hint_of(R"({"zzzzzzzzzzzzzzzzzzzzzz": 1})").substr(0, 14), "Operators are ");
    EXPECT_EQ(hint_of("{\"" + std::string(100000, 'x') + "\": 1}").substr(0, 14), "Operators are ");
    EXPECT_EQ(detail_of(R"({"": 1})"), "at $.: is no operator or modifier");
}

TEST(Grammar, EveryOperatorIsItsOwnNearestKey) {
    for (const Operator& op : operators())
        EXPECT_EQ(nearest_key(op.name), op.name);
    for (const ModifierName& m : modifier_names())
        EXPECT_EQ(nearest_key(m.name), m.name);
}

TEST(Grammar, AModifierBelongsToItsOperators) {
    EXPECT_EQ(detail_of(R"({"set_added_min": 1, "direction": "up"})"),
              R"(at $.direction: is no modifier of "set_added_min")");
    EXPECT_EQ(detail_of(R"({"AND": [{"set_added_min": 1}], "top_n": 5})"),
              R"(at $.top_n: is no modifier of "AND")");
    EXPECT_EQ(detail_of(R"({"NOT": {"top_n_reordering": 1, "min_abs": 5}})"),
              R"(at $.NOT.min_abs: is no modifier of "top_n_reordering")");
    EXPECT_EQ(detail_of(R"({"primary_metric_delta_pct": 1, "on_field": "x"})"),
              R"(at $.on_field: is no modifier of "primary_metric_delta_pct")");
}

TEST(Grammar, ACombinationIsNotEmpty) {
    for (const std::string op : {"AND", "OR"}) {
        for (const std::string value : {"[]", "{}", "5", "null", R"({"set_added_min": 1})"})
            EXPECT_EQ(detail_of("{\"" + op + "\": " + value + "}"),
                      "at $." + op + ": must be a non-empty array of rules");
    }
}

TEST(Grammar, AFractionIsGreaterThanZero) {
    for (const std::string value : {"0", "-0.1", "0.00", "\"0.1\"", "null", "true", "[]"}) {
        EXPECT_EQ(
            detail_of(R"({"AND": [{"set_added_min": 1}, {"value_delta_pct": )" + value + "}]}"),
            "at $.AND[1].value_delta_pct: must be a number greater than 0");
        for (const std::string op :
             {"value_delta", "primary_metric_delta_pct", "primary_metric_delta"})
            EXPECT_EQ(detail_of("{\"" + op + "\": " + value + "}"),
                      "at $." + op + ": must be a number greater than 0");
    }
    accept(R"({"value_delta_pct": 1e-400})");
    accept(R"({"value_delta_pct": 1e1000})");
}

TEST(Grammar, ACountIsAnIntegerOfOneOrMore) {
    for (const std::string value : {"0", "-1", "1.5", "\"1\"", "null", "1e1000"}) {
        for (const std::string op :
             {"top_n_reordering", "top_n_moved", "top_n_entered", "top_n_left", "rank_delta",
              "set_added_min", "set_removed_min"})
            EXPECT_EQ(detail_of("{\"" + op + "\": " + value + "}"),
                      "at $." + op + ": must be an integer of 1 or more");
        EXPECT_EQ(detail_of(R"({"top_n_reordering": 1, "top_n": )" + value + "}"),
                  "at $.top_n: must be an integer of 1 or more");
        EXPECT_EQ(detail_of(R"({"value_delta_pct": 1, "min_rows": )" + value + "}"),
                  "at $.min_rows: must be an integer of 1 or more");
    }
    accept(R"({"set_added_min": 1.0})");
    accept(R"({"set_added_min": 1e3})");
    accept(R"({"set_added_min": 2147483647})");
    EXPECT_EQ(detail_of(R"({"set_added_min": 2147483648})"),
              "at $.set_added_min: must be at most 2147483647");
}

TEST(Grammar, OfTheModifiersOfAValueRule) {
    const auto detail = [](std::string_view modifier) {
        return detail_of(R"({"value_delta_pct": 1, )" + std::string(modifier) + "}");
    };
    for (const std::string value : {"\"Up\"", "\"\"", "1", "null"})
        EXPECT_EQ(detail("\"direction\": " + value),
                  R"(at $.direction: must be "up", "down" or "any")");
    for (const std::string value : {"-1", "\"1\"", "null"})
        EXPECT_EQ(detail("\"min_abs\": " + value), "at $.min_abs: must be a number of 0 or more");
    for (const std::string value : {"\"\"", "5", "null", "[\"a\"]"})
        EXPECT_EQ(detail("\"on_field\": " + value), "at $.on_field: must be the name of a field");
    for (const std::string value : {"[]", "\"a\"", "5", "null", "{}"})
        EXPECT_EQ(detail("\"ids\": " + value), "at $.ids: must be a non-empty array of ids");
    for (const std::string value : {"null", "true", "[]", "{}"})
        EXPECT_EQ(detail("\"ids\": [\"a\", 1, " + value + "]"),
                  "at $.ids[2]: must be a string or a number");
    accept(R"({"value_delta_pct": 1, "direction": "any", "min_abs": 0, "min_rows": 3,
               "on_field": "x", "ids": ["a", 1, 1.0]})");
}

TEST(Grammar, AFieldIsNamed) {
    for (const std::string value : {"\"\"", "5", "null", "[\"a\"]", "{}", "true"})
        EXPECT_EQ(detail_of(R"({"OR": [{"field_changed": )" + value + "}]}"),
                  "at $.OR[0].field_changed: must be the name of a field");
    for (const std::string value : {"null", "5", "\"x\"", "[]", "{\"a\": [1]}", "false"})
        accept(R"({"field_changed": "status", "min_rows": 2, "ids": [1], "source": "s", "to": )" +
               value + "}");
    EXPECT_EQ(detail_of(R"({"field_changed": "status", "on_field": "x"})"),
              R"(at $.on_field: is no modifier of "field_changed")");
    EXPECT_EQ(detail_of(R"({"value_delta": 1, "to": 5})"),
              R"(at $.to: is no modifier of "value_delta")");
}

TEST(Grammar, AMetricIsNamed) {
    for (const std::string op : {"metric_delta", "metric_delta_pct"}) {
        EXPECT_EQ(detail_of(R"({"AND": [{")" + op + R"(": 1, "direction": "up"}]})"),
                  "at $.AND[0]." + op + ": needs \"on_metric\", the name of a metric");
        for (const std::string value : {"\"\"", "5", "null", "[\"a\"]"})
            EXPECT_EQ(detail_of("{\"" + op + "\": 1, \"on_metric\": " + value + "}"),
                      "at $.on_metric: must be the name of a metric");
        accept("{\"" + op + R"(": 1, "on_metric": "users", "direction": "up", "min_abs": 0})");
        EXPECT_EQ(detail_of("{\"" + op + R"(": 1, "on_metric": "users", "source": "x"})"),
                  "at $.source: is no modifier of \"" + op + "\"");
    }
    EXPECT_EQ(detail_of(R"({"primary_metric_delta": 1, "on_metric": "users"})"),
              R"(at $.on_metric: is no modifier of "primary_metric_delta")");
}

TEST(Grammar, ASourceIsNamed) {
    for (const std::string value : {"\"\"", "5", "null", "[\"a\"]"})
        EXPECT_EQ(detail_of(R"({"set_added_min": 1, "source": )" + value + "}"),
                  "at $.source: must be the name of a row source");
    EXPECT_EQ(detail_of(R"({"primary_metric_delta": 1, "source": "x"})"),
              R"(at $.source: is no modifier of "primary_metric_delta")");
    EXPECT_EQ(detail_of(R"({"NOT": {"set_added_min": 1}, "source": "x"})"),
              R"(at $.source: is no modifier of "NOT")");
}

TEST(Grammar, IsTheOneOfTheManual) {
    // Each operator with every modifier that it takes.
    const std::string top = R"("top_n": 5, "source": "s")";
    const std::string rows = R"("min_rows": 2, "ids": ["a", 1], "source": "s")";
    const std::string values = R"("on_field": "f", "direction": "up", )" + rows;
    const std::string figures = R"("direction": "down", "min_abs": 0.5)";
    const std::pair<std::string, std::string> grammar[] = {
        {"\"top_n_reordering\": 1", top},
        {"\"top_n_moved\": 1", top},
        {"\"top_n_entered\": 1", top},
        {"\"top_n_left\": 1", top},
        {"\"rank_delta\": 1", top + R"(, "direction": "any", "ids": [1])"},
        {"\"value_delta_pct\": 0.1", values + R"(, "min_abs": 1)"},
        {"\"value_delta\": 0.1", values},
        {"\"field_changed\": \"f\"", rows + R"(, "to": null)"},
        {"\"set_added_min\": 1", R"("source": "s")"},
        {"\"set_removed_min\": 1", R"("source": "s")"},
        {"\"primary_metric_delta_pct\": 0.1", figures},
        {"\"primary_metric_delta\": 0.1", figures},
        {"\"metric_delta_pct\": 0.1", figures + R"(, "on_metric": "m")"},
        {"\"metric_delta\": 0.1", figures + R"(, "on_metric": "m")"},
    };
    EXPECT_EQ(std::size(grammar) + 3, operators().size());
    for (const auto& [rule, modifiers] : grammar) {
        const std::string whole = "{" + rule + ", " + modifiers + "}";
        accept(whole);
        // And no other one.
        for (const ModifierName& m : modifier_names()) {
            const std::string name(m.name);
            if (whole.find("\"" + name + "\"") != std::string::npos)
                continue;
            const std::string more = whole.substr(0, whole.size() - 1) + ", \"" + name + "\": 1}";
            EXPECT_NE(detail_of(more).find("is no modifier of"), std::string::npos) << more;
        }
    }
}

TEST(Grammar, HoldsSixteenLevels) {
    accept(nested(15));
    const Caught caught = threshold_error(nested(16));
    EXPECT_NE(caught.detail.find("nested deeper than 16 levels"), std::string::npos);
    std::string path = "at $";
    for (int i = 0; i < 8; ++i)
        path += ".AND[0].NOT";
    EXPECT_EQ(caught.detail, path + ": nested deeper than 16 levels");
}

TEST(Grammar, HoldsTwoHundredFiftySixNodes) {
    accept(repeated(255)); // and the node that combines them
    EXPECT_EQ(detail_of(repeated(256)), "at $.OR[255]: more than 256 nodes");
}

TEST(Grammar, TheTopNThatADiffNeedsIsTheLargest) {
    const auto required = [](std::string_view threshold) {
        const Document rule(threshold);
        return Threshold::read(rule.root(), runtime).required_top_n();
    };
    EXPECT_EQ(required(R"({"set_added_min": 1})"), 1U);
    EXPECT_EQ(required(R"({"top_n_reordering": 1})"), 10U);
    EXPECT_EQ(required(R"({"top_n_reordering": 1, "top_n": 3})"), 3U);
    EXPECT_EQ(required(R"({"OR": [{"top_n_reordering": 1, "top_n": 3},
                                  {"NOT": {"top_n_reordering": 1, "top_n": 50}}]})"),
              50U);
}

TEST(Grammar, RefusesAVeryDeepThreshold) {
    // 100,000 levels: the reader must stop long before its stack ends.
    constexpr std::size_t levels = 100000;
    static constexpr std::string_view keys[] = {"NOT"};
    JsonbWriter writer(runtime);
    for (std::size_t i = 0; i < levels; ++i)
        writer.begin_object(keys);
    writer.null();
    for (std::size_t i = 0; i < levels; ++i)
        writer.end();
    const Document document(writer.finish());
    const Caught caught = error_of([&] { Threshold::read(document.root(), runtime); });
    EXPECT_NE(caught.detail.find("nested deeper than 16 levels"), std::string::npos);
}

} // namespace
} // namespace dashboard_diff::testing
