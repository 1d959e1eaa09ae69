// Rules about who stands where: top_n_moved, top_n_entered, top_n_left, rank_delta.

#include <gtest/gtest.h>

#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

constexpr Truth yes = Truth::yes;
constexpr Truth no = Truth::no;

// Rows of these one-letter ids.
std::string placed(std::string_view ids) {
    return "[" +
           joined(ids.size(),
                  [&](std::size_t i) { return R"({"id": ")" + std::string(1, ids[i]) + "\"}"; }) +
           "]";
}

// Rows "a", "b", ... of these scores, ranked by them.
std::string scored(std::initializer_list<int> scores) {
    std::string rows;
    char id = 'a';
    for (const int score : scores)
        rows += std::string(rows.empty() ? "" : ", ") + R"({"id": ")" + id++ + R"(", "s": )" +
                std::to_string(score) + "}";
    return R"({"rank_by": "s", "primary_rows": [)" + rows + "]}";
}

// The rule holds with the limit k, and no longer with k + 1.
void expect_measure(std::size_t k, std::string_view before, std::string_view after,
                    const std::string& op, const std::string& modifiers = "") {
    const auto rule = [&](std::size_t limit) {
        return "{\"" + op + "\": " + std::to_string(limit) + modifiers + "}";
    };
    SCOPED_TRACE(op + modifiers);
    if (k > 0) {
        EXPECT_EQ(meets(before, after, rule(k)), yes) << k;
    }
    EXPECT_EQ(meets(before, after, rule(k + 1)), no) << k + 1;
    const Document explanation(explanation_text(before, after, rule(k + 1)));
    EXPECT_EQ(member_text(explanation.root(), "measured"), std::to_string(k));
    EXPECT_EQ(member_text(explanation.root(), "result"), "false");
}

TEST(TopNMoved, OneNewcomerThatPushesEveryoneDownCountsNothing) {
    expect_measure(0, placed("abcdefgh"), placed("xabcdefg"), "top_n_moved");
    expect_measure(9, placed("abcdefgh"), placed("xabcdefg"), "top_n_reordering");
    expect_measure(0, placed("abcdefgh"), placed("bcdefgh"), "top_n_moved");
}

TEST(TopNMoved, CountsTheRowsThatHaveToBeLifted) {
    expect_measure(0, placed("abcde"), placed("abcde"), "top_n_moved");
    expect_measure(1, placed("abcde"), placed("eabcd"), "top_n_moved");
    expect_measure(1, placed("abcde"), placed("bcdea"), "top_n_moved");
    expect_measure(1, placed("abcde"), placed("bacde"), "top_n_moved");
    expect_measure(2, placed("abcde"), placed("badce"), "top_n_moved");
    expect_measure(4, placed("abcde"), placed("edcba"), "top_n_moved");
    expect_measure(0, "[]", "[]", "top_n_moved");
}

TEST(TopNMoved, LooksOnlyAtRowsInBothTops) {
    // e climbs over all, but from below the top 3; of a, b, c the order stays.
    expect_measure(0, placed("abcde"), placed("eabcd"), "top_n_moved", R"(, "top_n": 3)");
    expect_measure(1, placed("abcde"), placed("ebacd"), "top_n_moved", R"(, "top_n": 3)");
    // d and e change places below.
    expect_measure(0, placed("abcde"), placed("abced"), "top_n_moved", R"(, "top_n": 3)");
    expect_measure(0, placed("abcde"), placed("abced"), "top_n_moved", R"(, "top_n": 4)");
    expect_measure(1, placed("abcde"), placed("abced"), "top_n_moved", R"(, "top_n": 5)");
}

TEST(TopNMoved, CountsARowThatKeptItsRankWhileOthersPassedIt) {
    // c stays third; a and b go below it, d and e above.
    expect_measure(3, placed("abcde"), placed("decab"), "top_n_moved");
    const Document explanation(
        explanation_text(placed("abcde"), placed("decab"), R"({"top_n_moved": 1})"));
    EXPECT_EQ(member_text(explanation.root(), "matched"), "3"); // a diff has no id for c
    EXPECT_EQ(Container(find_member(explanation.root(), "rows").data).count(), 2U);
}

