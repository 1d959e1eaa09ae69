#pragma once

// Ranks of a source's rows. Without rank_by a row's rank is its place. With it, equal values share
// a rank (1, 1, 3), and rows whose value is missing or not a number rank last, together.

#include <cstdint>
#include <memory_resource>
#include <span>
#include <vector>

#include "core/row_table.h"

namespace dashboard_diff {

class Ranking {
public:
    Ranking(const RowTable& table, const Runtime& runtime);

    // The rows whose rank is at most n, in the order of their places.
    std::pmr::vector<std::uint32_t> top(std::uint32_t n) const;

    // The ranks (1-based) of some rows, in the order given.
    std::pmr::vector<std::uint32_t> ranks(std::span<const std::uint32_t> rows) const;

private:
    // A row's rank_by value: `key` orders as the values do (see order_key), but first is best.
    struct Score {
        std::uint64_t key;
        const std::byte* numeric; // null: the row is unranked
    };

    int compare_scores(const Score& a, const Score& b) const noexcept; // < 0: a is better
    bool by_place() const noexcept { return !rule_.has_rank_by; }

    RankingRule rule_;
    const Runtime& runtime_;
    std::uint32_t size_;
    std::uint32_t ranked_ = 0;
    std::pmr::vector<Score> scores_;
};

} // namespace dashboard_diff
