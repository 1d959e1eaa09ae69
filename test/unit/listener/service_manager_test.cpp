#include "listener/service_manager.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/epoll.h>
#include <unistd.h>

namespace dashboard_diff::listener {
namespace {

using namespace std::chrono_literals;

// What a service manager listens on.
class NotifySocket {
public:
    explicit NotifySocket(const std::string& name)
        : name_(name), fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        name.copy(address.sun_path, name.size());
        if (name[0] == '@')
            address.sun_path[0] = '\0';
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    }
    ~NotifySocket() {
        if (name_[0] == '/')
            ::unlink(name_.c_str());
    }

    int fd() const noexcept { return fd_.get(); }

    // Empty if there is none.
    std::string receive() const {
        std::array<char, 4096> buffer;
        const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        return size < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(size));
    }

private:
    std::string name_;
    FileDescriptor fd_;
};

std::string unique_name(const std::string& begin) {
    return begin + "service_manager_test." + std::to_string(::getpid());
}

std::string socket_path() {
    return unique_name(std::filesystem::temp_directory_path().string() + "/");
}

// Runs the loop until so many messages have come.
std::vector<std::string> messages(EventLoop& loop, const NotifySocket& socket, std::size_t count) {
    std::vector<std::string> all;
    loop.watch(socket.fd(), EPOLLIN, [&](std::uint32_t) {
        all.push_back(socket.receive());
        if (all.size() == count)
            loop.stop();
    });
    Timer hang(loop, [&] { loop.stop(); });
    hang.arm(60s);
    loop.run();
    loop.forget(socket.fd());
    return all;
}

TEST(ServiceManager, IsReadyOnceTheLoopRuns) {
    for (const std::string& name : {socket_path(), unique_name("@")}) {
        const NotifySocket socket(name);
        EventLoop loop;
        ServiceManager manager(loop, {name, std::nullopt});
        EXPECT_EQ(socket.receive(), "") << "not before";
        EXPECT_EQ(messages(loop, socket, 1), std::vector<std::string>{"READY=1\n"}) << name;
    }
}

TEST(ServiceManager, WatchdogIsFedByTheLoop) {
    const std::string name = socket_path();
    const NotifySocket socket(name);
    EventLoop loop;
    ServiceManager manager(loop, {name, 10ms});
    EXPECT_EQ(
        messages(loop, socket, 4),
        (std::vector<std::string>{"READY=1\n", "WATCHDOG=1\n", "WATCHDOG=1\n", "WATCHDOG=1\n"}));
}

TEST(ServiceManager, StatusIsOneLineAndToldOnce) {
    const std::string name = socket_path();
    const NotifySocket socket(name);
    EventLoop loop;
    ServiceManager manager(loop, {name, std::nullopt});
    manager.status("connected");
    manager.status("connected");
    manager.status("lost:\nREADY=1");
    manager.stopping();
    EXPECT_EQ(socket.receive(), "STATUS=connected\n");
    EXPECT_EQ(socket.receive(), "STATUS=lost: READY=1\n");
    EXPECT_EQ(socket.receive(), "STOPPING=1\n");
    EXPECT_EQ(socket.receive(), "");
}

TEST(ServiceManager, WhatAFullQueueDidNotTakeIsSentLater) {
    const std::string name = socket_path();
    const NotifySocket socket(name);
    EventLoop loop;
    ServiceManager manager(loop, {name, std::nullopt});
    constexpr int more_than_a_queue_holds = 10'000;
    for (int i = 0; i < more_than_a_queue_holds; ++i)
        manager.status(std::to_string(i));
    std::string last;
    while (true) {
        const std::string next = socket.receive();
        if (next.empty())
            break;
        last = next;
    }
    EXPECT_EQ(last.find("9999"), std::string::npos);
    EXPECT_EQ(messages(loop, socket, 1), std::vector<std::string>{"READY=1\nSTATUS=9999\n"});
}

TEST(ServiceManager, NoManagerAndABadOneAreHarmless) {
    const std::string too_long = "/" + std::string(200, 'x');
    for (const std::string& name :
         {std::string(), std::string("relative"), too_long, socket_path() + ".absent"}) {
        EventLoop loop;
        ServiceManager manager(loop, {name, 1ms});
        manager.status("on my own");
        Timer end(loop, [&] { loop.stop(); });
        end.arm(20ms);
        loop.run();
        manager.stopping();
    }
}

TEST(ServiceManager, EnvironmentOfAnotherProcessIsNotOurs) {
    const auto environment = [](const char* interval, const char* pid) {
        ::setenv("NOTIFY_SOCKET", "@here", 1);
        ::setenv("WATCHDOG_USEC", interval, 1);
        pid == nullptr ? ::unsetenv("WATCHDOG_PID") : ::setenv("WATCHDOG_PID", pid, 1);
        const auto result = ServiceManager::Environment::of_process();
        for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
            ::unsetenv(name);
        return result;
    };
    EXPECT_EQ(environment("20000", nullptr).socket, "@here");
    EXPECT_EQ(environment("20000", nullptr).watchdog, Duration(20ms));
    EXPECT_EQ(environment("20000", std::to_string(::getpid()).c_str()).watchdog, Duration(20ms));
    EXPECT_FALSE(environment("20000", "1").watchdog);
    EXPECT_FALSE(environment("20000", "x").watchdog);
    EXPECT_FALSE(environment("0", nullptr).watchdog);
    EXPECT_FALSE(environment("soon", nullptr).watchdog);
    EXPECT_EQ(ServiceManager::Environment::of_process().socket, "");
}

} // namespace
} // namespace dashboard_diff::listener
