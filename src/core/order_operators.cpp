// Rules about who stands where in the top N. A diff may hold a larger top N than a rule looks at.

#include <algorithm>

#include "core/judges.h"
#include "core/lifted_rows.h"

namespace dashboard_diff {

namespace {

bool in_top(std::uint32_t rank, const Rule& rule) {
    return rank != 0 && rank <= rule.top_n;
}

// Counts the changes of rank that count, until there are enough of them. Those found go to the
// evidence by stronger(a, b), or where nothing is stronger, in the order of the diff.
template <typename Counts, typename Stronger>
Truth judge_changes(const Rule& rule, const Diff& diff, Evidence* evidence, const Runtime& runtime,
                    Counts&& counts, Stronger&& stronger) {
    std::uint64_t found = 0;
    Ticker ticker(runtime);
    for (const RankChange& change : rows_of(rule, diff).top_n_changes) {
        ticker.tick();
        if (!counts(change))
            continue;
        ++found;
        if (evidence != nullptr)
            evidence->add_sorted(&change, [&](const Fact& other) {
                return stronger(change, *std::get<const RankChange*>(other));
            });
        else if (found >= rule.count)
            return Truth::yes;
    }
    if (evidence != nullptr)
        evidence->top_n = rule.top_n;
    return judge_count(found, rule.count, evidence);
}

constexpr auto in_order_of_diff = [](const RankChange&, const RankChange&) { return false; };

// Ranks climbed; negative for a fall. Both ranks must be known.
std::int64_t climb(const RankChange& change) {
    return std::int64_t{change.from} - change.to;
}

std::uint64_t distance(const RankChange& change) {
    return static_cast<std::uint64_t>(climb(change) < 0 ? -climb(change) : climb(change));
}

constexpr auto further = [](const RankChange& a, const RankChange& b) {
    return distance(a) > distance(b);
};

bool moved_in_direction(const RankChange& change, Direction direction) {
    return direction == Direction::any || (climb(change) > 0) == (direction == Direction::up);
}

bool stays_in_top(const RankChange& change, const Rule& rule) {
    return in_top(change.from, rule) && in_top(change.to, rule);
}

// The rows in both top N, in their old order.
Placements stayers(const SourceDiff& source, const Rule& rule, const Runtime& runtime) {
    Placements rows(runtime.memory);
    rows.reserve(source.top_n_changes.size() + source.top_n_unchanged.size());
    Ticker ticker(runtime);
    for (const RankChange& change : source.top_n_changes) {
        ticker.tick();
        if (stays_in_top(change, rule))
            rows.push_back({change.from, change.to, &change});
    }
    for (const std::uint32_t rank : source.top_n_unchanged) {
        ticker.tick();
        if (in_top(rank, rule))
            rows.push_back({rank, rank, nullptr});
    }
    sort_by_old_order(rows, runtime);
    return rows;
}

// A row that kept its rank may have to be lifted too: it counts, but a diff does not name it.
std::uint64_t explain_moved(const Placements& rows, Evidence& evidence, const Runtime& runtime) {
    const Placements lifted = find_lifted(rows, runtime);
    for (const Placement& row : lifted)
        if (row.change != nullptr)
            evidence.add_sorted(row.change, [&](const Fact& other) {
                return further(*row.change, *std::get<const RankChange*>(other));
            });
    return lifted.size();
}

} // namespace

Truth judge_top_n_reordering(const Rule& rule, const Diff& diff, Evidence* evidence,
                             const Runtime& runtime) {
    return judge_changes(
        rule, diff, evidence, runtime,
        [&](const RankChange& c) { return in_top(c.from, rule) || in_top(c.to, rule); },
        in_order_of_diff);
}

Truth judge_top_n_moved(const Rule& rule, const Diff& diff, Evidence* evidence,
                        const Runtime& runtime) {
    const SourceDiff& source = rows_of(rule, diff);
    // Rows that kept their rank keep their order: no more need to be lifted than changed rank.
    const auto changed = static_cast<std::uint64_t>(
        std::count_if(source.top_n_changes.begin(), source.top_n_changes.end(),
                      [&](const RankChange& c) { return stays_in_top(c, rule); }));
    if (evidence == nullptr && changed < rule.count)
        return Truth::no;

    const Placements rows = stayers(source, rule, runtime);
    if (evidence == nullptr)
        return judge_count(count_lifted(rows, runtime), rule.count, nullptr);
    evidence->top_n = rule.top_n;
    return judge_count(explain_moved(rows, *evidence, runtime), rule.count, evidence);
}

Truth judge_top_n_entered(const Rule& rule, const Diff& diff, Evidence* evidence,
                          const Runtime& runtime) {
    return judge_changes(
        rule, diff, evidence, runtime,
        [&](const RankChange& c) { return in_top(c.to, rule) && !in_top(c.from, rule); },
        in_order_of_diff);
}

Truth judge_top_n_left(const Rule& rule, const Diff& diff, Evidence* evidence,
                       const Runtime& runtime) {
    return judge_changes(
        rule, diff, evidence, runtime,
        [&](const RankChange& c) { return in_top(c.from, rule) && !in_top(c.to, rule); },
        [](const RankChange& a, const RankChange& b) { return a.from < b.from; });
}

Truth judge_rank_delta(const Rule& rule, const Diff& diff, Evidence* evidence,
                       const Runtime& runtime) {
    std::uint64_t furthest = 0;
    std::uint64_t found = 0;
    Ticker ticker(runtime);
    for (const RankChange& change : rows_of(rule, diff).top_n_changes) {
        ticker.tick();
        // Who comes or goes has no rank to have moved from or to.
        if (change.from == 0 || change.to == 0 ||
            !(in_top(change.from, rule) || in_top(change.to, rule)) ||
            !moved_in_direction(change, rule.direction) ||
            (rule.ids && !rule.ids->contains(change.id)))
            continue;
        furthest = std::max(furthest, distance(change));
        if (distance(change) < rule.count)
            continue;
        if (evidence == nullptr)
            return Truth::yes;
        ++found;
        evidence->add_sorted(&change, [&](const Fact& other) {
            return further(change, *std::get<const RankChange*>(other));
        });
    }
    if (evidence != nullptr) {
        evidence->top_n = rule.top_n;
        evidence->measured = furthest;
        evidence->matched = found;
    }
    return to_truth(found > 0);
}

} // namespace dashboard_diff
