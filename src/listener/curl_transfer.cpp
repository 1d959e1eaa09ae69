#include "listener/curl_transfer.h"

#include <cerrno>
#include <cstring>
#include <new>
#include <string_view>

#include <sys/socket.h>

namespace dashboard_diff::listener {
namespace {

// Part of it may come from the other side: printable ASCII only, and not much.
std::string printable(std::string_view text) {
    constexpr std::size_t longest = 200;
    std::string clean(text.substr(0, longest));
    for (char& c : clean)
        if (c < ' ' || c > '~')
            c = '?';
    return clean;
}

} // namespace

CurlTransfer::CurlTransfer(CurlMulti& multi, const TransferRules& rules)
    : multi_(multi), rules_(rules), easy_(curl_easy_init()) {
    if (!easy_)
        throw std::bad_alloc();
    using std::chrono::milliseconds;
    set(CURLOPT_PRIVATE, this);
    set(CURLOPT_ERRORBUFFER, error_.data());
    set(CURLOPT_NOSIGNAL, 1L);

    // Where it may go: this host and no other, whatever the answer or the environment says.
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PROXY, "");
    set(CURLOPT_NOPROXY, "*");
    set(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    set(CURLOPT_OPENSOCKETDATA, this);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!rules_.ca_file.empty()) {
        set(CURLOPT_CAINFO, rules_.ca_file.c_str());
        set(CURLOPT_CAPATH, nullptr);
    }
    set(CURLOPT_TCP_KEEPALIVE, 1L);

    set(CURLOPT_TIMEOUT_MS, static_cast<long>(milliseconds(total_timeout).count()));
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(milliseconds(connect_timeout).count()));
    // Else a time-out during the look-up of a name would wait for the resolver's thread.
    set(CURLOPT_QUICK_EXIT, 1L);
}

CurlTransfer::~CurlTransfer() {
    end();
}

void CurlTransfer::append(List& list, const std::string& line) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr)
        throw std::bad_alloc();
    static_cast<void>(list.release());
    list.reset(longer);
}

void CurlTransfer::begin() {
    refused_.reset();
    error_[0] = '\0';
    multi_.add(*this);
    running_ = true;
}

void CurlTransfer::end() noexcept {
    if (running_)
        multi_.remove(*this);
    running_ = false;
}

curl_socket_t CurlTransfer::open_socket(void* self, curlsocktype, curl_sockaddr* address) {
    // The only place that no name server can fool: this very address will be connected to.
    auto& transfer = *static_cast<CurlTransfer*>(self);
    const auto peer = IpAddress::from_socket(address->addr);
    if (!peer || !transfer.rules_.policy.permits(*peer)) {
        transfer.refused_ = peer;
        return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

long CurlTransfer::response_code() const noexcept {
    long code = 0;
    curl_easy_getinfo(handle(), CURLINFO_RESPONSE_CODE, &code);
    return code;
}

std::chrono::milliseconds CurlTransfer::elapsed() const noexcept {
    curl_off_t microseconds = 0;
    curl_easy_getinfo(handle(), CURLINFO_TOTAL_TIME_T, &microseconds);
    return std::chrono::milliseconds(microseconds / 1000);
}

std::string CurlTransfer::failure(CURLcode code) const {
    const auto seconds = [](std::chrono::seconds s) { return std::to_string(s.count()) + " s"; };
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT: {
        curl_off_t connected = 0; // microseconds; 0: it never came to that
        curl_easy_getinfo(handle(), CURLINFO_PRETRANSFER_TIME_T, &connected);
        return connected == 0 ? "no connection within " + seconds(connect_timeout)
                              : "timeout after " + seconds(total_timeout);
    }
    case CURLE_COULDNT_RESOLVE_HOST:
        return "host name not found";
    case CURLE_COULDNT_CONNECT: {
        if (refused_)
            return "address " + refused_->text() + " is not public";
        long cause = 0;
        curl_easy_getinfo(handle(), CURLINFO_OS_ERRNO, &cause);
        return cause == ECONNREFUSED ? "connection refused"
               : cause != 0
                   ? std::string("could not connect: ") + ::strerrordesc_np(static_cast<int>(cause))
                   : "could not connect";
    }
    case CURLE_GOT_NOTHING:
        return "connection closed without an answer";
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return "connection broken";
    default: {
        // The text may hold a part of the URL, whose path may be a secret.
        const bool is_telling =
            error_[0] != '\0' &&
            std::string_view(error_.data()).find_first_of("/?\\") == std::string_view::npos;
        return printable(is_telling ? error_.data() : curl_easy_strerror(code));
    }
    }
}

} // namespace dashboard_diff::listener
