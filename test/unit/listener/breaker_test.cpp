#include "listener/breaker.h"

#include <gtest/gtest.h>

namespace dashboard_diff::listener {
namespace {

using namespace std::chrono_literals;

const Clock::time_point start{1h};

TEST(Breaker, OpensAfterFailuresInARow) {
    Breaker breaker;
    for (unsigned i = 1; i < Breaker::failures_to_open; ++i) {
        breaker.failed(start);
        EXPECT_FALSE(breaker.is_open());
        EXPECT_TRUE(breaker.permits(start, 9));
    }
    breaker.succeeded();
    EXPECT_FALSE(breaker.is_troubled());
    for (unsigned i = 0; i < Breaker::failures_to_open; ++i)
        breaker.failed(start);
    EXPECT_TRUE(breaker.is_open());
    EXPECT_FALSE(breaker.permits(start, 0));
    EXPECT_EQ(breaker.next_probe(), start + Breaker::first_pause);
}

TEST(Breaker, ProbesOneAtATime) {
    Breaker breaker;
    for (unsigned i = 0; i < Breaker::failures_to_open; ++i)
        breaker.failed(start);
    EXPECT_FALSE(breaker.permits(breaker.next_probe() - 1ms, 0));
    EXPECT_TRUE(breaker.permits(breaker.next_probe(), 0));
    EXPECT_FALSE(breaker.permits(breaker.next_probe(), 1));
}

TEST(Breaker, PausesGrowToALimit) {
    Breaker breaker;
    Clock::time_point now = start;
    for (unsigned i = 0; i < Breaker::failures_to_open; ++i)
        breaker.failed(now);
    Duration last{};
    for (int i = 0; i < 40; ++i) {
        const Duration pause = breaker.next_probe() - now;
        EXPECT_GE(pause, last);
        EXPECT_LE(pause, Breaker::longest_pause);
        last = pause;
        now = breaker.next_probe();
        breaker.failed(now);
    }
    EXPECT_EQ(last, Breaker::longest_pause);
    breaker.succeeded();
    EXPECT_TRUE(breaker.permits(now, 9));
}

} // namespace
} // namespace dashboard_diff::listener
