#pragma once

#include "listener/event_loop.h"

#include <cstdint>
#include <functional>
#include <optional>

namespace dashboard_diff::listener {

// Decides when the server is asked to go on with the snapshots that inserts left pending: one
// slice after the other while there is some work, else when something was heard of and at every
// poll. What the server refused is left until the next poll, lest it be asked for ever.
class PendingWork {
public:
    // `wake` is called when a poll makes it wanted.
    PendingWork(EventLoop& loop, Duration poll, std::function<void()> wake);

    void session_began();
    void session_ended();
    void notified();

    // A slice should be asked for now.
    bool wanted() const noexcept { return wanted_ && !asked_; }
    void asked() noexcept;
    // How many snapshots were worked on, 0 where there was nothing to be had, nullopt: it failed.
    void answered(std::optional<std::int64_t> snapshots);

    // Nothing was left when last asked, or it could not be done.
    bool done() const noexcept { return !wanted_ && !asked_; }
    bool failed() const noexcept { return failed_; }

private:
    void poll();

    Duration interval_;
    std::function<void()> wake_;
    bool wanted_ = false;
    bool asked_ = false;
    bool failed_ = false;
    Timer timer_;
};

} // namespace dashboard_diff::listener
