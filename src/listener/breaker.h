#pragma once

#include "listener/event_loop.h"

namespace dashboard_diff::listener {

// A circuit breaker: after so many failures in a row nothing is tried for a while; then one attempt
// at a time, until one succeeds.
class Breaker {
public:
    static constexpr unsigned failures_to_open = 5;
    static constexpr std::chrono::seconds first_pause{5}; // doubled by every failed probe
    static constexpr std::chrono::seconds longest_pause{60};

    bool is_open() const noexcept { return failures_ >= failures_to_open; }
    bool is_troubled() const noexcept { return failures_ > 0; }

    // While it is open, nothing begins before this.
    Clock::time_point next_probe() const noexcept { return next_probe_; }

    // Whether an attempt may begin, with so many in flight.
    bool permits(Clock::time_point now, unsigned in_flight) const noexcept {
        return !is_open() || (now >= next_probe_ && in_flight == 0);
    }

    void succeeded() noexcept { *this = {}; }
    void failed(Clock::time_point now) noexcept;

private:
    unsigned failures_ = 0; // in a row
    Clock::time_point next_probe_{};
};

} // namespace dashboard_diff::listener
