#include "listener/pending_work.h"

#include <gtest/gtest.h>

namespace dashboard_diff::listener {
namespace {

using namespace std::chrono_literals;

// Polls at once where it polls at all; the loop stops at the first wake.
class PendingWorkTest : public ::testing::Test {
protected:
    // Whether it is wanted after a while in which it may poll.
    bool wanted_by_poll() {
        Timer end(loop_, [this] { loop_.stop(); });
        end.arm(20ms);
        loop_.run();
        return work_.wanted();
    }

    EventLoop loop_;
    int wakes_ = 0;
    PendingWork work_{loop_, 1ms, [this] { ++wakes_; }};
};

TEST_F(PendingWorkTest, NothingIsWantedBeforeThereIsASession) {
    EXPECT_FALSE(work_.wanted());
    EXPECT_FALSE(wanted_by_poll());
}

TEST_F(PendingWorkTest, ASessionBeginsByAsking) {
    work_.session_began();
    EXPECT_TRUE(work_.wanted());
    EXPECT_FALSE(work_.done());
}

TEST_F(PendingWorkTest, OneSliceIsAskedForAtATime) {
    work_.session_began();
    work_.asked();
    work_.notified();
    EXPECT_FALSE(work_.wanted());
    EXPECT_FALSE(work_.done());
}

TEST_F(PendingWorkTest, SliceFollowsSliceWhileThereIsWork) {
    work_.session_began();
    for (int slice = 0; slice < 3; ++slice) {
        work_.asked();
        work_.answered(2);
        EXPECT_TRUE(work_.wanted());
        EXPECT_FALSE(work_.done());
    }
    work_.asked();
    work_.answered(0);
    EXPECT_FALSE(work_.wanted());
    EXPECT_TRUE(work_.done());
    EXPECT_FALSE(work_.failed());
}

TEST_F(PendingWorkTest, WhatIsHeardWhileAskingIsAskedForAfterwards) {
    work_.session_began();
    work_.asked();
    work_.notified();
    work_.answered(0);
    EXPECT_TRUE(work_.wanted());
}

TEST_F(PendingWorkTest, ANotificationOrAPollAsksAgain) {
    work_.session_began();
    work_.asked();
    work_.answered(0);
    EXPECT_FALSE(work_.wanted());
    work_.notified();
    EXPECT_TRUE(work_.wanted());
    work_.asked();
    work_.answered(0);
    EXPECT_EQ(wakes_, 0);
    EXPECT_TRUE(wanted_by_poll());
    EXPECT_EQ(wakes_, 1) << "and no more polls until that is answered";
}

TEST_F(PendingWorkTest, NothingIsPolledWhileItIsAskedFor) {
    work_.session_began();
    work_.asked();
    work_.answered(0);
    work_.notified();
    work_.asked();
    EXPECT_FALSE(wanted_by_poll());
    EXPECT_EQ(wakes_, 0);
}

TEST_F(PendingWorkTest, WhatFailedWaitsForThePoll) {
    work_.session_began();
    work_.asked();
    work_.notified();
    work_.answered(std::nullopt);
    EXPECT_TRUE(work_.failed());
    EXPECT_TRUE(work_.done());
    work_.notified();
    EXPECT_FALSE(work_.wanted()) << "lest every notification makes an error";
    EXPECT_TRUE(wanted_by_poll());
    EXPECT_FALSE(work_.failed());
}

TEST_F(PendingWorkTest, ANewSessionAsksAgainAfterAFailure) {
    work_.session_began();
    work_.asked();
    work_.answered(std::nullopt); // the connection broke
    work_.session_ended();
    EXPECT_FALSE(work_.done()) << "nobody knows what is left";
    EXPECT_EQ(wakes_, 0);
    work_.session_began();
    EXPECT_TRUE(work_.wanted());
    EXPECT_FALSE(work_.failed());
}

TEST_F(PendingWorkTest, NothingIsPolledWithoutASession) {
    work_.session_began();
    work_.asked();
    work_.answered(0);
    work_.session_ended();
    static_cast<void>(wanted_by_poll());
    EXPECT_EQ(wakes_, 0);
}

} // namespace
} // namespace dashboard_diff::listener
