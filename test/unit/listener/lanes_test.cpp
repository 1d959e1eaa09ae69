#include "listener/lanes.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace dashboard_diff::listener {
namespace {

using namespace std::chrono_literals;

const Clock::time_point start{1h};

// Sends nothing: it only tells pace and gate, which is what stands before the first "/".
class SomeChannel final : public Channel {
public:
    explicit SomeChannel(Pace pace = {}) : pace_(pace) {}
    std::string kind() const override { return "webhook"; }
    Pace pace() const noexcept override { return pace_; }
    std::string gate(const Delivery& delivery) const override {
        return delivery.target.substr(0, delivery.target.find('/'));
    }
    void send(const Delivery&, Done) override { FAIL(); }
    std::string loggable_target(const std::string& target) const override { return target; }

private:
    Pace pace_;
};

class LanesTest : public testing::Test {
protected:
    using Ids = std::vector<std::int64_t>;

    bool admit(const std::string& target, std::int64_t id, bool parked = false) {
        Claimed claimed;
        claimed.delivery.kind = "webhook";
        claimed.delivery.target = target;
        claimed.delivery.delivery_id = id;
        claimed.channel = &channel;
        claimed.parked = parked;
        claimed.claimed_at = now;
        const bool admitted = lanes.admit(claimed, now);
        if (!admitted)
            lanes.parked({"webhook", target}, now);
        return admitted;
    }
    // The ids that may begin now.
    std::vector<std::int64_t> begin() {
        std::vector<std::int64_t> ids;
        while (auto claimed = lanes.next(now))
            ids.push_back(claimed->delivery.delivery_id);
        return ids;
    }
    void finish(const std::string& target, Outcome::Verdict verdict, bool reached = true,
                std::optional<std::chrono::seconds> retry_after = std::nullopt) {
        Outcome outcome;
        outcome.verdict = verdict;
        outcome.reached = reached;
        outcome.retry_after = retry_after;
        lanes.finished({"webhook", target}, outcome, now);
    }
    void deliver(const std::string& target) { finish(target, Outcome::Verdict::delivered); }
    std::vector<std::int64_t> handed_back(bool all = false) {
        std::vector<std::int64_t> ids;
        for (const Claimed& claimed : lanes.hand_back(now, all)) {
            ids.push_back(claimed.delivery.delivery_id);
            lanes.parked({"webhook", claimed.delivery.target}, now);
        }
        std::ranges::sort(ids);
        return ids;
    }
    std::vector<std::string> wanting() {
        std::vector<std::string> targets;
        for (const Lanes::Wish& wish : lanes.wanting_parked(now, 100))
            targets.push_back(wish.endpoint.target);
        return targets;
    }
    // Delivers something through the gate.
    void prove(const std::string& gate) {
        ASSERT_TRUE(admit(gate + "/proof", 0));
        ASSERT_EQ(begin(), Ids{0});
        deliver(gate + "/proof");
    }
    // Fails so often that the endpoint's breaker opens.
    void break_endpoint(const std::string& target, bool reached = true) {
        for (unsigned i = 0; i < Breaker::failures_to_open; ++i) {
            ASSERT_TRUE(admit(target, 1000 + i));
            ASSERT_EQ(begin().size(), 1u);
            finish(target, Outcome::Verdict::retry, reached);
        }
    }

