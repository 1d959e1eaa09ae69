#include "core/ranking.h"

#include <algorithm>
#include <numeric>

#include "core/decimal.h"

namespace dashboard_diff {

Ranking::Ranking(const RowTable& table, const Runtime& runtime)
    : rule_(table.source().ranking),
      runtime_(runtime),
      size_(table.size()),
      scores_(runtime.memory) {
    if (by_place())
        return;
    scores_.reserve(size_);
    FieldLocator field(rule_.rank_by);
    Ticker ticker(runtime);
    for (std::uint32_t i = 0; i < size_; ++i) {
        ticker.tick();
        const Value value = field.locate(table.row(i));
        if (!is_number(value)) {
            scores_.push_back({UINT64_MAX, nullptr});
            continue;
        }
        const std::uint64_t key = order_key(Decimal(value));
        scores_.push_back({rule_.ascending ? key : ~key, value.data});
        ++ranked_;
    }
}

int Ranking::compare_scores(const Score& a, const Score& b) const noexcept {
    if (a.numeric == nullptr || b.numeric == nullptr)
        return static_cast<int>(a.numeric == nullptr) - static_cast<int>(b.numeric == nullptr);
    if (a.key != b.key)
        return a.key < b.key ? -1 : 1;
    const int order = compare(Decimal(a.numeric), Decimal(b.numeric));
    return rule_.ascending ? order : -order;
}

std::pmr::vector<std::uint32_t> Ranking::top(std::uint32_t n) const {
    std::pmr::vector<std::uint32_t> rows(runtime_.memory);
    if (by_place() || n > ranked_) { // every row, when even the unranked ones are in
        rows.resize(by_place() ? std::min(n, size_) : size_);
        std::iota(rows.begin(), rows.end(), 0);
        return rows;
    }

    // The n best so far, the worst of them on top of a heap.
    const auto better = [this](std::uint32_t a, std::uint32_t b) {
        return compare_scores(scores_[a], scores_[b]) < 0;
    };
    Ticker ticker(runtime_);
    rows.reserve(n);
    for (std::uint32_t i = 0; i < size_; ++i) {
        ticker.tick();
        if (rows.size() < n) {
            rows.push_back(i);
            std::push_heap(rows.begin(), rows.end(), better);
        } else if (better(i, rows.front())) {
            std::pop_heap(rows.begin(), rows.end(), better);
            rows.back() = i;
            std::push_heap(rows.begin(), rows.end(), better);
        }
    }
    // All that tie with the n-th share its rank.
    const Score worst = scores_[rows.front()];
    rows.clear();
    for (std::uint32_t i = 0; i < size_; ++i) {
        ticker.tick();
        if (compare_scores(scores_[i], worst) <= 0)
            rows.push_back(i);
    }
    return rows;
}

std::pmr::vector<std::uint32_t> Ranking::ranks(std::span<const std::uint32_t> rows) const {
    std::pmr::vector<std::uint32_t> result(rows.size(), runtime_.memory);
    if (by_place()) {
        std::transform(rows.begin(), rows.end(), result.begin(),
                       [](std::uint32_t row) { return row + 1; });
        return result;
    }

    // rank = 1 + the rows that are strictly better: one pass over all rows, each of which counts
    // for the asked-for rows that are worse, the best of them found by bisection.
    std::pmr::vector<std::uint32_t> order(rows.size(), runtime_.memory);
    std::iota(order.begin(), order.end(), 0);
    Ticker ticker(runtime_);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        ticker.tick(); // everything may tie, and then everything is in the top N
        return compare_scores(scores_[rows[a]], scores_[rows[b]]) < 0;
    });
    std::pmr::vector<std::uint32_t> better_than(rows.size() + 1, 0, runtime_.memory);
    for (const Score& score : scores_) {
        ticker.tick();
        if (order.empty() || compare_scores(score, scores_[rows[order.back()]]) >= 0)
            continue;
        const auto first_worse = std::upper_bound(
            order.begin(), order.end(), score, [&](const Score& s, std::uint32_t asked) {
                return compare_scores(s, scores_[rows[asked]]) < 0;
            });
        ++better_than[static_cast<std::size_t>(first_worse - order.begin())];
    }
    std::uint32_t better = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
        better += better_than[i];
        result[order[i]] = better + 1;
    }
    return result;
}

} // namespace dashboard_diff
