#include "listener/http_transfer.h"

#include "listener/version.h"

#include <cstring>
#include <ctime>
#include <stdexcept>
#include <utility>

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

template <typename Value>
void HttpTransfer::set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(easy_.get(), option, value);
    if (code != CURLE_OK)
        throw std::runtime_error(std::string("libcurl: ") + curl_easy_strerror(code));
}

HttpTransfer::HttpTransfer(const AddressPolicy& policy, bool allow_http)
    : policy_(policy), easy_(curl_easy_init()) {
    if (!easy_)
        throw std::bad_alloc();
    using std::chrono::milliseconds;
    set(CURLOPT_PRIVATE, this);
    set(CURLOPT_ERRORBUFFER, error_.data());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_POST, 1L);
    set(CURLOPT_USERAGENT, (std::string("dashboard_diff/") + program_version).c_str());

    // Where it may go: this host and no other, whatever the answer or the environment says.
    set(CURLOPT_PROTOCOLS_STR, allow_http ? "https,http" : "https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PROXY, "");
    set(CURLOPT_NOPROXY, "*");
    set(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    set(CURLOPT_OPENSOCKETDATA, this);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));

    // One request a connection at a time: an answer that is cut off or stalls holds up no other.
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_TCP_KEEPALIVE, 1L);

    set(CURLOPT_TIMEOUT_MS, static_cast<long>(milliseconds(total_timeout).count()));
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(milliseconds(connect_timeout).count()));
    // Else a time-out during the look-up of a name would wait for the resolver's thread.
    set(CURLOPT_QUICK_EXIT, 1L);

    set(CURLOPT_HEADERFUNCTION, on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, on_body);
    set(CURLOPT_WRITEDATA, this);
}

void HttpTransfer::prepare(HttpRequest request, Callback callback) {
    request_ = std::move(request);
    callback_ = std::move(callback);
    header_bytes_ = 0;
    body_bytes_ = 0;
    answered_ = false;
    refused_.reset();
    error_[0] = '\0';

    std::unique_ptr<curl_slist, FreeList> headers;
    const auto add = [&headers](const char* line) {
        curl_slist* longer = curl_slist_append(headers.get(), line);
        if (longer == nullptr)
            throw std::bad_alloc();
        static_cast<void>(headers.release());
        headers.reset(longer);
    };
    for (const std::string& line : request_.headers)
        add(line.c_str());
    add("Expect:"); // never wait for "100 Continue"
    set(CURLOPT_HTTPHEADER, headers.get());
    headers_ = std::move(headers);

    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_POSTFIELDS, request_.body.c_str());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
}

HttpTransfer::Callback HttpTransfer::finish() noexcept {
    request_ = {};
    return std::exchange(callback_, nullptr);
}

std::size_t HttpTransfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<HttpTransfer*>(self);
    const std::string_view line(data, size * count);
    transfer.header_bytes_ += line.size();
    if (line == "\r\n" || line == "\n") {
        long status = 0;
        curl_easy_getinfo(transfer.handle(), CURLINFO_RESPONSE_CODE, &status);
        transfer.answered_ = status >= 200; // 1xx: the answer itself is still to come
    }
    return transfer.header_bytes_ <= response_limit ? line.size() : 0;
}

std::size_t HttpTransfer::on_body(char*, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<HttpTransfer*>(self);
    transfer.body_bytes_ += size * count;
    return transfer.body_bytes_ <= response_limit ? size * count : 0; // 0 aborts
}

curl_socket_t HttpTransfer::open_socket(void* self, curlsocktype, curl_sockaddr* address) {
    // The only place that no name server can fool: this very address will be connected to.
    auto& transfer = *static_cast<HttpTransfer*>(self);
    const auto peer = IpAddress::from_socket(address->addr);
    if (!peer || !transfer.policy_.permits(*peer)) {
        transfer.refused_ = peer;
        return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::string HttpTransfer::failure(CURLcode code) const {
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
    case CURLE_WRITE_ERROR:
        return "answer with too large headers";
    default:
        return printable(error_[0] != '\0' ? error_.data() : curl_easy_strerror(code));
    }
}

HttpResult HttpTransfer::result(CURLcode code) const {
    HttpResult result;
    curl_off_t microseconds = 0;
    curl_easy_getinfo(handle(), CURLINFO_TOTAL_TIME_T, &microseconds);
    result.elapsed = std::chrono::milliseconds(microseconds / 1000);
    if (!answered_) {
        result.error = code == CURLE_OK ? "no HTTP answer" : failure(code);
        return result;
    }
    // With its headers complete the answer counts, also if its body was too large or broke off.
    long status = 0;
    curl_easy_getinfo(handle(), CURLINFO_RESPONSE_CODE, &status);
    result.status = static_cast<int>(status);
    curl_header* header = nullptr;
    if (curl_easy_header(handle(), "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        result.retry_after = parse_retry_after(header->value, std::time(nullptr));
    return result;
}

} // namespace dashboard_diff::listener
