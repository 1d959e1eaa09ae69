#pragma once

#include "listener/event_loop.h"

#include <optional>

namespace dashboard_diff::listener {

// How many deliveries to hold ready beyond those in flight: what the receivers took lately in a
// tenth of a second, so that the wire does not idle while a claim is on its way; but no more, as
// what waits here is withheld from other listeners and its lease runs. Time with nothing in flight
// does not count: it says nothing of the receivers.
class ReadAhead {
public:
    // `floor`: what may be held in any case.
    explicit ReadAhead(unsigned floor) noexcept : floor_(floor) {}

    void count_finished(Clock::time_point now) noexcept;
    void pause(Clock::time_point now) noexcept { paused_ = now; }
    void resume(Clock::time_point now) noexcept;

    // `claim_waits`: for so long at the server, before its turn comes.
    unsigned size(Duration claim_waits = {}) const noexcept;

private:
    unsigned floor_;
    unsigned finished_ = 0; // since window_start_
    double rate_ = 0;       // finished per second, smoothed
    Clock::time_point window_start_{};
    std::optional<Clock::time_point> paused_;
};

} // namespace dashboard_diff::listener
