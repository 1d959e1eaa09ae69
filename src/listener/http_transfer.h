#pragma once

#include "listener/curl_transfer.h"
#include "listener/http.h"

#include <cstddef>
#include <functional>
#include <string>

namespace dashboard_diff::listener {

// A transfer set up for our kind of request.
class HttpTransfer final : public CurlTransfer {
public:
    using Callback = std::function<void(HttpResult)>;

    static constexpr std::size_t response_limit = 64 * 1024; // bytes of headers, and of the body

    // `rules` must outlive it. Throws std::runtime_error.
    HttpTransfer(CurlMulti& multi, const TransferRules& rules);

    // Throws std::runtime_error; the transfer may then be started anew.
    void start(HttpRequest request, Callback callback);

    void completed(CURLcode code) override;

private:
    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);

    HttpResult result(CURLcode code);

    List headers_;
    HttpRequest request_;
    Callback callback_;
    std::size_t header_bytes_ = 0;
    std::size_t body_bytes_ = 0;
    std::string body_;      // if the request wants it
    bool answered_ = false; // the headers of the final answer are complete
};

} // namespace dashboard_diff::listener
