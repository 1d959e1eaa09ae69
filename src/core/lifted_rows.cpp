#include "core/lifted_rows.h"

#include <algorithm>

namespace dashboard_diff {

namespace {

constexpr std::size_t none = SIZE_MAX;

// A run of rows that keep their order, by its last row.
struct Run {
    std::size_t rows = 0;
    std::uint64_t moved = 0; // the ranks that its rows moved by, in all
    std::size_t last = none;

    bool better_than(const Run& other) const noexcept {
        return rows != other.rows ? rows > other.rows : moved < other.moved;
    }
};

// The best run among those that end at one of the first ranks (a Fenwick tree).
class BestRuns {
public:
    BestRuns(std::size_t ranks, const Runtime& runtime) : tree_(ranks + 1, runtime.memory) {}

    Run best_until(std::size_t rank) const {
        Run best;
        for (std::size_t i = rank + 1; i > 0; i &= i - 1)
            if (tree_[i].better_than(best))
                best = tree_[i];
        return best;
    }
    void add(std::size_t rank, const Run& run) {
        for (std::size_t i = rank + 1; i < tree_.size(); i += i & (~i + 1))
            if (run.better_than(tree_[i]))
                tree_[i] = run;
    }

private:
    std::pmr::vector<Run> tree_;
};

} // namespace

void sort_by_old_order(Placements& rows, const Runtime& runtime) {
    Ticker ticker(runtime);
    std::sort(rows.begin(), rows.end(), [&](const Placement& a, const Placement& b) {
        ticker.tick();
        return a.from != b.from ? a.from < b.from : a.to < b.to;
    });
}

std::size_t count_lifted(const Placements& sorted, const Runtime& runtime) {
    // tails[n]: the smallest rank that a run of n + 1 rows can end at.
    std::pmr::vector<std::uint32_t> tails(runtime.memory);
    tails.reserve(sorted.size());
    Ticker ticker(runtime);
    for (const Placement& row : sorted) {
        ticker.tick();
        const auto at = std::upper_bound(tails.begin(), tails.end(), row.to);
        if (at == tails.end())
            tails.push_back(row.to);
        else
            *at = row.to;
    }
    return sorted.size() - tails.size();
}

Placements find_lifted(const Placements& sorted, const Runtime& runtime) {
    std::pmr::vector<std::uint32_t> ranks(runtime.memory);
    ranks.reserve(sorted.size());
    for (const Placement& row : sorted)
        ranks.push_back(row.to);
    std::sort(ranks.begin(), ranks.end());

    BestRuns runs(sorted.size(), runtime);
    std::pmr::vector<std::size_t> previous(sorted.size(), none, runtime.memory);
    Run best;
    Ticker ticker(runtime);
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        ticker.tick();
        const auto [from, to, change] = sorted[i];
        const auto rank = static_cast<std::size_t>(
            std::lower_bound(ranks.begin(), ranks.end(), to) - ranks.begin());
        Run run = runs.best_until(rank);
        previous[i] = run.last;
        run.rows += 1;
        run.moved += from < to ? to - from : from - to;
        run.last = i;
        runs.add(rank, run);
        if (run.better_than(best))
            best = run;
    }

    std::pmr::vector<bool> kept(sorted.size(), false, runtime.memory);
    for (std::size_t i = best.last; i != none; i = previous[i])
        kept[i] = true;
    Placements lifted(runtime.memory);
    for (std::size_t i = 0; i < sorted.size(); ++i)
        if (!kept[i])
            lifted.push_back(sorted[i]);
    return lifted;
}

} // namespace dashboard_diff
