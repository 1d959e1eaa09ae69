#include "listener/event_loop.h"
#include "listener/read_ahead.h"

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <vector>

#include <sys/epoll.h>
#include <unistd.h>

namespace dashboard_diff::listener {
namespace {

using namespace std::chrono_literals;

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        if (::pipe(ends.data()) != 0)
            throw std::runtime_error("pipe");
        reader = FileDescriptor(ends[0]);
        writer = FileDescriptor(ends[1]);
    }
    void write() const { EXPECT_EQ(::write(writer.get(), "x", 1), 1); }
    void read() const {
        char byte = 0;
        EXPECT_EQ(::read(reader.get(), &byte, 1), 1);
    }

    FileDescriptor reader;
    FileDescriptor writer;
};

TEST(EventLoop, TimersFireInTheirOrder) {
    EventLoop loop;
    std::vector<int> order;
    Timer late(loop, [&] {
        order.push_back(2);
        loop.stop();
    });
    Timer early(loop, [&] { order.push_back(1); });
    Timer never(loop, [&] { order.push_back(3); });
    late.arm(20ms);
    early.arm(5ms);
    never.arm(1ms);
    never.cancel();
    loop.run();
    EXPECT_EQ(order, (std::vector<int>{1, 2}));
    EXPECT_FALSE(late.armed());
}

TEST(EventLoop, ATimerMayArmItselfWithoutStarvingOthers) {
    EventLoop loop;
    const Pipe pipe;
    int rounds = 0;
    Timer again(loop, [&] {
        ++rounds;
        again.arm(0ms);
    });
    again.arm(0ms);
    loop.watch(pipe.reader.get(), EPOLLIN, [&](std::uint32_t) { loop.stop(); });
    pipe.write();
    loop.run();
    EXPECT_LE(rounds, 1);
}

TEST(EventLoop, AHandlerMayEndItsOwnWatchAndAnothers) {
    EventLoop loop;
    const Pipe first;
    const Pipe second;
    int calls = 0;
    const auto end_both = [&](std::uint32_t) {
        ++calls;
        loop.forget(first.reader.get());
        loop.forget(second.reader.get());
        loop.stop();
    };
    loop.watch(first.reader.get(), EPOLLIN, end_both);
    loop.watch(second.reader.get(), EPOLLIN, end_both);
    first.write();
    second.write();
    loop.run();
    EXPECT_EQ(calls, 1);
}

TEST(EventLoop, AReusedDescriptorGetsItsOwnEvents) {
    EventLoop loop;
    Pipe pipe;
    int old_calls = 0;
    loop.watch(pipe.reader.get(), EPOLLIN, [&](std::uint32_t) { ++old_calls; });
    const int number = pipe.reader.get();
    pipe = Pipe(); // may or may not use the numbers again
    ASSERT_EQ(::dup2(pipe.reader.get(), number), number);
    loop.watch(number, EPOLLIN, [&](std::uint32_t) { loop.stop(); });
    pipe.write();
    loop.run();
    EXPECT_EQ(old_calls, 0);
    loop.forget(number);
    loop.forget(number); // harmless
    loop.forget(-1);
}

TEST(EventLoop, ExceptionsLeaveRun) {
    EventLoop loop;
    Timer timer(loop, [] { throw std::runtime_error("out"); });
    timer.arm(0ms);
    EXPECT_THROW(loop.run(), std::runtime_error);
}

TEST(ReadAhead, FollowsTheRateWithinBounds) {
    ReadAhead read_ahead(32);
    EXPECT_EQ(read_ahead.size(), 32U);
    Clock::time_point now{};
    now += 10s;
    for (int i = 0; i < 20'000; ++i) { // 5,000 a second
        now += 200us;
        read_ahead.count_finished(now);
    }
    EXPECT_NEAR(read_ahead.size(), 500, 50);
    for (int i = 0; i < 1'000'000; ++i) { // 1,000,000 a second
        now += 1us;
        read_ahead.count_finished(now);
    }
    EXPECT_EQ(read_ahead.size(), 1024U);
    now += 10s; // a pause: the old rate says nothing
    read_ahead.count_finished(now);
    EXPECT_EQ(read_ahead.size(), 32U);
}

TEST(ReadAhead, CountsNoTimeWithNothingInFlight) {
    ReadAhead read_ahead(32);
    Clock::time_point now{};
    now += 10s;
    for (int burst = 0; burst < 200; ++burst) { // 5,000 a second, for 20 ms of each 300
        read_ahead.resume(now);
        for (int i = 0; i < 100; ++i) {
            now += 200us;
            read_ahead.count_finished(now);
        }
        read_ahead.pause(now);
        now += 280ms;
    }
    EXPECT_NEAR(read_ahead.size(), 500, 50);
    EXPECT_NEAR(read_ahead.size(100ms), 1000, 100) << "more where claims take longer";
    EXPECT_EQ(read_ahead.size(10s), 1024U);
    now += 10s;
    read_ahead.resume(now);
    read_ahead.count_finished(now);
    EXPECT_EQ(read_ahead.size(), 32U) << "forgotten";
}

} // namespace
} // namespace dashboard_diff::listener
