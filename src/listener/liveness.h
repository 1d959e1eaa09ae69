#pragma once

#include "listener/event_loop.h"
#include "listener/outbox.h"

#include <functional>

namespace dashboard_diff::listener {

// Shows the server that this listener lives, often enough for its leases as long as it holds
// something; and takes back what listeners of this machine held that are gone.
class Liveness {
public:
    // `changed` is called when an answer has come. Neither may go before it.
    Liveness(EventLoop& loop, Outbox& outbox, std::function<void()> changed);

    // Now, and for as long as something is held.
    void show(bool holding);
    void keep(bool holding);
    void session_ended() noexcept { timer_.cancel(); }

    // A question is with the server, and what comes of it may be due.
    bool asking() const noexcept { return questions_ > 0; }

private:
    void show_at_server();

    Outbox& outbox_;
    std::function<void()> changed_;
    bool holding_ = false;
    unsigned questions_ = 0;
    Timer timer_;
};

} // namespace dashboard_diff::listener
