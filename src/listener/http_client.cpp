#include "listener/http_client.h"

#include <stdexcept>
#include <utility>

#include <sys/epoll.h>

namespace dashboard_diff::listener {
namespace {

void require(CURLMcode code) {
    if (code != CURLM_OK)
        throw std::runtime_error(std::string("libcurl: ") + curl_multi_strerror(code));
}

CURLM* make_multi() {
    // For the whole process and once; what it allocates lives as long as the process.
    static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (initialized != CURLE_OK)
        throw std::runtime_error(std::string("libcurl: ") + curl_easy_strerror(initialized));
    return curl_multi_init();
}

} // namespace

HttpClient::HttpClient(EventLoop& loop, AddressPolicy policy, bool allow_http, unsigned expected)
    : loop_(loop),
      policy_(std::move(policy)),
      allow_http_(allow_http),
      timer_(loop, [this] { act(CURL_SOCKET_TIMEOUT, 0); }),
      multi_(make_multi()) {
    if (!multi_)
        throw std::bad_alloc();
    CURLM* multi = multi_.get();
    require(curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket));
    require(curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this));
    require(curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer));
    require(curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this));
    require(curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(expected) * 4));
}

HttpClient::~HttpClient() {
    for (const auto& transfer : transfers_)
        curl_multi_remove_handle(multi_.get(), transfer->handle());
}

void HttpClient::post(HttpRequest request, Callback callback) {
    if (idle_.empty()) {
        idle_.reserve(transfers_.size() + 1);
        transfers_.push_back(std::make_unique<HttpTransfer>(policy_, allow_http_));
        idle_.push_back(transfers_.back().get());
    }
    HttpTransfer& transfer = *idle_.back();
    transfer.prepare(std::move(request), std::move(callback));
    require(curl_multi_add_handle(multi_.get(), transfer.handle()));
    idle_.pop_back();
}

int HttpClient::on_socket(CURL*, curl_socket_t fd, int what, void* self, void* known) {
    auto& client = *static_cast<HttpClient*>(self);
    try {
        if (what == CURL_POLL_REMOVE) {
            client.loop_.forget(fd);
            return 0;
        }
        const std::uint32_t events =
            ((what & CURL_POLL_IN) != 0 ? static_cast<std::uint32_t>(EPOLLIN) : 0) |
            ((what & CURL_POLL_OUT) != 0 ? static_cast<std::uint32_t>(EPOLLOUT) : 0);
        if (known != nullptr) {
            client.loop_.change(fd, events);
            return 0;
        }
        client.loop_.watch(fd, events, [&client, fd](std::uint32_t happened) {
            const int in = (happened & (EPOLLIN | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0;
            const int out = (happened & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0;
            const int error = (happened & EPOLLERR) != 0 ? CURL_CSELECT_ERR : 0;
            client.act(fd, in | out | error);
        });
        curl_multi_assign(client.multi_.get(), fd, self); // marks the socket as known
        return 0;
    } catch (...) {
        client.error_ = std::current_exception();
        return -1;
    }
}

int HttpClient::on_timer(CURLM*, long milliseconds, void* self) {
    auto& client = *static_cast<HttpClient*>(self);
    if (milliseconds < 0)
        client.timer_.cancel();
    else
        client.timer_.arm(std::chrono::milliseconds(milliseconds));
    return 0;
}

void HttpClient::act(curl_socket_t fd, int events) {
    int running = 0;
    const CURLMcode code = curl_multi_socket_action(multi_.get(), fd, events, &running);
    if (error_)
        std::rethrow_exception(std::exchange(error_, nullptr));
    require(code);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
        if (message->msg == CURLMSG_DONE) {
            void* transfer = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
            complete(*static_cast<HttpTransfer*>(transfer), message->data.result);
        }
    }
}

void HttpClient::complete(HttpTransfer& transfer, CURLcode code) {
    HttpResult result = transfer.result(code);
    require(curl_multi_remove_handle(multi_.get(), transfer.handle()));
    const Callback callback = transfer.finish();
    idle_.push_back(&transfer);
    callback(std::move(result));
}

} // namespace dashboard_diff::listener