TEST(TopNMoved, ATieNeverCounts) {
    expect_measure(0, scored({5, 5, 3}), scored({5, 6, 3}), "top_n_moved");
    expect_measure(0, scored({6, 5, 3}), scored({5, 5, 3}), "top_n_moved");
    expect_measure(0, scored({6, 5, 3}), scored({5, 5, 5}), "top_n_moved");
    expect_measure(1, scored({6, 5, 3}), scored({5, 6, 3}), "top_n_moved");
    expect_measure(1, scored({5, 5, 3}), scored({5, 4, 6}), "top_n_moved");
}

TEST(TopNMoved, IsExplainedByTheRowsThatAreLifted) {
    EXPECT_EQ(explanation_text(placed("abcdef"), placed("fabdce"), R"({"top_n_moved": 2})"),
              R"({"rows": [{"id": "f", "to": 1, "from": 6}, {"id": "c", "to": 5, "from": 3}], )"
              R"("result": true, "matched": 2, "measured": 2, "top_n_moved": 2})");
}

TEST(TopNEntered, CountsTheIdsThatCameIntoTheTop) {
    const std::string top = R"(, "top_n": 3)";
    expect_measure(0, placed("abcde"), placed("cabde"), "top_n_entered", top);
    expect_measure(1, placed("abcde"), placed("dabce"), "top_n_entered", top);
    expect_measure(1, placed("abcde"), placed("xabcde"), "top_n_entered", top);
    expect_measure(2, placed("abcde"), placed("exabcd"), "top_n_entered", top);
    expect_measure(1, placed("ab"), placed("abc"), "top_n_entered", top);
    expect_measure(0, placed("abc"), placed("ab"), "top_n_entered", top);
}

TEST(TopNEntered, IsExplainedByTheNewRanks) {
    EXPECT_EQ(
        explanation_text(placed("abcde"), placed("exabcd"), R"({"top_n_entered": 1, "top_n": 3})"),
        R"({"rows": [{"id": "e", "to": 1, "from": 5}, {"id": "x", "to": 2, "from": null}], )"
        R"("top_n": 3, "result": true, "matched": 2, "measured": 2, "top_n_entered": 1})");
}

TEST(TopNLeft, CountsTheIdsThatFellOutOfTheTop) {
    const std::string top = R"(, "top_n": 3)";
    expect_measure(0, placed("abcde"), placed("cabde"), "top_n_left", top);
    expect_measure(1, placed("abcde"), placed("dabce"), "top_n_left", top);
    expect_measure(1, placed("abcde"), placed("bcde"), "top_n_left", top);
    expect_measure(2, placed("abcde"), placed("exabcd"), "top_n_left", top);
    expect_measure(1, placed("abc"), placed("ab"), "top_n_left", top);
    expect_measure(0, placed("ab"), placed("abc"), "top_n_left", top);
}

TEST(TopNLeft, IsExplainedByTheBestOldRankFirst) {
    EXPECT_EQ(explanation_text(placed("abcde"), placed("decb"), R"({"top_n_left": 1, "top_n": 2})"),
              R"({"rows": [{"id": "a", "to": null, "from": 1}, {"id": "b", "to": 4, "from": 2}], )"
              R"("top_n": 2, "result": true, "matched": 2, "measured": 2, "top_n_left": 1})");
}

TEST(RankDelta, HoldsWhereARowMovedSoManyRanks) {
    expect_measure(0, placed("abcde"), placed("abcde"), "rank_delta");
    expect_measure(1, placed("abcde"), placed("bacde"), "rank_delta");
    expect_measure(4, placed("abcde"), placed("eabcd"), "rank_delta");
    expect_measure(4, placed("abcde"), placed("bcdea"), "rank_delta");
}

TEST(RankDelta, UpIsTowardsRankOne) {
    const std::string up = R"(, "direction": "up")";
    const std::string down = R"(, "direction": "down")";
    expect_measure(4, placed("abcde"), placed("eabcd"), "rank_delta", up);
    expect_measure(1, placed("abcde"), placed("eabcd"), "rank_delta", down);
    expect_measure(4, placed("abcde"), placed("bcdea"), "rank_delta", down);
    expect_measure(1, placed("abcde"), placed("bcdea"), "rank_delta", up);
    expect_measure(4, placed("abcde"), placed("bcdea"), "rank_delta", R"(, "direction": "any")");
}

