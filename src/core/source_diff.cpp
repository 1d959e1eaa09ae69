#include "core/source_diff.h"

#include <algorithm>

#include "core/ranking.h"
#include "core/row_matcher.h"

namespace dashboard_diff {

namespace {

constexpr std::uint32_t none = RowTable::none;

// A row of either top N, by its place on each side.
struct Contender {
    std::uint32_t before;
    std::uint32_t after;
};

// The ranks that the contenders have on one side; 0 where they are absent.
template <std::uint32_t Contender::*side>
std::pmr::vector<std::uint32_t> ranks_of(const Ranking& ranking, std::span<const std::uint32_t> top,
                                         const std::pmr::vector<Contender>& contenders,
                                         const Runtime& runtime) {
    std::pmr::vector<std::uint32_t> rows(runtime.memory);
    rows.reserve(contenders.size());
    for (const Contender& contender : contenders)
        if (contender.*side != none)
            rows.push_back(contender.*side);
    const std::pmr::vector<std::uint32_t> found = ranking.ranks(rows, top);
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

void compare_tops(RowTable& before, RowTable& after, RowMatcher& matcher, std::uint32_t top_n,
                  SourceDiff& out, const Runtime& runtime) {
    const Ranking before_ranking(before, runtime);
    const Ranking after_ranking(after, runtime);

    std::pmr::vector<Contender> contenders(runtime.memory);
    std::pmr::vector<bool> in_after_top(after.size(), false, runtime.memory);
    const std::pmr::vector<std::uint32_t> after_top = after_ranking.top(top_n);
    const std::pmr::vector<std::uint32_t> before_top = before_ranking.top(top_n);
    contenders.reserve(after_top.size());
    for (const std::uint32_t a : after_top) {
        contenders.push_back({matcher.in_before(a), a});
        in_after_top[a] = true;
    }
    for (const std::uint32_t b : before_top) {
        const std::uint32_t a = matcher.in_after(b);
        if (a == none || !in_after_top[a])
            contenders.push_back({b, a});
    }

    const auto from = ranks_of<&Contender::before>(before_ranking, before_top, contenders, runtime);
    const auto to = ranks_of<&Contender::after>(after_ranking, after_top, contenders, runtime);
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
    RowMatcher matcher(before_rows, after_rows, diff, runtime);
    matcher.match();
    compare_tops(before_rows, after_rows, matcher, top_n, diff, runtime);
    return diff;
}

} // namespace dashboard_diff
