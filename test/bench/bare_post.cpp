// The peer of the listener's throughput: posts recorded requests by libcurl's multi interface over
// epoll, and does nothing else: no database, no signing, no log. Headers and bodies are those that
// the listener sent, read from a file before the clock starts. Prints requests per second.
// Usage: bare_post FILE BASE_URL CONCURRENCY
// A request in FILE is its path, its header lines, an empty line and its body, each on a line.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <curl/curl.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

void require(bool ok, const std::string& what) {
    if (!ok)
        throw std::runtime_error(what);
}

struct FreeList {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};

struct Request {
    std::string url;
    std::unique_ptr<curl_slist, FreeList> headers;
    std::string body;
};

std::vector<Request> read_requests(const char* path, const std::string& base) {
    std::ifstream file(path);
    require(file.is_open(), std::string("cannot read ") + path);
    std::vector<Request> requests;
    for (std::string line; std::getline(file, line);) {
        Request request;
        request.url = base + line;
        const auto add_header = [&request](const std::string& header) {
            curl_slist* longer = curl_slist_append(request.headers.get(), header.c_str());
            require(longer != nullptr, "out of memory");
            static_cast<void>(request.headers.release());
            request.headers.reset(longer);
        };
        while (std::getline(file, line) && !line.empty())
            add_header(line);
        add_header("Expect:");
        require(!std::getline(file, request.body).fail(), "the file ends within a request");
        requests.push_back(std::move(request));
    }
    require(!requests.empty(), "no requests");
    return requests;
}

class Poster {
public:
    Poster(const std::vector<Request>& requests, unsigned concurrency)
        : requests_(requests), multi_(curl_multi_init()), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        require(multi_ != nullptr && epoll_ >= 0, "cannot set up");
        curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, on_socket);
        curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, on_timer);
        curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(concurrency));
        for (unsigned i = 0; i < concurrency; ++i)
            handles_.push_back(make_handle());
    }

    Poster(const Poster&) = delete;
    Poster& operator=(const Poster&) = delete;

    ~Poster() {
        for (CURL* handle : handles_)
            curl_easy_cleanup(handle);
        curl_multi_cleanup(multi_);
        ::close(epoll_);
    }

    void run() {
        for (CURL* handle : handles_)
            start_next(handle);
        std::array<epoll_event, 64> events;
        while (answered_ < requests_.size()) {
            const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                           wait_milliseconds());
            require(count >= 0, "epoll_wait");
            for (int i = 0; i < count; ++i) {
                const epoll_event& event = events[static_cast<std::size_t>(i)];
                act(event.data.fd,
                    ((event.events & (EPOLLIN | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0) |
                        ((event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                        ((event.events & EPOLLERR) != 0 ? CURL_CSELECT_ERR : 0));
            }
            if (has_deadline_ && Clock::now() >= deadline_) {
                has_deadline_ = false;
                act(CURL_SOCKET_TIMEOUT, 0);
            }
        }
    }

private:
    static CURL* make_handle() {
        CURL* handle = curl_easy_init();
        require(handle != nullptr, "out of memory");
        curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(handle, CURLOPT_POST, 1L);
        curl_easy_setopt(handle, CURLOPT_PROXY, "");
        curl_easy_setopt(handle, CURLOPT_TIMEOUT, 20L);
        curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
        return handle;
    }

    void start_next(CURL* handle) {
        if (started_ == requests_.size())
            return;
        const Request& request = requests_[started_++];
        curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
        curl_easy_setopt(handle, CURLOPT_HTTPHEADER, request.headers.get());
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(request.body.size()));
        require(curl_multi_add_handle(multi_, handle) == CURLM_OK, "curl_multi_add_handle");
    }

    void act(curl_socket_t fd, int events) {
        int running = 0;
        require(curl_multi_socket_action(multi_, fd, events, &running) == CURLM_OK,
                "curl_multi_socket_action");
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
            CURL* handle = message->easy_handle;
            const CURLcode code = message->data.result;
            long status = 0;
            curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
            require(code == CURLE_OK && status >= 200 && status < 300,
                    std::string("a request failed: ") + curl_easy_strerror(code) + ", HTTP " +
                        std::to_string(status));
            ++answered_;
            curl_multi_remove_handle(multi_, handle);
            start_next(handle);
        }
    }

    int wait_milliseconds() const {
        if (!has_deadline_)
            return -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
        return static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
    }

    static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void* known) {
        auto& poster = *static_cast<Poster*>(self);
        epoll_event event{};
        event.data.fd = fd;
        if ((what & CURL_POLL_IN) != 0)
            event.events |= EPOLLIN;
        if ((what & CURL_POLL_OUT) != 0)
            event.events |= EPOLLOUT;
        if (what == CURL_POLL_REMOVE) {
            ::epoll_ctl(poster.epoll_, EPOLL_CTL_DEL, fd, &event);
        } else if (known != nullptr) {
            ::epoll_ctl(poster.epoll_, EPOLL_CTL_MOD, fd, &event);
        } else {
            ::epoll_ctl(poster.epoll_, EPOLL_CTL_ADD, fd, &event);
            curl_multi_assign(poster.multi_, fd, self);
        }
        return 0;
    }

    static int on_timer(CURLM*, long milliseconds, void* self) {
        auto& poster = *static_cast<Poster*>(self);
        poster.has_deadline_ = milliseconds >= 0;
        poster.deadline_ = Clock::now() + std::chrono::milliseconds(milliseconds);
        return 0;
    }

    const std::vector<Request>& requests_;
    CURLM* multi_;
    int epoll_;
    std::vector<CURL*> handles_;
    std::size_t started_ = 0;
    std::size_t answered_ = 0;
    bool has_deadline_ = false;
    Clock::time_point deadline_;
};

} // namespace

int main(int argc, char** argv) {
    try {
        require(argc == 4, "usage: bare_post FILE BASE_URL CONCURRENCY");
        require(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "cannot start libcurl");
        const std::vector<Request> requests = read_requests(argv[1], argv[2]);
        Poster poster(requests, static_cast<unsigned>(std::stoul(argv[3])));
        const Clock::time_point started = Clock::now();
        poster.run();
        const std::chrono::duration<double> spent = Clock::now() - started;
        std::printf("%.1f\n", static_cast<double>(requests.size()) / spent.count());
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bare_post: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
