#include "listener/curl_multi.h"

#include "listener/curl_transfer.h"

#include <stdexcept>
#include <string>
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

CurlMulti::CurlMulti(EventLoop& loop, unsigned expected)
    : loop_(loop), timer_(loop, [this] { act(CURL_SOCKET_TIMEOUT, 0); }), multi_(make_multi()) {
    if (!multi_)
        throw std::bad_alloc();
    CURLM* multi = multi_.get();
    require(curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket));
    require(curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this));
    require(curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer));
    require(curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this));
    require(curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(expected) * 4));
}

void CurlMulti::add(CurlTransfer& transfer) {
    require(curl_multi_add_handle(multi_.get(), transfer.handle()));
}

void CurlMulti::remove(CurlTransfer& transfer) noexcept {
    curl_multi_remove_handle(multi_.get(), transfer.handle());
}

int CurlMulti::on_socket(CURL*, curl_socket_t fd, int what, void* self, void* known) {
    auto& multi = *static_cast<CurlMulti*>(self);
    try {
        if (what == CURL_POLL_REMOVE) {
            multi.loop_.forget(fd);
            return 0;
        }
        const std::uint32_t events =
            ((what & CURL_POLL_IN) != 0 ? static_cast<std::uint32_t>(EPOLLIN) : 0) |
            ((what & CURL_POLL_OUT) != 0 ? static_cast<std::uint32_t>(EPOLLOUT) : 0);
        if (known != nullptr) {
            multi.loop_.change(fd, events);
            return 0;
        }
        multi.loop_.watch(fd, events, [&multi, fd](std::uint32_t happened) {
            const int in = (happened & (EPOLLIN | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0;
            const int out = (happened & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0;
            const int error = (happened & EPOLLERR) != 0 ? CURL_CSELECT_ERR : 0;
            multi.act(fd, in | out | error);
        });
        curl_multi_assign(multi.multi_.get(), fd, self); // marks the socket as known
        return 0;
    } catch (...) {
        multi.error_ = std::current_exception();
        return -1;
    }
}

int CurlMulti::on_timer(CURLM*, long milliseconds, void* self) {
    auto& multi = *static_cast<CurlMulti*>(self);
    if (milliseconds < 0)
        multi.timer_.cancel();
    else
        multi.timer_.arm(std::chrono::milliseconds(milliseconds));
    return 0;
}

void CurlMulti::act(curl_socket_t fd, int events) {
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
            static_cast<CurlTransfer*>(transfer)->completed(message->data.result);
        }
    }
}

} // namespace dashboard_diff::listener