    Clock::time_point now = start;
    SomeChannel channel;
    Lanes lanes{{.concurrency = 8}};
};

TEST_F(LanesTest, OneAtATimeToAnEndpointInOrder) {
    EXPECT_TRUE(admit("a/1", 1));
    EXPECT_TRUE(admit("a/1", 2));
    EXPECT_TRUE(admit("b/1", 3));
    EXPECT_EQ(begin(), (Ids{1, 3}));
    deliver("a/1");
    EXPECT_EQ(begin(), Ids{2});
    EXPECT_EQ(lanes.in_flight(), 2u);
}

TEST_F(LanesTest, NoMoreThanTheConcurrency) {
    for (int i = 0; i < 10; ++i)
        EXPECT_TRUE(admit("host" + std::to_string(i) + "/", i));
    EXPECT_EQ(begin().size(), 8u);
    deliver("host0/");
    EXPECT_EQ(begin(), Ids{8});
}

TEST_F(LanesTest, NoHostTakesAllSlots) {
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(admit("new/" + std::to_string(i), i), i < 2) << "nothing is known of it";
    EXPECT_EQ(begin(), (Ids{0, 1}));
    deliver("new/0");
    deliver("new/1");
    for (int i = 10; i < 20; ++i)
        EXPECT_TRUE(admit("new/" + std::to_string(i), i));
    EXPECT_EQ(begin().size(), 6u) << "it works";
    EXPECT_TRUE(admit("other/", 9));
    EXPECT_EQ(begin(), Ids{9});
}

TEST_F(LanesTest, ASlowRequestGivesItsSlotToOthers) {
    for (int i = 0; i < 8; ++i)
        EXPECT_TRUE(admit("host" + std::to_string(i) + "/", i));
    EXPECT_EQ(begin().size(), 8u);
    EXPECT_TRUE(admit("other/", 9));
    EXPECT_TRUE(begin().empty());
    now += 1s;
    EXPECT_EQ(begin(), Ids{9});
    EXPECT_EQ(lanes.in_flight(), 9u);
}

TEST_F(LanesTest, AHostThatHangsGetsNoMore) {
    prove("dead");
    for (int i = 1; i <= 6; ++i)
        EXPECT_TRUE(admit("dead/" + std::to_string(i), i));
    EXPECT_EQ(begin().size(), 6u);
    EXPECT_TRUE(admit("dead/7", 7));
    now += 1s;
    EXPECT_TRUE(begin().empty());
    EXPECT_FALSE(admit("dead/8", 8));
    EXPECT_EQ(handed_back(), Ids{7}) << "at once, since it is stuck";
    EXPECT_TRUE(admit("well/1", 9));
    EXPECT_EQ(begin(), Ids{9});
    for (int i = 1; i <= 3; ++i)
        finish("dead/" + std::to_string(i), Outcome::Verdict::retry, false);
    EXPECT_TRUE(admit("dead/10", 10)) << "three are left";
}

TEST_F(LanesTest, WhatCannotBeginSoonIsHandedBack) {
    EXPECT_TRUE(admit("a/1", 1));
    EXPECT_EQ(begin(), Ids{1});
    EXPECT_TRUE(admit("a/1", 2));
    EXPECT_TRUE(admit("a/1", 3));
    now += 2s;
    EXPECT_TRUE(handed_back().empty());
    now += 1ms;
    EXPECT_EQ(handed_back(), (Ids{2, 3}));
    EXPECT_EQ(lanes.waiting(), 0u);
    EXPECT_FALSE(admit("a/1", 4)) << "others are parked before it";
    EXPECT_TRUE(wanting().empty()) << "a request is in flight, a slow one";
    deliver("a/1");
    EXPECT_EQ(wanting(), std::vector<std::string>{"a/1"});
    EXPECT_TRUE(wanting().empty()) << "asked for once";
    lanes.set_parked({"webhook", "a/1"}, false);
    EXPECT_TRUE(admit("a/1", 2, true));
    EXPECT_EQ(begin(), Ids{2});
}

TEST_F(LanesTest, AllIsHandedBackAtTheEnd) {
    EXPECT_TRUE(admit("a/1", 1));
    EXPECT_TRUE(admit("b/1", 2));
    EXPECT_EQ(begin().size(), 2u);
    EXPECT_TRUE(admit("a/1", 3));
    EXPECT_EQ(handed_back(true), Ids{3});
    EXPECT_EQ(lanes.in_flight(), 2u);
}

TEST_F(LanesTest, LittleWaitsForOneEndpoint) {
    std::int64_t admitted = 0;
    while (admit("a/1", admitted))
        ASSERT_LT(++admitted, 100);
    EXPECT_GT(admitted, 1);
    EXPECT_TRUE(admit("b/1", 1000)) << "another has its own place";
    // A slow one gets one at a time.
    EXPECT_EQ(begin().size(), 2u);
    now += 1500ms;
    deliver("a/1");
    handed_back(true);
    lanes.set_parked({"webhook", "a/1"}, true);
    EXPECT_EQ(begin(), Ids{});
    const auto wishes = lanes.wanting_parked(now, 100);
    ASSERT_EQ(wishes.size(), 1u);
    EXPECT_EQ(wishes[0].deliveries, 1u);
}

TEST_F(LanesTest, ABrokenEndpointIsProbed) {
    break_endpoint("a/1");
    EXPECT_FALSE(admit("a/1", 1));
    EXPECT_TRUE(admit("a/2", 2)) << "its host works";
    EXPECT_EQ(begin(), Ids{2});
    deliver("a/2");
    EXPECT_FALSE(lanes.has_parked_to_send());
    EXPECT_TRUE(wanting().empty());
    now += Breaker::first_pause;
    const auto wishes = lanes.wanting_parked(now, 100);
    ASSERT_EQ(wishes.size(), 1u);
    EXPECT_EQ(wishes[0].endpoint.target, "a/1");
    EXPECT_EQ(wishes[0].deliveries, 1u) << "the probe";
    lanes.set_parked({"webhook", "a/1"}, true);
    EXPECT_TRUE(admit("a/1", 1, true));
    EXPECT_EQ(begin(), Ids{1});
    deliver("a/1");
    EXPECT_EQ(wanting(), std::vector<std::string>{"a/1"}) << "and the rest";
}

TEST_F(LanesTest, AHostThatCannotBeReachedIsProbedOnce) {
    break_endpoint("dead/1", false);
    EXPECT_FALSE(admit("dead/2", 2));
    EXPECT_FALSE(admit("dead/3", 3));
    EXPECT_TRUE(admit("well/1", 4));
    EXPECT_EQ(begin(), Ids{4});
    now += Breaker::first_pause;
    EXPECT_TRUE(admit("dead/2", 2, true));
    EXPECT_TRUE(admit("dead/3", 3, true));
    EXPECT_EQ(begin(), Ids{2});
    deliver("dead/2");
    EXPECT_EQ(begin(), Ids{3});
}

TEST_F(LanesTest, RetryAfterHoldsTheEndpointBack) {
    EXPECT_TRUE(admit("a/1", 1));
    EXPECT_TRUE(admit("a/1", 2));
    EXPECT_EQ(begin(), Ids{1});
    finish("a/1", Outcome::Verdict::retry, true, 2s);
    EXPECT_TRUE(begin().empty());
    now += 2s;
    EXPECT_EQ(begin(), Ids{2});
}

TEST_F(LanesTest, WhatIsRefusedBreaksNothing) {
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(admit("a/1", i));
        ASSERT_EQ(begin(), Ids{i});
        finish("a/1", Outcome::Verdict::refused);
    }
}

