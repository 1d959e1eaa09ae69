// Ranks, and what the diff says of the top N.

#include "core/ranking.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

const Runtime runtime;

// The rank of every row of a snapshot, in the order of the rows.
std::vector<std::uint32_t> ranks_of(std::string_view snapshot) {
    const Document document(snapshot);
    const Snapshot read = Snapshot::read(document.root(), {});
    const RowTable table(read.primary(), runtime);
    std::vector<std::uint32_t> rows(table.size());
    for (std::uint32_t i = 0; i < table.size(); ++i)
        rows[i] = i;
    const auto ranks = Ranking(table, runtime).ranks(rows);
    return {ranks.begin(), ranks.end()};
}

// The places of the rows whose rank is at most n.
std::vector<std::uint32_t> top_of(std::string_view snapshot, std::uint32_t n) {
    const Document document(snapshot);
    const Snapshot read = Snapshot::read(document.root(), {});
    const RowTable table(read.primary(), runtime);
    const auto top = Ranking(table, runtime).top(n);
    return {top.begin(), top.end()};
}

// Rows a, b, c, ... with these values of "s", ranked by it; an empty value is left out.
std::string scored(const std::vector<std::string>& values, std::string_view order = "desc") {
    const std::string rows = joined(values.size(), [&](std::size_t i) {
        const std::string id =
            i < 26 ? std::string(1, static_cast<char>('a' + i)) : std::to_string(i);
        const std::string score = values[i].empty() ? "" : ", \"s\": " + values[i];
        const std::string row = "{\"id\": \"" + id + "\"" + score + "}";
        return row;
    });
    return R"({"rank_by": "s", "rank_order": ")" + std::string(order) + R"(", "primary_rows": [)" +
           rows + "]}";
}

// Rows of these ids, ranked by place.
std::string placed(std::string_view ids) {
    return "[" +
           joined(ids.size(),
                  [&](std::size_t i) { return R"({"id": ")" + std::string(1, ids[i]) + "\"}"; }) +
           "]";
}

std::string changes(std::string_view before, std::string_view after, std::uint32_t top_n = 10) {
    return diff_member("top_n_changes", before, after, top_n);
}

std::string unchanged(std::string_view before, std::string_view after, std::uint32_t top_n = 10) {
    return diff_member("top_n_unchanged", before, after, top_n);
}

using Ranks = std::vector<std::uint32_t>;

TEST(Ranking, IsByPlaceWithoutRankBy) {
    EXPECT_EQ(ranks_of(placed("xyz")), (Ranks{1, 2, 3}));
    EXPECT_EQ(top_of(placed("xyz"), 2), (Ranks{0, 1}));
    EXPECT_EQ(top_of(placed("xyz"), 9), (Ranks{0, 1, 2}));
    EXPECT_EQ(ranks_of("[]"), Ranks{});
}

TEST(Ranking, IsLargestFirstByDefault) {
    EXPECT_EQ(ranks_of(scored({"1", "3", "2"})), (Ranks{3, 1, 2}));
    EXPECT_EQ(
        ranks_of(R"({"rank_by": "s", "primary_rows": [{"id": 1, "s": 1}, {"id": 2, "s": 2}]})"),
        (Ranks{2, 1}));
    EXPECT_EQ(ranks_of(scored({"1", "3", "2"}, "asc")), (Ranks{1, 3, 2}));
}

TEST(Ranking, EqualValuesShareARank) {
    EXPECT_EQ(ranks_of(scored({"5", "5", "4"})), (Ranks{1, 1, 3}));
    EXPECT_EQ(ranks_of(scored({"4", "5", "5", "4", "3"})), (Ranks{3, 1, 1, 3, 5}));
    EXPECT_EQ(ranks_of(scored({"5.0", "5.00", "5"}, "asc")), (Ranks{1, 1, 1}));
}

TEST(Ranking, MissingAndNonNumericValuesRankLastTogether) {
    EXPECT_EQ(ranks_of(scored({"", "1", "\"9\"", "null", "2", "[3]", "true"})),
              (Ranks{3, 2, 3, 3, 1, 3, 3}));
    EXPECT_EQ(ranks_of(scored({"", "1", "\"9\"", "2"}, "asc")), (Ranks{3, 1, 3, 2}));
    EXPECT_EQ(ranks_of(scored({"", "\"x\""})), (Ranks{1, 1}));
}

TEST(Ranking, TellsNumbersApartThatNoFloatTells) {
    EXPECT_EQ(ranks_of(scored(
                  {"0.10000000000000000000000000001", "0.1", "0.10000000000000000000000000002"})),
              (Ranks{2, 3, 1}));
    EXPECT_EQ(ranks_of(scored({"1e1000", "1e1001", "-1e1000", "0"})), (Ranks{2, 1, 4, 3}));
    EXPECT_EQ(ranks_of(scored({"123412341234.0001", "123412341234.0002"})), (Ranks{2, 1}));
    EXPECT_EQ(ranks_of(scored({"-123412341234.0001", "-123412341234.0002"})), (Ranks{1, 2}));
    EXPECT_EQ(ranks_of(scored({"123412341234.0002", "123412341234.0001"}, "asc")), (Ranks{2, 1}));
    EXPECT_EQ(ranks_of(scored({"-123412341234.0001", "-123412341234.0002"}, "asc")), (Ranks{2, 1}));
}

