#pragma once

// Checks spread evenly over a stretch of time, in microseconds.

#include <cstdint>
#include <span>

namespace dashboard_diff {

struct EvenSlots {
    std::int64_t start = 0;
    std::int64_t length = 0;
    std::int64_t count = 0;
    int phase = 0; // in eighths of the gap, -3 to 3, so that no slot leaves the stretch

    // Slot i is in the middle of the i-th of `count` equal parts, but for the phase.
    std::int64_t at(std::int64_t i) const noexcept {
        return start + static_cast<std::int64_t>(static_cast<__int128>(length) *
                                                 (8 * i + 4 + phase) / (8 * count));
    }
};

// The shortest time between a slot of the one and a slot of the other; both have slots.
std::int64_t distance(const EvenSlots& a, const EvenSlots& b) noexcept;

// Moves `slots` by a part of their gap where they would otherwise come within a second of slots
// that stand already (or a quarter of a gap, where that is less): to where they are furthest away.
void keep_clear(EvenSlots& slots, std::span<const EvenSlots> standing) noexcept;

} // namespace dashboard_diff
