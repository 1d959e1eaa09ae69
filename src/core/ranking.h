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
    // Of a table of valid rows: by its rank keys, which are read from the rows where the table has
    // not collected them.
    Ranking(const RowTable& table, const Runtime& runtime);

    // The rows whose rank is at most n, in the order of their places.
    std::pmr::vector<std::uint32_t> top(std::uint32_t n) const;

    // The ranks (1-based) of some rows, in the order given. Where `top` (what top returned) holds
    // them all, no others need to be looked at.
    std::pmr::vector<std::uint32_t> ranks(std::span<const std::uint32_t> rows,
                                          std::span<const std::uint32_t> top = {}) const;

private:
    bool better(std::uint32_t a, std::uint32_t b) const noexcept {
        return keys_[a] != keys_[b] ? keys_[a] < keys_[b] : better_by_value(a, b);
    }
    bool better_by_value(std::uint32_t a, std::uint32_t b) const noexcept;

    const RowTable& table_;
    const Runtime& runtime_;
    bool by_place_;
    mutable RowFields fields_; // remembers the layout of the row that was looked into last
    std::pmr::vector<std::uint64_t> own_keys_;
    std::span<const std::uint64_t> keys_; // of all rows
};

} // namespace dashboard_diff