TEST(Ranking, TheTopHoldsAllThatTieWithItsLast) {
    EXPECT_EQ(top_of(scored({"5", "4", "4", "4", "3"}), 2), (Ranks{0, 1, 2, 3}));
    EXPECT_EQ(top_of(scored({"1", "2", "3", "3"}), 1), (Ranks{2, 3}));
    EXPECT_EQ(top_of(scored({"5", "", "4"}), 2), (Ranks{0, 2}));
    EXPECT_EQ(top_of(scored({"5", "", "4", ""}), 3), (Ranks{0, 1, 2, 3}));
    EXPECT_EQ(top_of(scored({"5", "4"}), 2147483647), (Ranks{0, 1}));
}

TEST(Ranking, OfManyRowsIsThatOfASort) {
    std::vector<std::string> values;
    std::vector<int> numbers;
    for (int i = 0; i < 1000; ++i) {
        numbers.push_back(i * 7919 % 257);
        values.push_back(std::to_string(numbers.back()));
    }
    const Ranks ranks = ranks_of(scored(values));
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const auto better =
            std::count_if(numbers.begin(), numbers.end(), [&](int n) { return n > numbers[i]; });
        ASSERT_EQ(ranks[i], better + 1) << i;
    }
}

TEST(TopN, TellsTheTrueRankOnEitherSide) {
    EXPECT_EQ(changes(placed("abc"), placed("cab")),
              R"([{"id": "c", "to": 1, "from": 3}, {"id": "a", "to": 2, "from": 1}, )"
              R"({"id": "b", "to": 3, "from": 2}])");
    // d was far below the top 1 and comes into it.
    EXPECT_EQ(changes(placed("abcd"), placed("dabc"), 1),
              R"([{"id": "d", "to": 1, "from": 4}, {"id": "a", "to": 2, "from": 1}])");
}

TEST(TopN, IsNullWhereAnIdIsAbsent) {
    EXPECT_EQ(changes(placed("ab"), placed("cb")),
              R"([{"id": "c", "to": 1, "from": null}, {"id": "a", "to": null, "from": 1}])");
}

TEST(TopN, HoldsNothingFromBelowIt) {
    EXPECT_EQ(changes(placed("abcd"), placed("abdc"), 2), "[]");
    EXPECT_EQ(unchanged(placed("abcd"), placed("abdc"), 2), "[1, 2]");
    EXPECT_EQ(unchanged(placed("abcd"), placed("abdc"), 3), "[1, 2]");
    EXPECT_EQ(changes(placed("abcd"), placed("abdc"), 3),
              R"([{"id": "d", "to": 3, "from": 4}, {"id": "c", "to": 4, "from": 3}])");
}

TEST(TopN, ChangesAreOrderedByToThenFromThenPlace) {
    // Ties make equal `to` and `from`; x and y went away, ordered by `from`.
    const std::string before =
        R"({"rank_by": "s", "primary_rows": [{"id": "y", "s": 8}, {"id": "x", "s": 9},
            {"id": "c", "s": 1}, {"id": "b", "s": 1}, {"id": "a", "s": 2}]})";
    const std::string after =
        R"({"rank_by": "s", "primary_rows": [{"id": "a", "s": 5}, {"id": "b", "s": 5},
            {"id": "n", "s": 5}, {"id": "c", "s": 5}]})";
    EXPECT_EQ(changes(before, after),
              R"([{"id": "a", "to": 1, "from": 3}, {"id": "b", "to": 1, "from": 4}, )"
              R"({"id": "c", "to": 1, "from": 4}, {"id": "n", "to": 1, "from": null}, )"
              R"({"id": "x", "to": null, "from": 1}, {"id": "y", "to": null, "from": 2}])");
}

TEST(TopN, OfTheVanishedOnesWithOneRankStandInTheOrderOfBefore) {
    EXPECT_EQ(changes(scored({"1", "1", "1"}), R"({"rank_by": "s", "primary_rows": []})"),
              R"([{"id": "a", "to": null, "from": 1}, {"id": "b", "to": null, "from": 1}, )"
              R"({"id": "c", "to": null, "from": 1}])");
}

TEST(TopN, UnchangedHasOneAscendingRankARow) {
    EXPECT_EQ(unchanged(scored({"5", "7", "5", "3"}), scored({"5", "7", "5", "3"})),
              "[1, 2, 2, 4]");
    EXPECT_EQ(changes(scored({"5", "7", "5", "3"}), scored({"50", "70", "50", "3"})), "[]");
    EXPECT_EQ(unchanged("[]", "[]"), "[]");
    EXPECT_EQ(unchanged(placed("ab"), placed("ba")), "[]");
}

TEST(TopN, ARowThatTiesWithTheLastPlaceIsInIt) {
    EXPECT_EQ(unchanged(scored({"9", "5", "5", "5"}), scored({"9", "5", "5", "5"}), 2),
              "[1, 2, 2, 2]");
}

