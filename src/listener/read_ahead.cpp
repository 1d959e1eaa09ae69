#include "listener/read_ahead.h"

#include <algorithm>

namespace dashboard_diff::listener {
namespace {

constexpr std::chrono::duration<double> window_length{0.05};
constexpr std::chrono::duration<double> forgotten{1};
constexpr std::chrono::duration<double> ahead_time{0.1};
constexpr double most_ahead = 1024;

} // namespace

void ReadAhead::count_finished(Clock::time_point now) noexcept {
    ++finished_;
    const std::chrono::duration<double> elapsed = now - window_start_;
    if (elapsed > forgotten)
        rate_ = 0; // a pause, or the beginning
    else if (elapsed >= window_length)
        rate_ = (rate_ + finished_ / elapsed.count()) / 2;
    else
        return;
    finished_ = 0;
    window_start_ = now;
}

void ReadAhead::resume(Clock::time_point now) noexcept {
    if (paused_ && now - *paused_ < forgotten)
        window_start_ += now - *paused_;
    paused_.reset();
}

unsigned ReadAhead::size(Duration claim_waits) const noexcept {
    const std::chrono::duration<double> ahead = ahead_time + claim_waits;
    return std::max(floor_, static_cast<unsigned>(std::min(rate_ * ahead.count(), most_ahead)));
}

} // namespace dashboard_diff::listener
