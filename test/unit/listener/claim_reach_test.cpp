#include "listener/claim_reach.h"

#include <gtest/gtest.h>

namespace dashboard_diff::listener {
namespace {

using namespace std::chrono_literals;

const Clock::time_point start{1h};

TEST(ClaimReach, BeginsWithEverything) {
    ClaimReach reach;
    EXPECT_FALSE(reach.reach(start));
}

TEST(ClaimReach, ThenOnlyWhatCanBeNew) {
    ClaimReach reach;
    reach.claimed(start, start + 1ms, std::nullopt, std::nullopt);
    EXPECT_EQ(reach.reach(start + 3s), 3s + ClaimReach::grace);
    // What is not looked at again was seen to be empty.
    reach.claimed(start + 3s, start + 3s, 8s, std::nullopt);
    EXPECT_EQ(reach.reach(start + 4s), 1s + ClaimReach::grace);
}

TEST(ClaimReach, WhileThereIsMoreItGoesOnWithTheOldest) {
    ClaimReach reach;
    reach.claimed(start, start, std::nullopt, 60s);
    EXPECT_EQ(reach.reach(start + 1s), 61s + ClaimReach::grace);
}

TEST(ClaimReach, NowAndThenEverything) {
    ClaimReach reach;
    reach.claimed(start, start, std::nullopt, std::nullopt);
    EXPECT_TRUE(reach.reach(start + ClaimReach::full_interval - 1ms));
    EXPECT_FALSE(reach.reach(start + ClaimReach::full_interval));
    // A claim of less does not count.
    reach.claimed(start + 9s, start + 9s, 1s, std::nullopt);
    EXPECT_FALSE(reach.reach(start + ClaimReach::full_interval));
}

TEST(ClaimReach, WhatTakesLongIsDoneSeldom) {
    ClaimReach reach;
    reach.claimed(start, start + 3s, std::nullopt, std::nullopt);
    EXPECT_TRUE(reach.reach(start + 62s));
    EXPECT_FALSE(reach.reach(start + 63s));
}

TEST(ClaimReach, ResetForgets) {
    ClaimReach reach;
    reach.claimed(start, start, std::nullopt, std::nullopt);
    reach.reset();
    EXPECT_FALSE(reach.reach(start));
}

} // namespace
} // namespace dashboard_diff::listener
