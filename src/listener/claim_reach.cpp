#include "listener/claim_reach.h"

#include <algorithm>

namespace dashboard_diff::listener {

std::optional<Duration> ClaimReach::reach(Clock::time_point now) const noexcept {
    if (!nothing_before_ || now >= next_full_)
        return std::nullopt;
    return now - *nothing_before_ + grace;
}

void ClaimReach::claimed(Clock::time_point asked, Clock::time_point answered,
                         std::optional<Duration> reach,
                         std::optional<Duration> oldest_due_for) noexcept {
    // Looking at everything may take a twentieth of the time, however long the index has become.
    if (!reach)
        next_full_ = answered + std::max<Duration>(full_interval, (answered - asked) * 20);
    nothing_before_ = oldest_due_for ? asked - *oldest_due_for : asked;
}

} // namespace dashboard_diff::listener
