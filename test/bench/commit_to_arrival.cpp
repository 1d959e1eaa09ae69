// How long after its commit a snapshot's webhook arrives: inserts snapshots at a fixed pace, is the
// receiver of their webhooks as well, and prints for each two numbers of milliseconds: from the
// start to the answer to its commit, and from there to the last byte of the request, by one clock.
// What is late does not hold the pace up. Fails if a webhook does not arrive.
// Usage: commit_to_arrival PORT DASHBOARDS SNAPSHOTS_A_SECOND SNAPSHOTS
// The snapshots go in turn to the dashboards "paced 1", "paced 2", …, each over a connection of its
// own (PG* environment), and are in turn the documents "after" and "before" of a hundred rows.
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;
using Times = std::unordered_map<long, Clock::time_point>; // by snapshot

constexpr std::chrono::seconds longest_wait{60}; // for what is still to arrive at the end

void require(bool ok, const std::string& what) {
    if (!ok)
        throw std::runtime_error(what);
}

long number_after(std::string_view text, std::string_view name) {
    const std::size_t at = text.find(name);
    require(at != std::string_view::npos, "a request lacks " + std::string(name));
    long value = 0;
    const char* begin = text.data() + at + name.size();
    require(std::from_chars(begin, text.data() + text.size(), value).ec == std::errc(),
            "no number after " + std::string(name));
    return value;
}

// Takes POSTs on a port of this machine and notes when each snapshot's was complete.
class Receiver {
public:
    explicit Receiver(int port)
        : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)),
          epoll_(::epoll_create1(0)) {
        const int on = 1;
        ::setsockopt(listening_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        require(::bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                    ::listen(listening_, SOMAXCONN) == 0,
                "cannot listen on port " + std::to_string(port));
        watch(listening_);
    }

    // Until so many snapshots have arrived, or the deadline has passed.
    void run(std::size_t snapshots, const std::atomic<Clock::time_point>& deadline) {
        std::array<epoll_event, 64> events;
        while (arrived_.size() < snapshots && Clock::now() < deadline.load()) {
            const int count =
                ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
            require(count >= 0 || errno == EINTR, "epoll_wait");
            for (int i = 0; i < count; ++i) {
                const int fd = events[static_cast<std::size_t>(i)].data.fd;
                fd == listening_ ? accept_all() : receive(fd);
            }
        }
    }

    const Times& arrived() const noexcept { return arrived_; }

private:
    void watch(int fd) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        require(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
    }

    void accept_all() {
        for (;;) {
            const int fd = ::accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK);
            if (fd < 0)
                return;
            const int on = 1;
            ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            watch(fd);
        }
    }

    void receive(int fd) {
        std::array<char, 65536> buffer;
        const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EAGAIN)
            return;
        if (size <= 0) {
            unfinished_.erase(fd);
            ::close(fd);
            return;
        }
        const Clock::time_point now = Clock::now();
        std::string& request = unfinished_[fd];
        request.append(buffer.data(), static_cast<std::size_t>(size));
        const std::size_t head = request.find("\r\n\r\n");
        if (head == std::string::npos)
            return;
        const long length = number_after({request.data(), head}, "Content-Length: ");
        if (request.size() < head + 4 + static_cast<std::size_t>(length))
            return;
        arrived_.emplace(number_after(request, "\"snapshot_b\":"), now);
        request.clear();
        constexpr std::string_view answer = "HTTP/1.1 204 No Content\r\n\r\n";
        require(::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) ==
                    static_cast<ssize_t>(answer.size()),
                "cannot answer");
    }

    int listening_;
    int epoll_;
    std::unordered_map<int, std::string> unfinished_; // by connection
    Times arrived_;
};

class Inserter {
public:
    explicit Inserter(int dashboard)
        : dashboard_("paced " + std::to_string(dashboard)), connection_(PQconnectdb("")) {
        require(PQstatus(connection_) == CONNECTION_OK, PQerrorMessage(connection_));
        PGresult* result =
            PQprepare(connection_, "insert",
                      "INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) "
                      "SELECT $1, content FROM document WHERE name = $2 AND n = 100 RETURNING id",
                      0, nullptr);
        require(PQresultStatus(result) == PGRES_COMMAND_OK, PQerrorMessage(connection_));
        PQclear(result);
    }

    Inserter(const Inserter&) = delete;
    Inserter& operator=(const Inserter&) = delete;
    ~Inserter() { PQfinish(connection_); }

    void insert() {
        after_ = !after_;
        const std::array values{dashboard_.c_str(), after_ ? "after" : "before"};
        PGresult* result =
            PQexecPrepared(connection_, "insert", 2, values.data(), nullptr, nullptr, 0);
        const Clock::time_point now = Clock::now();
        require(PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1,
                PQerrorMessage(connection_));
        committed_.emplace(std::strtol(PQgetvalue(result, 0, 0), nullptr, 10), now);
        PQclear(result);
    }

    const Times& committed() const noexcept { return committed_; }

private:
    std::string dashboard_;
    PGconn* connection_;
    bool after_ = false;
    Times committed_;
};

void measure(int port, int dashboards, double rate, int snapshots) {
    Receiver receiver(port);
    std::vector<std::unique_ptr<Inserter>> inserters;
    for (int i = 1; i <= dashboards; ++i)
        inserters.push_back(std::make_unique<Inserter>(i));

    const Clock::time_point started = Clock::now();
    const auto due = [&](int snapshot) {
        return started + std::chrono::duration_cast<Clock::duration>(
                             std::chrono::duration<double>(snapshot / rate));
    };
    std::atomic<Clock::time_point> deadline{due(snapshots) + longest_wait};
    std::atomic<bool> failed{false};
    const auto guard = [&](auto&& work) {
        try {
            work();
        } catch (const std::exception& error) {
            std::fprintf(stderr, "commit_to_arrival: %s\n", error.what());
            failed = true;
            deadline = Clock::now();
        }
    };
    std::vector<std::thread> threads;
    threads.emplace_back(
        [&] { guard([&] { receiver.run(static_cast<std::size_t>(snapshots), deadline); }); });
    for (int i = 0; i < dashboards; ++i)
        threads.emplace_back([&, i] {
            guard([&] {
                for (int snapshot = i; snapshot < snapshots && !failed; snapshot += dashboards) {
                    std::this_thread::sleep_until(due(snapshot));
                    inserters[static_cast<std::size_t>(i)]->insert();
                }
            });
        });
    for (std::thread& thread : threads)
        thread.join();
    require(!failed, "stopped");

    for (const auto& inserter : inserters) {
        for (const auto& [snapshot, committed] : inserter->committed()) {
            const auto arrived = receiver.arrived().find(snapshot);
            require(arrived != receiver.arrived().end(),
                    "the webhook of snapshot " + std::to_string(snapshot) + " did not arrive");
            using Milliseconds = std::chrono::duration<double, std::milli>;
            std::printf("%.3f %.3f\n", Milliseconds(committed - started).count(),
                        Milliseconds(arrived->second - committed).count());
        }
    }
}

} // namespace

int main(int argc, char** argv) {
    try {
        require(argc == 5, "usage: commit_to_arrival PORT DASHBOARDS SNAPSHOTS_A_SECOND SNAPSHOTS");
        measure(std::stoi(argv[1]), std::stoi(argv[2]), std::stod(argv[3]), std::stoi(argv[4]));
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "commit_to_arrival: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
