#pragma once

#include "listener/event_loop.h"

#include <algorithm>

namespace dashboard_diff::listener {

// Keeps a question to the server to one part of the time in so many, however often it is wanted:
// under load fewer questions, each about more.
class Throttle {
public:
    static constexpr std::chrono::milliseconds longest_gap{50};

    explicit Throttle(unsigned parts) noexcept : parts_(parts) {}

    void asked(Clock::time_point now) noexcept { asked_ = now; }
    void answered(Clock::time_point now) noexcept {
        next_ = now + std::min<Duration>((now - asked_) * (parts_ - 1), longest_gap);
    }

    // Not before this.
    Clock::time_point next() const noexcept { return next_; }

private:
    unsigned parts_;
    Clock::time_point asked_{};
    Clock::time_point next_{};
};

} // namespace dashboard_diff::listener
