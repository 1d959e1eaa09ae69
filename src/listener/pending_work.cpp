#include "listener/pending_work.h"

namespace dashboard_diff::listener {

PendingWork::PendingWork(EventLoop& loop, Duration poll_interval, std::function<void()> wake)
    : interval_(poll_interval), wake_(std::move(wake)), timer_(loop, [this] { poll(); }) {}

void PendingWork::session_began() {
    failed_ = false;
    wanted_ = true;
}

void PendingWork::session_ended() {
    timer_.cancel();
    wanted_ = true; // nobody knows what is left
}

void PendingWork::notified() {
    if (!failed_)
        wanted_ = true;
}

void PendingWork::asked() noexcept {
    asked_ = true;
    wanted_ = false;
    timer_.cancel();
}

void PendingWork::answered(std::optional<std::int64_t> snapshots) {
    asked_ = false;
    failed_ = !snapshots;
    if (failed_)
        wanted_ = false; // though something was heard of meanwhile
    else if (*snapshots > 0)
        wanted_ = true;
    if (!wanted_)
        timer_.arm(interval_);
}

void PendingWork::poll() {
    failed_ = false;
    wanted_ = true;
    wake_();
}

} // namespace dashboard_diff::listener
