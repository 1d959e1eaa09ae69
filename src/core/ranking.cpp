#include "core/ranking.h"

#include <algorithm>
#include <numeric>

#include "core/decimal.h"

namespace dashboard_diff {

Ranking::Ranking(const RowTable& table, const Runtime& runtime)
    : table_(table),
      runtime_(runtime),
      by_place_(table.ranks_by_place()),
      fields_(table.source().ranking),
      own_keys_(runtime.memory),
      keys_(table.rank_keys()) {
    if (by_place_ || !keys_.empty())
        return;
    own_keys_.reserve(table.size());
    Ticker ticker(runtime);
    for (RowCursor row = table.cursor(); !row.at_end(); row.advance()) {
        ticker.tick();
        fields_.enter(row.row());
        own_keys_.push_back(fields_.rank_key());
    }
    keys_ = own_keys_;
}

bool Ranking::better_by_value(std::uint32_t a, std::uint32_t b) const noexcept {
    const RankingRule& rule = table_.source().ranking;
    if (RowFields::is_exact(keys_[a], rule.ascending))
        return false;
    const auto value = [this](std::uint32_t place) {
        fields_.enter(table_.row(place));
        return Decimal(fields_.rank_value());
    };
    const int order = dashboard_diff::compare(value(a), value(b));
    return rule.ascending ? order < 0 : order > 0;
}

std::pmr::vector<std::uint32_t> Ranking::top(std::uint32_t n) const {
    const std::uint32_t size = table_.size();
    std::pmr::vector<std::uint32_t> rows(runtime_.memory);
    if (by_place_ || n >= size) {
        rows.resize(std::min(n, size));
        std::iota(rows.begin(), rows.end(), 0);
        return rows;
    }

    // Rows that may be in, in the order of their places. Now and then the n-th best of them is
    // found, and whoever is worse goes.
    Ticker ticker(runtime_);
    const auto is_better = [&](std::uint32_t a, std::uint32_t b) {
        ticker.tick();
        return better(a, b);
    };
    std::pmr::vector<std::uint32_t> scratch(runtime_.memory);
    std::uint32_t worst = RowTable::none; // the n-th best when rows were pruned last
    std::uint64_t worst_key = RowFields::unranked;
    const auto prune = [&] {
        scratch.assign(rows.begin(), rows.end());
        const auto nth = scratch.begin() + (n - 1);
        std::nth_element(scratch.begin(), nth, scratch.end(), is_better);
        std::erase_if(rows, [&](std::uint32_t row) { return is_better(*nth, row); });
        worst = *nth;
        worst_key = keys_[worst];
    };
    std::size_t enough = std::size_t{2} * n + 64;
    rows.reserve(enough);
    for (std::uint32_t i = 0; i < size; ++i) {
        ticker.tick();
        if (keys_[i] > worst_key ||
            (keys_[i] == worst_key && worst != RowTable::none && better_by_value(worst, i)))
            continue;
        rows.push_back(i);
        if (rows.size() == enough) {
            prune();
            // All may tie, and are then in: pruning must not be tried at every row.
            enough = std::max(enough, 2 * rows.size());
        }
    }
    if (rows.size() > n)
        prune();
    return rows;
}

std::pmr::vector<std::uint32_t> Ranking::ranks(std::span<const std::uint32_t> rows,
                                               std::span<const std::uint32_t> top) const {
    std::pmr::vector<std::uint32_t> result(rows.size(), runtime_.memory);
    if (by_place_) {
        std::transform(rows.begin(), rows.end(), result.begin(),
                       [](std::uint32_t row) { return row + 1; });
        return result;
    }
    if (rows.empty())
        return result;

    // rank = 1 + the rows that are strictly better: one pass over the rows that may be, each of
    // which counts for the asked-for rows that are worse, the best of them found by bisection.
    std::pmr::vector<std::uint32_t> order(rows.size(), runtime_.memory);
    std::iota(order.begin(), order.end(), 0);
    Ticker ticker(runtime_);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        ticker.tick(); // everything may tie, and then everything is in the top N
        return better(rows[a], rows[b]);
    });
    const std::uint32_t worst = rows[order.back()];
    std::pmr::vector<std::uint32_t> better_than(rows.size() + 1, 0, runtime_.memory);
    const auto count = [&](std::uint32_t row) {
        ticker.tick();
        if (keys_[row] > keys_[worst] || !better(row, worst))
            return;
        const auto first_worse = std::upper_bound(
            order.begin(), order.end(), row,
            [&](std::uint32_t r, std::uint32_t asked) { return better(r, rows[asked]); });
        ++better_than[static_cast<std::size_t>(first_worse - order.begin())];
    };
    if (std::any_of(top.begin(), top.end(), [&](std::uint32_t row) { return !better(row, worst); }))
        std::for_each(top.begin(), top.end(), count);
    else
        for (std::uint32_t row = 0; row < table_.size(); ++row)
            count(row);
    std::uint32_t better_rows = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
        better_rows += better_than[i];
        result[order[i]] = better_rows + 1;
    }
    return result;
}

} // namespace dashboard_diff
