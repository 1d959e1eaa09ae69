// Diffs in words.

#include "core/describe.h"

#include <gtest/gtest.h>

#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

std::string placed(std::string_view ids) {
    return "[" +
           joined(ids.size(),
                  [&](std::size_t i) { return R"({"id": ")" + std::string(1, ids[i]) + "\"}"; }) +
           "]";
}

// One row TP53 whose "score" goes from one value to another.
std::string score(std::string_view before, std::string_view after) {
    const auto row = [](std::string_view value) {
        return R"([{"id": "TP53", "score": )" + std::string(value) + "}]";
    };
    return description(row(before), row(after));
}

std::string metric(std::string_view before, std::string_view after) {
    const auto snapshot = [](std::string_view value) {
        return R"({"primary_rows": [], "primary_metric": )" + std::string(value) + "}";
    };
    return description(snapshot(before), snapshot(after));
}

TEST(Description, SaysThatNothingChanged) {
    EXPECT_EQ(description("[]", "[]"), "nothing changed");
    EXPECT_EQ(description(placed("ab"), placed("ab")), "nothing changed");
    EXPECT_EQ(metric("5", "5.0"), "nothing changed");
}

TEST(Description, TellsTheNewOrder) {
    EXPECT_EQ(description(placed("abc"), placed("cab")),
              "3 of the top 10 changed place: c 3→1, a 1→2, b 2→3");
    EXPECT_EQ(description(placed("abcdefg"), placed("gabcdef"), {}, 5),
              "6 in or around the top 5 changed place: g 7→1, a 1→2, b 2→3 and 3 more");
}

TEST(Description, TellsWhatCameAndWent) {
    EXPECT_EQ(description(placed("ab"), placed("ac")),
              "2 of the top 10 changed place: c new at 2, b gone from 2; 1 new: c; 1 gone: b");
}

TEST(Description, TellsValuesByTheirShare) {
    EXPECT_EQ(score("100", "112.3"), "score of TP53 +12.3 %");
    EXPECT_EQ(score("100", "99"), "score of TP53 -1.0 %");
    EXPECT_EQ(score("3", "5"), "score of TP53 +66.7 %");
    EXPECT_EQ(score("1", "1.0005"), "score of TP53 +0.1 %");
    EXPECT_EQ(score("1", "1.00049"), "score of TP53 +0.049 %");
    EXPECT_EQ(score("1", "0.99999"), "score of TP53 -0.001 %");
    EXPECT_EQ(score("1", "1.000001"), "score of TP53 +0.0001 %");
    EXPECT_EQ(score("1", "1.0000001"), "score of TP53 by less than 0.0001 %");
    EXPECT_EQ(score("1", "10001"), "score of TP53 +1000000.0 %");
    EXPECT_EQ(score("1", "100000001"), "score of TP53 +over 1000000 %");
    EXPECT_EQ(score("1", "1e20"), "score of TP53 +over 1000000 %");
    EXPECT_EQ(score("0", "5"), "score of TP53 0→5");
    EXPECT_EQ(score("-4", "-5"), "score of TP53 -25.0 %");
}

TEST(Description, TellsTheLargestSharesFirst) {
    EXPECT_EQ(description(R"([{"id": "a", "v": 10}, {"id": "b", "v": 10}, {"id": "c", "v": 10},
                              {"id": "d", "v": 0}])",
                          R"([{"id": "a", "v": 11}, {"id": "b", "v": 5}, {"id": "c", "v": 12},
                              {"id": "d", "v": 1}])"),
              "v of d 0→1, v of b -50.0 %, v of c +20.0 % and 1 more");
}

TEST(Description, TellsTheMetric) {
    EXPECT_EQ(metric("12.5", "15"), "primary metric 12.5→15 (+20.0 %)");
    EXPECT_EQ(metric("0", "15"), "primary metric 0→15");
}

TEST(Description, TellsOtherFields) {
    EXPECT_EQ(description(R"([{"id": 1, "a": "x", "b": true, "c": null, "d": [1]}])",
                          R"([{"id": 1, "a": "y", "b": false, "c": {}, "e": 5}])"),
              "a of 1 x→y, b of 1 true→false, c of 1 null→{…} and 2 more");
    EXPECT_EQ(description(R"([{"id": 1, "d": [1]}])", R"([{"id": 1}])"), "d of 1 […]→nothing");
}