TEST(TopN, ChangingTheOrderOfTiedRowsChangesNothing) {
    const std::string before =
        R"({"rank_by": "s", "primary_rows": [{"id": "a", "s": 1}, {"id": "b", "s": 1}]})";
    const std::string after =
        R"({"rank_by": "s", "primary_rows": [{"id": "b", "s": 1}, {"id": "a", "s": 1.0}]})";
    EXPECT_EQ(changes(before, after), "[]");
    EXPECT_EQ(unchanged(before, after), "[1, 1]");
}

TEST(TopN, IsTheOneAskedFor) {
    EXPECT_EQ(diff_member("top_n", "[]", "[]", 1), "1");
    EXPECT_EQ(diff_member("top_n", "[]", "[]", 25), "25");
    EXPECT_EQ(diff_member("top_n", "[]", "[]", 2147483647), "2147483647");
}

TEST(TopN, LargerThanBothSidesHoldsAllRows) {
    EXPECT_EQ(unchanged(placed("abc"), placed("abc"), 2147483647), "[1, 2, 3]");
    EXPECT_EQ(unchanged(scored({"", "1"}), scored({"", "1"}), 2147483647), "[1, 2]");
}

TEST(TopN, EachSideIsRankedByItsOwnRule) {
    EXPECT_EQ(changes(scored({"1", "2"}), scored({"1", "2"}, "asc")),
              R"([{"id": "a", "to": 1, "from": 2}, {"id": "b", "to": 2, "from": 1}])");
    EXPECT_EQ(changes(placed("ab"), scored({"1", "2"})),
              R"([{"id": "b", "to": 1, "from": 2}, {"id": "a", "to": 2, "from": 1}])");
}

// Of many rows, by looking at each pair of them. Scores are integers of any length; an empty one
// ranks last.
void expect_ranked(const std::vector<std::string>& scores) {
    const auto better = [](const std::string& a, const std::string& b) {
        return a.size() != b.size() ? a.size() > b.size() : a > b;
    };
    Ranks expected;
    for (const std::string& score : scores)
        expected.push_back(1 + static_cast<std::uint32_t>(std::count_if(
                                   scores.begin(), scores.end(), [&](const std::string& other) {
                                       return better(other, score);
                                   })));
    const std::string snapshot = scored(scores);
    EXPECT_EQ(ranks_of(snapshot), expected);
    for (const std::uint32_t n : {1U, 2U, 10U, 100U, 499U, 500U, 501U}) {
        Ranks in;
        for (std::uint32_t i = 0; i < scores.size(); ++i)
            if (expected[i] <= n)
                in.push_back(i);
        EXPECT_EQ(top_of(snapshot, n), in) << n;
    }
}

TEST(TopN, OfManyRowsIsFoundWhateverTheirOrder) {
    std::mt19937 random(3);
    std::vector<std::string> scores(500);
    const auto fill = [&](auto&& score_of) {
        for (std::size_t i = 0; i < scores.size(); ++i)
            scores[i] = score_of(i);
        expect_ranked(scores);
    };
    fill([](std::size_t i) { return std::to_string(1000 + i); }); // each better than the one before
    fill([](std::size_t i) { return std::to_string(9000 - i); });
    fill([](std::size_t) { return "5"; });
    fill([](std::size_t) { return ""; });
    fill([&](std::size_t) { return std::to_string(1 + random() % 900); });
    fill([&](std::size_t) { return std::to_string(1 + random() % 5); });
    fill([&](std::size_t i) { return i % 3 == 0 ? "" : std::to_string(1 + random() % 50); });
    fill([](std::size_t i) { return i < 490 ? "" : std::to_string(i); });
}

TEST(TopN, OfNumbersThatDifferInTheirLastDigitsOnly) {
    std::mt19937 random(4);
    std::vector<std::string> scores(500);
    for (std::string& score : scores)
        score = "12345678901234567890" + std::to_string(1 + random() % 9);
    expect_ranked(scores);
    for (std::size_t i = 0; i < scores.size(); i += 2)
        scores[i] = "123456789012000000000"; // the same leading digits, and no others
    expect_ranked(scores);
    EXPECT_EQ(ranks_of(scored({"-1234567890123456", "-1234567890123457", "-1234567890120000"})),
              (Ranks{2, 3, 1}));
    EXPECT_EQ(ranks_of(scored({"1234567890123456", "1234567890123457", "1234567890123456.0",
                               "1234567890120000"},
                              "asc")),
              (Ranks{2, 4, 2, 1}));
}

TEST(TopN, FindsTheRankOfRowsOfDifferentShapes) {
    const std::string before = R"({"rank_by": "s", "primary_rows": [
        {"id": 1, "s": 3, "x": 1}, {"s": 2, "id": 2}, {"id": 3}, {"a": 1, "b": 2, "id": 4, "s": 1}]})";
    EXPECT_EQ(ranks_of(before), (Ranks{1, 2, 4, 3}));
}

} // namespace
} // namespace dashboard_diff::testing
