#pragma once

#include "listener/event_loop.h"
#include "listener/file_descriptor.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <sys/socket.h>
#include <sys/un.h>

namespace dashboard_diff::listener {

// Tells the service manager (systemd) how we are, by the datagrams of sd_notify(3). Where there is
// none, all of this does nothing.
//
// READY goes out as soon as the event loop runs, whether or not a server is there: a listener whose
// server is away is at work, which is to wait for it, and must not be killed for that. WATCHDOG
// comes from the loop alone, at half the interval asked for: a loop that is stuck falls silent.
class ServiceManager {
public:
    // What the manager put into our environment.
    struct Environment {
        std::string socket;               // empty: there is no manager; @ begins an abstract name
        std::optional<Duration> watchdog; // the interval, if it watches this process

        static Environment of_process();
    };

    explicit ServiceManager(EventLoop& loop,
                            const Environment& environment = Environment::of_process());
    ServiceManager(const ServiceManager&) = delete;
    ServiceManager& operator=(const ServiceManager&) = delete;

    // One line on what we are doing, for people. Sent if it is another than before.
    void status(std::string_view text);

    void stopping();

private:
    void tell(const std::string& variable, std::string value);
    void flush();
    void keep_alive();
    void fail(const char* what);

    FileDescriptor socket_; // none: nobody to tell
    sockaddr_un address_{};
    socklen_t address_size_ = 0;
    std::string status_;
    std::map<std::string, std::string> pending_; // not taken yet
    bool failure_told_ = false;
    std::optional<Duration> watchdog_;
    Timer start_;
    Timer watchdog_timer_;
    Timer retry_;
};

} // namespace dashboard_diff::listener
