#include "listener/service_manager.h"

#include "listener/log.h"

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <unistd.h>

namespace dashboard_diff::listener {
namespace {

using namespace std::chrono_literals;

constexpr Duration retry_after = 100ms;

std::optional<std::int64_t> number_in(const char* variable) {
    const char* text = std::getenv(variable);
    if (text == nullptr)
        return std::nullopt;
    std::int64_t value = 0;
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, value);
    if (error != std::errc() || stop != end || value <= 0)
        return std::nullopt;
    return value;
}

// A newline would begin another assignment.
std::string printable(std::string_view text) {
    std::string line(text);
    for (char& c : line)
        if (static_cast<unsigned char>(c) < ' ')
            c = ' ';
    return line;
}

} // namespace

ServiceManager::Environment ServiceManager::Environment::of_process() {
    Environment environment;
    if (const char* socket = std::getenv("NOTIFY_SOCKET"))
        environment.socket = socket;
    const auto interval = number_in("WATCHDOG_USEC");
    // Inherited from a parent, the variables are not meant for us.
    const char* watched = std::getenv("WATCHDOG_PID");
    if (interval && (watched == nullptr || number_in("WATCHDOG_PID") == ::getpid()))
        environment.watchdog = std::chrono::microseconds(*interval);
    return environment;
}

ServiceManager::ServiceManager(EventLoop& loop, const Environment& environment)
    : start_(loop,
             [this] {
                 tell("READY", "1");
                 keep_alive();
             }),
      watchdog_timer_(loop, [this] { keep_alive(); }),
      retry_(loop, [this] { flush(); }) {
    const std::string& path = environment.socket;
    if (path.empty())
        return;
    if ((path[0] != '/' && path[0] != '@') || path.size() >= sizeof address_.sun_path) {
        log(Level::warning, "service_manager_unreachable", {{"reason", "not a socket's address"}});
        return;
    }
    socket_ = FileDescriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket_) {
        fail("socket");
        return;
    }
    address_.sun_family = AF_UNIX;
    path.copy(address_.sun_path, path.size());
    if (path[0] == '@')
        address_.sun_path[0] = '\0';
    address_size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    watchdog_ = environment.watchdog;
    start_.arm(Duration::zero());
}

void ServiceManager::status(std::string_view text) {
    std::string line = printable(text);
    if (line == status_)
        return;
    status_ = std::move(line);
    tell("STATUS", status_);
}

void ServiceManager::stopping() {
    tell("STOPPING", "1");
}

void ServiceManager::keep_alive() {
    if (!watchdog_)
        return;
    tell("WATCHDOG", "1");
    watchdog_timer_.arm(*watchdog_ / 2);
}

void ServiceManager::tell(const std::string& variable, std::string value) {
    if (!socket_)
        return;
    pending_[variable] = std::move(value);
    flush();
}

void ServiceManager::flush() {
    if (pending_.empty())
        return;
    std::string message;
    for (const auto& [variable, value] : pending_)
        message += variable + "=" + value + "\n";
    ssize_t sent = 0;
    do {
        sent = ::sendto(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                        reinterpret_cast<const sockaddr*>(&address_), address_size_);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
        retry_.arm(retry_after); // its queue is full
        return;
    }
    if (sent < 0)
        fail("sendto");
    pending_.clear();
}

void ServiceManager::fail(const char* what) {
    if (std::exchange(failure_told_, true))
        return;
    log(Level::warning, "service_manager_unreachable",
        {{"reason", std::string(what) + ": " + std::strerror(errno)}});
}

} // namespace dashboard_diff::listener