TEST(Description, SaysThreeThingsAtMost) {
    EXPECT_EQ(description(R"({"primary_rows": [{"id": "a", "v": 1, "t": "x"}, {"id": "b"}],
                              "primary_metric": 1})",
                          R"({"primary_rows": [{"id": "c"}, {"id": "a", "v": 2, "t": "y"}],
                              "primary_metric": 2})"),
              "3 of the top 10 changed place: c new at 1, a 1→2, b gone from 2; "
              "v of a +100.0 %; 1 new: c");
}

TEST(Description, SaysFirstWhatMadeTheThresholdHold) {
    const std::string before = R"({"primary_rows": [{"id": "a", "v": 1}, {"id": "b", "v": 1}],
                                   "primary_metric": 1})";
    const std::string after = R"({"primary_rows": [{"id": "b", "v": 2}, {"id": "a", "v": 5}],
                                  "primary_metric": 2})";
    EXPECT_EQ(description(before, after, R"({"primary_metric_delta_pct": 1})"),
              "primary metric 1→2 (+100.0 %); 2 of the top 10 changed place: b 2→1, a 1→2; "
              "v of a +400.0 %, v of b +100.0 %");
    EXPECT_EQ(description(before, after, R"({"value_delta_pct": 2})"),
              "v of a +400.0 %; 2 of the top 10 changed place: b 2→1, a 1→2; "
              "primary metric 1→2 (+100.0 %)");
    EXPECT_EQ(description(before, after, R"({"AND": [{"primary_metric_delta_pct": 1},
                                                     {"value_delta_pct": 1, "ids": ["b"]}]})"),
              "primary metric 1→2 (+100.0 %); v of b +100.0 %; "
              "2 of the top 10 changed place: b 2→1, a 1→2");
}

TEST(Description, DoesNotGiveReasonsThatAreNegatedOrDoNotHold) {
    const std::string before = R"([{"id": "a", "v": 1}, {"id": "b", "v": 1}])";
    const std::string after = R"([{"id": "b", "v": 2}, {"id": "a", "v": 1}])";
    const std::string plain = "2 of the top 10 changed place: b 2→1, a 1→2; v of b +100.0 %";
    EXPECT_EQ(description(before, after, R"({"NOT": {"value_delta_pct": 1}})"), plain);
    EXPECT_EQ(description(before, after, R"({"value_delta_pct": 3})"), plain);
    EXPECT_EQ(description(before, after, R"({"OR": [{"NOT": {"OR": [{"value_delta_pct": 1}]}},
                                                    {"value_delta_pct": 1}]})"),
              "v of b +100.0 %; 2 of the top 10 changed place: b 2→1, a 1→2");
}

TEST(Description, OfASetRuleNamesTheIds) {
    EXPECT_EQ(description(placed("a"), placed("abcde"), R"({"set_added_min": 1})"),
              "4 new: b, c, d and 1 more; 4 of the top 10 changed place: b new at 2, c new at 3, "
              "d new at 4 and 1 more");
    EXPECT_EQ(description(placed("ab"), placed("b"), R"({"set_removed_min": 1})"),
              "1 gone: a; 2 of the top 10 changed place: b 2→1, a gone from 1");
}

TEST(Description, OfAReorderingLooksAtTheTopNOfTheRule) {
    EXPECT_EQ(description(placed("abcd"), placed("abdc"), R"({"top_n_reordering": 1, "top_n": 3})"),
              "2 of the top 3 changed place: d 4→3, c 3→4");
}

TEST(Description, OfARuleAboutTheOrderTellsWhatItFound) {
    EXPECT_EQ(description(placed("abcdef"), placed("fabdce"), R"({"top_n_moved": 1})"),
              "2 of the top 10 moved past others: f 6→1, c 3→5");
    EXPECT_EQ(description(placed("abcdef"), placed("fabdce"), R"({"rank_delta": 2})"),
              "2 moved at least 2 ranks: f 6→1, c 3→5");
    EXPECT_EQ(description(placed("abcdef"), placed("fabdce"),
                          R"({"OR": [{"rank_delta": 2, "direction": "up"}]})"),
              "1 climbed at least 2 ranks: f 6→1");
    EXPECT_EQ(description(placed("abcdef"), placed("fabdce"),
                          R"({"rank_delta": 2, "direction": "down"})"),
              "1 fell at least 2 ranks: c 3→5");
    EXPECT_EQ(description(placed("ab"), placed("ba"), R"({"rank_delta": 1})"),
              "2 moved at least 1 rank: b 2→1, a 1→2");
    EXPECT_EQ(description(placed("abcd"), placed("dxab"), R"({"top_n_entered": 1, "top_n": 3})"),
              "2 entered the top 3: d 4→1, x new at 2; "
              "5 of the top 10 changed place: d 4→1, x new at 2, a 1→3 and 2 more; 1 new: x");
    EXPECT_EQ(description(placed("abcd"), placed("dxab"), R"({"top_n_left": 1, "top_n": 3})"),
              "2 left the top 3: b 2→4, c gone from 3; "
              "5 of the top 10 changed place: d 4→1, x new at 2, a 1→3 and 2 more; 1 new: x");
}