TEST(RankDelta, WhoComesOrGoesHasNotMoved) {
    expect_measure(0, placed("abc"), placed("abcx"), "rank_delta");
    expect_measure(0, placed("abc"), placed("ab"), "rank_delta");
    expect_measure(1, placed("abc"), placed("xabc"), "rank_delta");
}

TEST(RankDelta, LooksAtRowsOfEitherTop) {
    const std::string top = R"(, "top_n": 2)";
    // e comes from rank 5, which is its true rank, although below the top.
    expect_measure(4, placed("abcde"), placed("eabcd"), "rank_delta", top);
    expect_measure(3, placed("abcde"), placed("bcdae"), "rank_delta", top);
    expect_measure(0, placed("abcde"), placed("abecd"), "rank_delta", top);
}

TEST(RankDelta, IdsNamesTheRowsThatCount) {
    expect_measure(1, placed("abcde"), placed("eabcd"), "rank_delta", R"(, "ids": ["a", "zz"])");
    expect_measure(4, placed("abcde"), placed("eabcd"), "rank_delta", R"(, "ids": ["a", "e"])");
    expect_measure(0, placed("abcde"), placed("eabcd"), "rank_delta", R"(, "ids": ["zz"])");
    EXPECT_EQ(meets(R"([{"id": 1}, {"id": 2}])", R"([{"id": 2}, {"id": 1}])",
                    R"({"rank_delta": 1, "ids": [2.0]})"),
              yes);
    EXPECT_EQ(meets(R"([{"id": 1}, {"id": 2}])", R"([{"id": 2}, {"id": 1}])",
                    R"({"rank_delta": 1, "ids": ["2"]})"),
              no);
}

TEST(RankDelta, IsExplainedByTheLargestMovesFirst) {
    EXPECT_EQ(explanation_text(placed("abcdef"), placed("cfabde"), R"({"rank_delta": 2})"),
              R"({"rows": [{"id": "f", "to": 2, "from": 6}, {"id": "c", "to": 1, "from": 3}, )"
              R"({"id": "a", "to": 3, "from": 1}, {"id": "b", "to": 4, "from": 2}], )"
              R"("result": true, "matched": 4, "measured": 4, "rank_delta": 2})");
    EXPECT_EQ(explanation_text(placed("ab"), placed("ab"), R"({"rank_delta": 2})"),
              R"({"rows": [], "result": false, "matched": 0, "measured": 0, "rank_delta": 2})");
}

TEST(OrderRules, HaveAtMostTenRowsTheStrongestOfAll) {
    const std::string letters = "abcdefghijklmnop";
    const std::string reversed(letters.rbegin(), letters.rend());
    const Document explanation(explanation_text(placed(letters), placed(reversed),
                                                R"({"rank_delta": 1, "top_n": 16})", 16));
    EXPECT_EQ(member_text(explanation.root(), "matched"), "16");
    std::string ids;
    Cursor rows = Cursor::elements(Container(find_member(explanation.root(), "rows").data));
    for (Value row; rows.next(row);)
        ids += std::string(find_member(row, "id").text());
    EXPECT_EQ(ids, "paobncmdle");
}

TEST(OrderRules, AnswerAlikeForALargerDiff) {
    const std::string before = placed("abcdefghij");
    const std::string after = placed("cbxjadefyg");
    for (const std::string op : {"top_n_moved", "top_n_entered", "top_n_left", "rank_delta"})
        for (std::uint32_t n = 1; n <= 10; ++n)
            for (int k = 1; k <= 10; ++k) {
                const std::string rule = "{\"" + op + "\": " + std::to_string(k) +
                                         ", \"top_n\": " + std::to_string(n) + "}";
                EXPECT_EQ(meets(before, after, rule, n), meets(before, after, rule, 50)) << rule;
            }
}

TEST(OrderRules, ALargerTopNThanTheDiffHoldsIsAnError) {
    for (const std::string op : {"top_n_moved", "top_n_entered", "top_n_left", "rank_delta"})
        EXPECT_EQ(error_of([&] { meets("[]", "[]", "{\"" + op + "\": 1}", 9); }).detail,
                  "at $." + op + ": looks at the top 10, the diff holds the top 9.");
}

} // namespace
} // namespace dashboard_diff::testing
