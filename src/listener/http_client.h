#pragma once

#include "listener/address_policy.h"
#include "listener/event_loop.h"
#include "listener/http.h"
#include "listener/http_transfer.h"

#include <memory>
#include <vector>

#include <curl/curl.h>

namespace dashboard_diff::listener {

// Sends POST requests, any number at a time, on the event loop (curl multi). Connections and
// handles are used again.
class HttpClient {
public:
    using Callback = HttpTransfer::Callback;

    // `expected`: requests in flight, for the size of the pool of connections.
    // Throws std::runtime_error.
    HttpClient(EventLoop& loop, AddressPolicy policy, bool allow_http, unsigned expected);
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;
    ~HttpClient();

    // `callback` is called exactly once, later, from the event loop.
    // Throws std::runtime_error if the request cannot be started.
    void post(HttpRequest request, Callback callback);

private:
    struct CleanupMulti {
        void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
    };

    static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* known);
    static int on_timer(CURLM* multi, long milliseconds, void* self);
    void act(curl_socket_t fd, int events);
    void complete(HttpTransfer& transfer, CURLcode code);

    EventLoop& loop_;
    AddressPolicy policy_;
    bool allow_http_;
    Timer timer_;
    std::unique_ptr<CURLM, CleanupMulti> multi_;
    std::vector<std::unique_ptr<HttpTransfer>> transfers_; // all there are
    std::vector<HttpTransfer*> idle_;                      // those of them without a request
    std::exception_ptr error_; // from a callback of curl, which no exception may cross
};

} // namespace dashboard_diff::listener
