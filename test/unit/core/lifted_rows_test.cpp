// How many rows, and which, turn one order into another.

#include "core/lifted_rows.h"

#include <bit>

#include <gtest/gtest.h>

#include "support/random_models.h"

namespace dashboard_diff::testing {
namespace {

const Runtime runtime;

Placements placements(std::initializer_list<std::pair<std::uint32_t, std::uint32_t>> ranks) {
    Placements rows;
    for (const auto& [from, to] : ranks)
        rows.push_back({from, to, nullptr});
    sort_by_old_order(rows, runtime);
    return rows;
}

bool keeps_order(const Placements& sorted, unsigned subset) {
    std::uint32_t last = 0;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        if ((subset >> i & 1) == 0)
            continue;
        if (sorted[i].to < last)
            return false;
        last = sorted[i].to;
    }
    return true;
}

struct Best {
    std::size_t kept = 0;
    std::uint64_t moved = 0; // by the rows that are kept
};

// Every subset of the rows is tried.
Best try_all(const Placements& sorted) {
    Best best;
    for (unsigned subset = 0; subset < 1U << sorted.size(); ++subset) {
        if (!keeps_order(sorted, subset))
            continue;
        const auto kept = static_cast<std::size_t>(std::popcount(subset));
        std::uint64_t moved = 0;
        for (std::size_t i = 0; i < sorted.size(); ++i)
            if ((subset >> i & 1) != 0)
                moved += static_cast<std::uint64_t>(
                    std::abs(std::int64_t{sorted[i].from} - sorted[i].to));
        if (kept > best.kept || (kept == best.kept && moved < best.moved))
            best = {kept, moved};
    }
    return best;
}

std::string text_of(const Placements& rows) {
    std::string text;
    for (const Placement& row : rows)
        text += std::to_string(row.from) + ">" + std::to_string(row.to) + " ";
    return text;
}

std::size_t count(std::initializer_list<std::pair<std::uint32_t, std::uint32_t>> ranks) {
    return count_lifted(placements(ranks), runtime);
}

TEST(LiftedRows, OfAnOrderThatStaysAreNone) {
    EXPECT_EQ(count({}), 0U);
    EXPECT_EQ(count({{1, 1}}), 0U);
    EXPECT_EQ(count({{1, 2}, {2, 3}, {3, 4}}), 0U); // a newcomer pushes all of them down
    EXPECT_EQ(count({{2, 1}, {3, 2}, {9, 3}}), 0U); // the first one left
}

TEST(LiftedRows, AreThoseThatPassOthers) {
    EXPECT_EQ(count({{1, 2}, {2, 1}}), 1U);
    EXPECT_EQ(count({{1, 4}, {2, 1}, {3, 2}, {4, 3}}), 1U);
    EXPECT_EQ(count({{1, 4}, {2, 3}, {3, 2}, {4, 1}}), 3U);
    EXPECT_EQ(count({{1, 2}, {2, 1}, {3, 4}, {4, 3}}), 2U);
}

TEST(LiftedRows, ATieNeverCounts) {
    EXPECT_EQ(count({{1, 1}, {1, 2}, {3, 3}}), 0U); // a tie that was broken
    EXPECT_EQ(count({{1, 2}, {1, 1}, {3, 3}}), 0U);
    EXPECT_EQ(count({{1, 1}, {2, 1}, {3, 3}}), 0U); // and one that came about
    EXPECT_EQ(count({{1, 1}, {1, 1}, {1, 1}}), 0U);
    EXPECT_EQ(count({{1, 3}, {1, 2}, {3, 1}}), 1U); // but a row may pass both of a tie
}

TEST(LiftedRows, WhereThereIsAChoiceAreThoseThatMovedFurthest) {
    EXPECT_EQ(text_of(find_lifted(placements({{1, 4}, {2, 1}, {3, 2}, {4, 3}}), runtime)), "1>4 ");
    EXPECT_EQ(text_of(find_lifted(placements({{1, 3}, {2, 2}, {3, 1}}), runtime)), "1>3 3>1 ");
    EXPECT_EQ(text_of(find_lifted(placements({{1, 3}, {2, 1}, {9, 2}}), runtime)), "1>3 ");
    EXPECT_EQ(text_of(find_lifted(placements({}), runtime)), "");
}

TEST(LiftedRows, AreAsFewAsAllSubsetsSay) {
    Random random(31);
    for (int i = 0; i < 400; ++i) {
        Placements rows;
        const std::size_t size = random.below(10);
        for (std::size_t n = 0; n < size; ++n)
            rows.push_back({static_cast<std::uint32_t>(1 + random.below(8)),
                            static_cast<std::uint32_t>(1 + random.below(8)), nullptr});
        sort_by_old_order(rows, runtime);
        const Best best = try_all(rows);
        EXPECT_EQ(count_lifted(rows, runtime), rows.size() - best.kept) << text_of(rows);

        const Placements lifted = find_lifted(rows, runtime);
        EXPECT_EQ(lifted.size(), rows.size() - best.kept) << text_of(rows);
        std::uint64_t moved = 0;
        for (const Placement& row : rows)
            moved += static_cast<std::uint64_t>(std::abs(std::int64_t{row.from} - row.to));
        for (const Placement& row : lifted)
            moved -= static_cast<std::uint64_t>(std::abs(std::int64_t{row.from} - row.to));
        EXPECT_EQ(moved, best.moved) << text_of(rows);
    }
}

TEST(LiftedRows, OfManyRowsAreFound) {
    // 100,000 rows in reverse: all but one.
    constexpr std::uint32_t many = 100000;
    Placements rows;
    for (std::uint32_t i = 1; i <= many; ++i)
        rows.push_back({i, many + 1 - i, nullptr});
    sort_by_old_order(rows, runtime);
    EXPECT_EQ(count_lifted(rows, runtime), many - 1);
    EXPECT_EQ(find_lifted(rows, runtime).size(), many - 1);
}

} // namespace
} // namespace dashboard_diff::testing
