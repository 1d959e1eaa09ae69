#pragma once

#include "listener/curl_multi.h"
#include "listener/http.h"
#include "listener/http_transfer.h"
#include "listener/transfer_pool.h"

namespace dashboard_diff::listener {

// Sends POST requests, any number at a time. Connections and handles are used again.
class HttpClient {
public:
    using Callback = HttpTransfer::Callback;

    // `multi` must outlive it.
    HttpClient(CurlMulti& multi, TransferRules rules) : multi_(multi), rules_(std::move(rules)) {}
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    // `callback` is called exactly once, later, from the event loop.
    // Throws std::runtime_error if the request cannot be started.
    void post(HttpRequest request, Callback callback);

private:
    CurlMulti& multi_;
    TransferRules rules_;
    TransferPool<HttpTransfer> transfers_;
};

} // namespace dashboard_diff::listener
