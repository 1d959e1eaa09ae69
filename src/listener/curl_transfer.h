#pragma once

#include "listener/address_policy.h"
#include "listener/curl_multi.h"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include <curl/curl.h>

namespace dashboard_diff::listener {

// Where transfers may go and whom they trust.
struct TransferRules {
    AddressPolicy policy;
    bool allow_http = false;
    std::string ca_file; // PEM, in place of the system's; empty: the system's
};

// One curl easy handle, used for one transfer after the other. It stays in place: curl holds its
// address.
class CurlTransfer {
public:
    static constexpr std::chrono::seconds total_timeout{20};
    static constexpr std::chrono::seconds connect_timeout{10};

    CurlTransfer(const CurlTransfer&) = delete;
    CurlTransfer& operator=(const CurlTransfer&) = delete;

    CURL* handle() const noexcept { return easy_.get(); }

    // Called by CurlMulti: curl is done with the handle, which must be taken out by end().
    virtual void completed(CURLcode code) = 0;

protected:
    struct FreeList {
        void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
    };
    using List = std::unique_ptr<curl_slist, FreeList>;

    // `rules` must outlive it. Throws std::runtime_error.
    CurlTransfer(CurlMulti& multi, const TransferRules& rules);
    virtual ~CurlTransfer();

    template <typename Value>
    void set(CURLoption option, Value value) {
        const CURLcode code = curl_easy_setopt(easy_.get(), option, value);
        if (code != CURLE_OK)
            throw std::runtime_error(std::string("libcurl: ") + curl_easy_strerror(code));
    }

    static void append(List& list, const std::string& line);

    void begin(); // throws std::runtime_error
    void end() noexcept;

    const TransferRules& rules() const noexcept { return rules_; }
    long response_code() const noexcept;
    std::chrono::milliseconds elapsed() const noexcept;

    // curl's own words on what went wrong.
    const char* curl_words() const noexcept { return error_.data(); }

    // Why there was no answer, in a few printable words.
    std::string failure(CURLcode code) const;

    // It was not begun: no address of the host is one to connect to.
    bool was_refused() const noexcept { return refused_.has_value(); }

private:
    struct CleanupEasy {
        void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
    };

    static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);

    CurlMulti& multi_;
    const TransferRules& rules_;
    std::unique_ptr<CURL, CleanupEasy> easy_;
    bool running_ = false;
    std::optional<IpAddress> refused_;
    std::array<char, CURL_ERROR_SIZE> error_{};
};

} // namespace dashboard_diff::listener
