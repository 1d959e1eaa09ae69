#include "listener/breaker.h"

#include <algorithm>

namespace dashboard_diff::listener {

void Breaker::failed(Clock::time_point now) noexcept {
    ++failures_;
    if (!is_open())
        return;
    const unsigned probes = std::min(failures_ - failures_to_open, 10U);
    next_probe_ = now + std::min<Duration>(first_pause * (1U << probes), longest_pause);
}

} // namespace dashboard_diff::listener