TEST(Description, CountsTheMovedThatADiffDoesNotName) {
    // c stays third while all others pass it.
    EXPECT_EQ(description(placed("abcde"), placed("decab"), R"({"top_n_moved": 3})"),
              "3 of the top 10 moved past others: d 4→1, e 5→2 and 1 more");
    EXPECT_EQ(description(placed("abcdefgh"), placed("xyabdefgh"),
                          R"({"OR": [{"top_n_moved": 1}, {"set_removed_min": 1}]})")
                  .substr(0, 9),
              "1 gone: c");
}

TEST(Description, OfARuleAboutDifferencesTellsTheNumbers) {
    EXPECT_EQ(description(R"([{"id": "a", "v": 10}, {"id": "b", "v": 1}, {"id": "c", "v": 0}])",
                          R"([{"id": "a", "v": 15}, {"id": "b", "v": 5}, {"id": "c", "v": 4.5}])",
                          R"({"value_delta": 4})"),
              "v of a 10→15 (+50.0 %), v of c 0→4.5, v of b 1→5 (+400.0 %)");
}

TEST(Description, OfAFieldTellsItsRows) {
    const std::string before =
        R"([{"id": 1, "s": "open", "t": 1}, {"id": 2, "s": "open"}, {"id": 3, "s": "open"}])";
    const std::string after =
        R"([{"id": 1, "s": "done", "t": 2}, {"id": 2, "s": "late"}, {"id": 3, "s": "open"}])";
    EXPECT_EQ(description(before, after, R"({"field_changed": "s", "to": "late"})"),
              "s of 2 open→late; t of 1 +100.0 %");
    EXPECT_EQ(description(before, after, R"({"field_changed": "t"})"),
              "t of 1 1→2; t of 1 +100.0 %");
}

TEST(Description, OfAMetricTellsItsNumbers) {
    const auto snapshot = [](std::string_view users, std::string_view orders) {
        return R"({"primary_rows": [], "materialized_data": {"orders": )" + std::string(orders) +
               R"(, "users": )" + std::string(users) + "}}";
    };
    EXPECT_EQ(description(snapshot("100", "5"), snapshot("150", "6"),
                          R"({"metric_delta": 10, "on_metric": "users"})"),
              "users 100→150 (+50.0 %)");
    EXPECT_EQ(description(snapshot("100", "5"), snapshot("150", "6"),
                          R"({"AND": [{"metric_delta": 10, "on_metric": "users"},
                                      {"metric_delta_pct": 0.1, "on_metric": "users"},
                                      {"metric_delta": 1, "on_metric": "orders"}]})"),
              "users 100→150 (+50.0 %); orders 5→6 (+20.0 %)");
    EXPECT_EQ(description(snapshot("100", "5"), snapshot("150", "6")),
              "orders 5→6 (+20.0 %), users 100→150 (+50.0 %)");
}

TEST(Description, OfARuleAboutASourceNamesIt) {
    const auto snapshot = [](std::string_view rows, std::string_view primary) {
        return R"({"primary_rows": )" + placed(primary) +
               R"(, "materialized_data": {"by_region": )" + std::string(rows) + "}}";
    };
    const std::string before = snapshot(R"([{"id": "eu", "v": 1}, {"id": "us", "v": 1}])", "ab");
    const std::string after = snapshot(R"([{"id": "us", "v": 1}, {"id": "eu", "v": 2}])", "ba");
    EXPECT_EQ(description(before, after, R"({"top_n_reordering": 2, "source": "by_region"})"),
              "in by_region: 2 of the top 10 changed place: us 2→1, eu 1→2; "
              "2 of the top 10 changed place: b 2→1, a 1→2; changes in by_region");
    EXPECT_EQ(description(before, after,
                          R"({"AND": [{"value_delta": 1, "source": "by_region"},
                                      {"top_n_moved": 1, "source": "by_region"},
                                      {"rank_delta": 1, "source": "by_region"},
                                      {"top_n_moved": 1}]})"),
              "in by_region: v of eu 1→2 (+100.0 %); in by_region: 1 of the top 10 moved past "
              "others: us 2→1; 1 of the top 10 moved past others: b 2→1");
}

