#pragma once

#include "listener/event_loop.h"

#include <exception>
#include <memory>

#include <curl/curl.h>

namespace dashboard_diff::listener {

class CurlTransfer;

// Runs any number of transfers at a time on the event loop. Connections are used again.
class CurlMulti {
public:
    // `expected`: transfers at a time, for the size of the pool of connections.
    // Throws std::runtime_error.
    CurlMulti(EventLoop& loop, unsigned expected);
    CurlMulti(const CurlMulti&) = delete;
    CurlMulti& operator=(const CurlMulti&) = delete;

    // Calls the transfer's completed() exactly once, later, from the event loop; it must live as
    // long, or be removed. Throws std::runtime_error if it cannot be started.
    void add(CurlTransfer& transfer);
    void remove(CurlTransfer& transfer) noexcept;

private:
    struct CleanupMulti {
        void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
    };

    static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* known);
    static int on_timer(CURLM* multi, long milliseconds, void* self);
    void act(curl_socket_t fd, int events);

    EventLoop& loop_;
    Timer timer_;
    std::unique_ptr<CURLM, CleanupMulti> multi_;
    std::exception_ptr error_; // from a callback of curl, which no exception may cross
};

} // namespace dashboard_diff::listener
