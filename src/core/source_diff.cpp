#include "core/source_diff.h"

#include <algorithm>

#include "core/ranking.h"
#include "core/row_diff.h"
#include "core/row_table.h"

namespace dashboard_diff {

namespace {

constexpr std::uint32_t none = RowTable::none;

// Which row is which on the other side, or none.
struct Matching {
    Matching(std::size_t before, std::size_t after, std::pmr::memory_resource* memory)
        : to_after(before, none, memory), to_before(after, none, memory) {}

    std::pmr::vector<std::uint32_t> to_after;
    std::pmr::vector<std::uint32_t> to_before;
};

bool identical_rows(const RowTable& before, std::uint32_t b, const RowTable& after,
                    std::uint32_t a) {
    return before.length(b) == after.length(a) &&
           std::memcmp(before.row(b), after.row(a), after.length(a)) == 0;
}

// Pairs the rows by id and compares each pair as it is found, in the order of `after`.
Matching match_rows(RowTable& before, RowTable& after, SourceDiff& out, const Runtime& runtime) {
    Matching matching(before.size(), after.size(), runtime.memory);
    before.index();
    RowComparer comparer(out, runtime);
    Ticker ticker(runtime);
    // Rows mostly keep their order: the row after the last match is the likeliest next one.
    std::uint32_t guess = 0;
    const bool same_id_field = before.source().ranking.id_field == after.source().ranking.id_field;
    for (std::uint32_t a = 0; a < after.size(); ++a) {
        ticker.tick();
        std::uint32_t b;
        const bool identical =
            same_id_field && guess < before.size() && identical_rows(before, guess, after, a);
        if (identical) {
            b = guess;
        } else {
            const Value id = after.id(a);
            const std::uint32_t hash = after.hash(id);
            b = before.find(id, hash);
            if (b == none) {
                if (const std::uint32_t first = after.find(id, hash); first != none)
                    after.throw_duplicate(a, first);
                after.insert(a, hash);
                out.added.push_back(id);
                continue;
            }
        }
        if (matching.to_after[b] != none)
            after.throw_duplicate(a, matching.to_after[b]);
        if (!identical && !identical_rows(before, b, after, a))
            comparer.compare(after.id(a), before.row(b), after.row(a));
        matching.to_after[b] = a;
        matching.to_before[a] = b;
        guess = b + 1;
    }
    for (std::uint32_t b = 0; b < before.size(); ++b)
        if (matching.to_after[b] == none)
            out.removed.push_back(before.id(b));
    return matching;
}

// A row of either top N, by its place on each side.
struct Contender {
    std::uint32_t before;
    std::uint32_t after;
};

// The ranks that the contenders have on one side; 0 where they are absent.
template <std::uint32_t Contender::*side>
std::pmr::vector<std::uint32_t> ranks_of(const Ranking& ranking,
                                         const std::pmr::vector<Contender>& contenders,
                                         const Runtime& runtime) {
    std::pmr::vector<std::uint32_t> rows(runtime.memory);
    for (const Contender& contender : contenders)
        if (contender.*side != none)
            rows.push_back(contender.*side);
    const std::pmr::vector<std::uint32_t> found = ranking.ranks(rows);
    std::pmr::vector<std::uint32_t> ranks(contenders.size(), 0, runtime.memory);
    std::size_t next = 0;
    for (std::size_t i = 0; i < contenders.size(); ++i)
        if (contenders[i].*side != none)
            ranks[i] = found[next++];
    return ranks;
}

bool before_in_order(const RankChange& a, const RankChange& b) {
    // Absent ranks are 0 and sort last: as unsigned numbers, 0 - 1 is the largest.
    if (a.to != b.to)
        return a.to - 1 < b.to - 1;
    if (a.from != b.from)
        return a.from - 1 < b.from - 1;
    return a.place < b.place;
}

void compare_tops(RowTable& before, RowTable& after, const Matching& matching, std::uint32_t top_n,
                  SourceDiff& out, const Runtime& runtime) {
    const Ranking before_ranking(before, runtime);
    const Ranking after_ranking(after, runtime);

    std::pmr::vector<Contender> contenders(runtime.memory);
    std::pmr::vector<bool> in_after_top(after.size(), false, runtime.memory);
    for (const std::uint32_t a : after_ranking.top(top_n)) {
        contenders.push_back({matching.to_before[a], a});
        in_after_top[a] = true;
    }
    for (const std::uint32_t b : before_ranking.top(top_n)) {
        const std::uint32_t a = matching.to_after[b];
        if (a == none || !in_after_top[a])
            contenders.push_back({b, a});
    }

    const auto from = ranks_of<&Contender::before>(before_ranking, contenders, runtime);
    const auto to = ranks_of<&Contender::after>(after_ranking, contenders, runtime);
    for (std::size_t i = 0; i < contenders.size(); ++i) {
        const auto [b, a] = contenders[i];
        if (from[i] == to[i])
            out.top_n_unchanged.push_back(to[i]);
        else
            out.top_n_changes.push_back(
                {a != none ? after.id(a) : before.id(b), from[i], to[i], a != none ? a : b});
    }
    std::sort(out.top_n_unchanged.begin(), out.top_n_unchanged.end());
    Ticker ticker(runtime);
    std::sort(out.top_n_changes.begin(), out.top_n_changes.end(),
              [&](const RankChange& a, const RankChange& b) {
                  ticker.tick();
                  return before_in_order(a, b);
              });
}

} // namespace

SourceDiff compare_sources(const RowSource& before, const RowSource& after, std::uint32_t top_n,
                           const Runtime& runtime) {
    SourceDiff diff(runtime.memory);
    RowTable before_rows(before, runtime);
    RowTable after_rows(after, runtime);
    const Matching matching = match_rows(before_rows, after_rows, diff, runtime);
    compare_tops(before_rows, after_rows, matching, top_n, diff, runtime);
    return diff;
}

} // namespace dashboard_diff
