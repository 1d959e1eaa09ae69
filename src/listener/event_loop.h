#pragma once

#include "listener/file_descriptor.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace dashboard_diff::listener {

using Clock = std::chrono::steady_clock;
using Duration = Clock::duration;

class Timer;

// The single waiting point of the process: file descriptors (epoll) and timers, one thread.
// An exception from a handler leaves run().
class EventLoop {
public:
    // Gets the EPOLL* events that happened.
    using Handler = std::function<void(std::uint32_t events)>;

    EventLoop(); // throws std::system_error
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    // Waits for `events` (EPOLLIN, EPOLLOUT) on `fd`; replaces an earlier watch of that number.
    // Throws std::system_error.
    void watch(int fd, std::uint32_t events, Handler handler);

    // Changes the events of a watched descriptor. Throws std::system_error.
    void change(int fd, std::uint32_t events);

    // Ends a watch; harmless if there is none or if the descriptor is closed already.
    void forget(int fd) noexcept;

    void run();
    void stop() noexcept { stopped_ = true; }

private:
    friend class Timer;

    struct Watch {
        std::shared_ptr<Handler> handler; // shared: a handler may end its own watch
        std::uint32_t generation = 0;     // tells events of an earlier use of the number
    };

    void set_epoll(int fd, std::uint32_t events, int likely, int otherwise);
    int wait_milliseconds() const noexcept;
    void dispatch(std::uint64_t tag, std::uint32_t events);
    void fire_timers();

    FileDescriptor epoll_;
    std::vector<Watch> watches_; // by descriptor
    std::vector<Timer*> timers_; // a handful, so that a scan beats a heap
    bool stopped_ = false;
};

// Calls back once, some time after arm(). Disarmed while its handler runs.
class Timer {
public:
    Timer(EventLoop& loop, std::function<void()> handler);
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer();

    void arm(Duration delay) noexcept { deadline_ = Clock::now() + delay; }
    void cancel() noexcept { deadline_.reset(); }
    bool armed() const noexcept { return deadline_.has_value(); }

private:
    friend class EventLoop;

    EventLoop& loop_;
    std::function<void()> handler_;
    std::optional<Clock::time_point> deadline_;
};

} // namespace dashboard_diff::listener
