#include "listener/throttle.h"

#include <gtest/gtest.h>

namespace dashboard_diff::listener {
namespace {

using namespace std::chrono_literals;

TEST(Throttle, TakesItsPartOfTheTime) {
    const Clock::time_point start{1h};
    Throttle throttle(5);
    EXPECT_LE(throttle.next(), start) << "the first one is free";
    throttle.asked(start);
    throttle.answered(start + 2ms);
    EXPECT_EQ(throttle.next(), start + 10ms);
    throttle.asked(start + 10ms);
    throttle.answered(start + 1s);
    EXPECT_EQ(throttle.next(), start + 1s + Throttle::longest_gap);
}

} // namespace
} // namespace dashboard_diff::listener
