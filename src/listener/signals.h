#pragma once

#include "listener/event_loop.h"
#include "listener/file_descriptor.h"

#include <functional>

namespace dashboard_diff::listener {

// Turns SIGTERM, SIGINT and SIGHUP into calls from the event loop, and ignores SIGPIPE. Make it
// before any thread starts, so that every thread inherits the blocked signals.
class Signals {
public:
    // `handler` gets the number of the signal. Throws std::system_error.
    Signals(EventLoop& loop, std::function<void(int signal)> handler);
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    ~Signals();

private:
    void read_all();

    EventLoop& loop_;
    std::function<void(int)> handler_;
    FileDescriptor fd_;
};

} // namespace dashboard_diff::listener
