#include "core/even_slots.h"

#include <algorithm>
#include <limits>

namespace dashboard_diff {

namespace {

constexpr std::int64_t one_second = 1'000'000;
// In the order of preference where several are as good.
constexpr int phases[] = {0, 2, -2, 1, -1, 3, -3};

bool are_clear(const EvenSlots& a, const EvenSlots& b) noexcept {
    const std::int64_t needed =
        std::min({one_second, a.length / a.count / 4, b.length / b.count / 4});
    return distance(a, b) >= needed;
}

std::int64_t least_distance(const EvenSlots& slots, std::span<const EvenSlots> standing) noexcept {
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (const EvenSlots& other : standing)
        least = std::min(least, distance(slots, other));
    return least;
}

} // namespace

std::int64_t distance(const EvenSlots& a, const EvenSlots& b) noexcept {
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (std::int64_t i = 0, j = 0; i < a.count && j < b.count;) {
        const std::int64_t difference = a.at(i) - b.at(j);
        least = std::min(least, difference < 0 ? -difference : difference);
        ++(difference < 0 ? i : j);
    }
    return least;
}

void keep_clear(EvenSlots& slots, std::span<const EvenSlots> standing) noexcept {
    if (std::ranges::all_of(standing,
                            [&](const EvenSlots& other) { return are_clear(slots, other); }))
        return;
    int best = 0;
    std::int64_t furthest = -1;
    for (const int phase : phases) {
        slots.phase = phase;
        const std::int64_t least = least_distance(slots, standing);
        if (least > furthest) {
            furthest = least;
            best = phase;
        }
    }
    slots.phase = best;
}

} // namespace dashboard_diff