TEST_F(LanesTest, ThePaceIsKept) {
    channel = SomeChannel({.target_gap = 1000ms, .starts_per_second = 10, .at_once = 2});
    EXPECT_TRUE(admit("p/1", 1));
    EXPECT_EQ(begin(), Ids{1});
    EXPECT_TRUE(admit("p/1", 2));
    EXPECT_TRUE(admit("p/2", 3));
    EXPECT_TRUE(begin().empty());
    now += 100ms;
    EXPECT_EQ(begin(), Ids{3});
    EXPECT_TRUE(admit("p/3", 4));
    now += 100ms;
    EXPECT_TRUE(begin().empty()) << "two are in flight";
    deliver("p/1");
    EXPECT_EQ(begin(), Ids{4});
    now += 799ms;
    deliver("p/2");
    EXPECT_TRUE(begin().empty()) << "a second since the last one to p/1 is not over";
    now += 1ms;
    EXPECT_EQ(begin(), Ids{2});
}

TEST_F(LanesTest, EndpointsWithSomethingParkedTakeTurns) {
    for (int i = 0; i < 3; ++i)
        lanes.set_parked({"webhook", "p/" + std::to_string(i)}, true);
    EXPECT_EQ(lanes.wanting_parked(now, 2).size(), 2u);
    EXPECT_EQ(lanes.wanting_parked(now, 2).size(), 1u);
    EXPECT_TRUE(lanes.has_parked_to_send());
    for (int i = 0; i < 3; ++i)
        lanes.set_parked({"webhook", "p/" + std::to_string(i)}, false);
    EXPECT_TRUE(wanting().empty());
    EXPECT_FALSE(lanes.has_parked_to_send());
    EXPECT_FALSE(lanes.next_look(now)) << "nothing is remembered of them";
}

TEST_F(LanesTest, WhatWaitedForTooLongDoesNotBegin) {
    EXPECT_TRUE(admit("a/1", 1));
    EXPECT_TRUE(admit("a/2", 2));
    EXPECT_EQ(begin(), (Ids{1, 2}));
    EXPECT_TRUE(admit("a/1", 3));
    EXPECT_TRUE(admit("b/1", 4));
    now += 1h; // the process was stopped
    deliver("a/1");
    EXPECT_TRUE(begin().empty()) << "another may have it by now";
    EXPECT_TRUE(lanes.next_look(now));
    EXPECT_EQ(lanes.hand_back(now).size(), 2u);
}

TEST_F(LanesTest, WhatIsYetToBeParkedIsNotAskedFor) {
    EXPECT_TRUE(admit("a/1", 1));
    EXPECT_EQ(begin(), Ids{1});
    EXPECT_TRUE(admit("a/1", 2));
    ASSERT_EQ(lanes.hand_back(now, true).size(), 1u);
    deliver("a/1");
    EXPECT_TRUE(wanting().empty());
    EXPECT_FALSE(admit("a/1", 3)) << "it must not be overtaken";
    lanes.set_parked({"webhook", "a/1"}, false); // an answer from before
    EXPECT_TRUE(lanes.has_parked_to_send());
    lanes.parked({"webhook", "a/1"}, now);
    EXPECT_EQ(wanting(), std::vector<std::string>{"a/1"});
}

TEST_F(LanesTest, LooksAgainWhileThereIsSomethingToWaitFor) {
    EXPECT_FALSE(lanes.next_look(now));
    EXPECT_TRUE(admit("a/1", 1));
    EXPECT_TRUE(lanes.next_look(now));
    begin();
    EXPECT_TRUE(lanes.next_look(now));
    deliver("a/1");
    EXPECT_FALSE(lanes.next_look(now));
}

} // namespace
} // namespace dashboard_diff::listener
