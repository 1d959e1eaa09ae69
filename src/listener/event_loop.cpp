#include "listener/event_loop.h"

#include "listener/log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <sys/epoll.h>

namespace dashboard_diff::listener {
namespace {

std::system_error epoll_error(const char* call) {
    return std::system_error(errno, std::generic_category(), call);
}

std::uint64_t make_tag(int fd, std::uint32_t generation) noexcept {
    return (static_cast<std::uint64_t>(generation) << 32) | static_cast<std::uint32_t>(fd);
}

} // namespace

EventLoop::EventLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_)
        throw epoll_error("epoll_create1");
}

void EventLoop::set_epoll(int fd, std::uint32_t events, int likely, int otherwise) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = make_tag(fd, watches_[static_cast<std::size_t>(fd)].generation);
    // A library may have closed the descriptor and opened it again since: then the kernel knows
    // less of it than we do.
    if (::epoll_ctl(epoll_.get(), likely, fd, &event) != 0 &&
        ((errno != ENOENT && errno != EEXIST) ||
         ::epoll_ctl(epoll_.get(), otherwise, fd, &event) != 0))
        throw epoll_error("epoll_ctl");
}

void EventLoop::watch(int fd, std::uint32_t events, Handler handler) {
    const auto index = static_cast<std::size_t>(fd);
    if (index >= watches_.size())
        watches_.resize(index + 1);
    Watch& entry = watches_[index];
    ++entry.generation;
    entry.handler = std::make_shared<Handler>(std::move(handler));
    set_epoll(fd, events, EPOLL_CTL_ADD, EPOLL_CTL_MOD);
}

void EventLoop::change(int fd, std::uint32_t events) {
    set_epoll(fd, events, EPOLL_CTL_MOD, EPOLL_CTL_ADD);
}

void EventLoop::forget(int fd) noexcept {
    const auto index = static_cast<std::size_t>(fd);
    if (fd < 0 || index >= watches_.size() || !watches_[index].handler)
        return;
    watches_[index].handler.reset();
    epoll_event unused{};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, &unused);
}

void EventLoop::run() {
    std::array<epoll_event, 64> events;
    LogBatch log; // a write for what happened at once
    while (!stopped_) {
        log.flush();
        const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                       wait_milliseconds());
        if (count < 0 && errno != EINTR)
            throw epoll_error("epoll_wait");
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            dispatch(event.data.u64, event.events);
        }
        fire_timers();
    }
}

void EventLoop::dispatch(std::uint64_t tag, std::uint32_t events) {
    const auto index = static_cast<std::size_t>(tag & 0xFFFFFFFFU);
    const auto generation = static_cast<std::uint32_t>(tag >> 32);
    if (index < watches_.size() && watches_[index].generation == generation) {
        // A copy, as the handler may end its watch or grow the table.
        if (const std::shared_ptr<Handler> handler = watches_[index].handler)
            (*handler)(events);
    }
}

int EventLoop::wait_milliseconds() const noexcept {
    std::optional<Clock::time_point> first;
    for (const Timer* timer : timers_)
        if (timer->deadline_ && (!first || *timer->deadline_ < *first))
            first = timer->deadline_;
    if (!first)
        return -1;
    using std::chrono::milliseconds;
    const auto left = std::chrono::ceil<milliseconds>(*first - Clock::now());
    return static_cast<int>(std::clamp<milliseconds::rep>(left.count(), 0, 60'000));
}

void EventLoop::fire_timers() {
    // Handlers may arm timers, even their own: those wait for the next round.
    const Clock::time_point now = Clock::now();
    for (std::size_t i = 0; i < timers_.size(); ++i) {
        Timer& timer = *timers_[i];
        if (timer.deadline_ && *timer.deadline_ <= now) {
            timer.deadline_.reset();
            timer.handler_();
        }
    }
}

Timer::Timer(EventLoop& loop, std::function<void()> handler)
    : loop_(loop), handler_(std::move(handler)) {
    loop_.timers_.push_back(this);
}

Timer::~Timer() {
    std::erase(loop_.timers_, this);
}

} // namespace dashboard_diff::listener