TEST(Description, TellsEachFactOnce) {
    const std::string before = R"([{"id": "a", "v": 10, "w": 10}, {"id": "b", "v": 10, "w": 10}])";
    const std::string after = R"([{"id": "a", "v": 20, "w": 10}, {"id": "b", "v": 10, "w": 5}])";
    EXPECT_EQ(description(before, after,
                          R"({"OR": [{"value_delta_pct": 0.1}, {"value_delta_pct": 0.2}]})"),
              "v of a +100.0 %, w of b -50.0 %");
    EXPECT_EQ(description(before, after,
                          R"({"AND": [{"value_delta_pct": 0.1, "direction": "down"},
                                      {"value_delta_pct": 0.1, "direction": "up"}]})"),
              "w of b -50.0 %; v of a +100.0 %");
}

TEST(Description, OfManyThresholdsIsThatOfEach) {
    const Comparison comparison(
        R"([{"id": "a", "v": 10}, {"id": "b", "v": 10}])",
        R"([{"id": "b", "v": 5}, {"id": "a", "v": 11}, {"id": "c", "v": 1}])");
    const Runtime runtime;
    Describer describer(comparison.diff(), runtime);
    for (const std::string rule :
         {R"({"set_added_min": 1})", R"({"value_delta": 1})", R"({"top_n_moved": 1})"}) {
        const Document document(rule);
        const Threshold threshold = Threshold::read(document.root(), runtime);
        EXPECT_EQ(describer.describe(&threshold), describe(comparison.diff(), &threshold, runtime));
    }
    EXPECT_EQ(describer.describe(nullptr), describe(comparison.diff(), nullptr, runtime));
}

TEST(Description, CutsValuesAndFreesThemOfControlCharacters) {
    const std::string id(100, 'x');
    EXPECT_EQ(description("[]", R"([{"id": ")" + id + "\"}]", R"({"set_added_min": 1})"),
              "1 new: " + id.substr(0, 40) +
                  "…; 1 of the top 10 changed place: " + id.substr(0, 40) + "… new at 1");
    EXPECT_EQ(description(R"([{"id": 1, "t": "a\nb"}])", R"([{"id": 1, "t": "c\u007f\u0001"}])"),
              "t of 1 a b→c  ");
    std::string accents;
    for (int i = 0; i < 30; ++i)
        accents += "é";
    EXPECT_EQ(description("[]", R"([{"id": "x)" + accents + "\"}]", R"({"set_added_min": 1})"),
              "1 new: x" + accents.substr(0, 38) + "…; 1 of the top 10 changed place: x" +
                  accents.substr(0, 38) + "… new at 1");
}

TEST(Description, IsOfModestLength) {
    // Every field, id and value is longer than what is shown of it.
    const auto snapshot = [](char value, std::size_t first) {
        return "[" +
               joined(20,
                      [&](std::size_t i) {
                          const std::string n = std::to_string(100 + first + i);
                          return R"({"id": ")" + n + std::string(100, 'i') + R"(", "f)" +
                                 std::string(100, 'f') + R"(": ")" + std::string(100, value) +
                                 R"(", "n)" + std::string(100, 'n') +
                                 "\": " + (value == 'a' ? "0" : std::string(60, '9')) + "}";
                      }) +
               "]";
    };
    const std::string text = description(snapshot('a', 0), snapshot('b', 3));
    EXPECT_LT(text.size(), 1200U);
    EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST(Description, DoesWithoutArrowsWhereTheEncodingLacksThem) {
    Runtime plain;
    plain.has_unicode = false;
    const Comparison comparison(R"([{"id": 1, "t": "x"}])", R"([{"id": 1, "t": [1]}])");
    EXPECT_EQ(std::string(describe(comparison.diff(), nullptr, plain)), "t of 1 x->[...]");
}

TEST(Description, CutsByTheHostsRuleForCharacters) {
    Runtime bytes;
    bytes.clip = [](std::string_view, std::size_t) { return std::size_t{2}; };
    const Comparison comparison("[]", R"([{"id": "abcdef"}])");
    EXPECT_EQ(std::string(describe(comparison.diff(), nullptr, bytes)),
              "1 of the top 10 changed place: ab… new at 1; 1 new: ab…");
}

} // namespace
} // namespace dashboard_diff::testing
