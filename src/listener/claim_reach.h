#pragma once

#include "listener/event_loop.h"

#include <optional>

namespace dashboard_diff::listener {

// How far back in time a claim looks for due deliveries. Those that are done leave entries in the
// index, which nobody can clear away while some transaction stays open, so that a claim that looks
// at all of it becomes slower and slower. Most claims look only at what can have become due since
// the one before; now and then one looks at everything, for what was committed late, or given back.
class ClaimReach {
public:
    static constexpr std::chrono::seconds grace{5}; // for transactions that take a while to commit
    static constexpr std::chrono::seconds full_interval{9}; // each poll, by default

    // nullopt: everything.
    std::optional<Duration> reach(Clock::time_point now) const noexcept;

    // The answer to a claim made at `asked` with `reach`. `oldest_due_for`: for how long the first
    // of its deliveries was due, if it came back with as many as it had asked for.
    void claimed(Clock::time_point asked, Clock::time_point answered, std::optional<Duration> reach,
                 std::optional<Duration> oldest_due_for) noexcept;

    // Nothing is known any more.
    void reset() noexcept { *this = {}; }

private:
    std::optional<Clock::time_point> nothing_before_;
    Clock::time_point next_full_{};
};

} // namespace dashboard_diff::listener
