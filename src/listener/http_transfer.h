#pragma once

#include "listener/address_policy.h"
#include "listener/http.h"

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <curl/curl.h>

namespace dashboard_diff::listener {

// One curl easy handle, set up for our kind of request and used for one after the other.
// It stays in place: curl holds its address.
class HttpTransfer {
public:
    using Callback = std::function<void(HttpResult)>;

    static constexpr std::chrono::seconds total_timeout{20};
    static constexpr std::chrono::seconds connect_timeout{10};
    static constexpr std::size_t response_limit = 64 * 1024; // bytes of headers, and of the body

    // `policy` must outlive it. Throws std::runtime_error.
    HttpTransfer(const AddressPolicy& policy, bool allow_http);
    HttpTransfer(const HttpTransfer&) = delete;
    HttpTransfer& operator=(const HttpTransfer&) = delete;

    // Throws std::runtime_error; the transfer may then be prepared anew.
    void prepare(HttpRequest request, Callback callback);

    CURL* handle() const noexcept { return easy_.get(); }

    // What came out, once curl is done with the handle.
    HttpResult result(CURLcode code) const;

    // Lets go of request and callback; returns the callback.
    Callback finish() noexcept;

private:
    struct CleanupEasy {
        void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
    };
    struct FreeList {
        void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
    };

    template <typename Value>
    void set(CURLoption option, Value value);

    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
    static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);

    std::string failure(CURLcode code) const;

    const AddressPolicy& policy_;
    std::unique_ptr<CURL, CleanupEasy> easy_;
    std::unique_ptr<curl_slist, FreeList> headers_;
    HttpRequest request_;
    Callback callback_;
    std::size_t header_bytes_ = 0;
    std::size_t body_bytes_ = 0;
    bool answered_ = false; // the headers of the final answer are complete
    std::optional<IpAddress> refused_;
    std::array<char, CURL_ERROR_SIZE> error_{};
};

} // namespace dashboard_diff::listener
