// Where even slots stand, and how they keep clear of others.

#include "core/even_slots.h"

#include <gtest/gtest.h>

namespace dashboard_diff {
namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t hour = 3600 * second;

TEST(EvenSlots, StandInTheMiddleOfEqualParts) {
    const EvenSlots slots{1000 * second, 4 * hour, 15};
    EXPECT_EQ(slots.at(0), 1000 * second + 480 * second);
    EXPECT_EQ(slots.at(14), 1000 * second + 4 * hour - 480 * second);
}

TEST(EvenSlots, DoNotOverflow) {
    const EvenSlots slots{0, 25 * hour, 100'000'000};
    EXPECT_EQ(slots.at(99'999'999), 25 * hour - 450);
}

TEST(EvenSlots, StayInsideInEveryPhase) {
    for (int phase = -3; phase <= 3; ++phase) {
        const EvenSlots slots{-hour, hour, 3, phase};
        EXPECT_GT(slots.at(0), -hour) << phase;
        EXPECT_LT(slots.at(2), 0) << phase;
    }
}

TEST(EvenSlots, DistanceIsThatOfTheNearestPair) {
    const EvenSlots a{0, hour, 60};
    EXPECT_EQ(distance(a, {0, hour, 60}), 0);
    EXPECT_EQ(distance(a, {20 * second, hour, 60}), 20 * second);
    EXPECT_EQ(distance(a, {-40 * second, hour, 60}), 20 * second);
    EXPECT_EQ(distance(a, {2 * hour, hour, 1}), 2 * hour + 30 * 60 * second - 3570 * second);
    EXPECT_EQ(distance({2 * hour, hour, 1}, a), 2 * hour + 30 * 60 * second - 3570 * second);
}

TEST(EvenSlots, MoveOnlyWhereTheyWouldMeet) {
    const EvenSlots standing[] = {{0, hour, 60}};
    EvenSlots near{2 * second, hour, 60};
    keep_clear(near, standing);
    EXPECT_EQ(near.phase, 0);

    EvenSlots meeting{second / 2, hour, 60};
    keep_clear(meeting, standing);
    EXPECT_NE(meeting.phase, 0);
    EXPECT_GE(distance(meeting, standing[0]), 20 * second);
}

TEST(EvenSlots, NarrowGapsNeedLess) {
    const EvenSlots standing[] = {{0, second, 10}};
    EvenSlots between{second / 20, second, 10};
    keep_clear(between, standing);
    EXPECT_EQ(between.phase, 0);
}

TEST(EvenSlots, KeepClearOfSeveral) {
    const EvenSlots standing[] = {{0, hour, 6}, {0, hour, 6, 2}};
    EvenSlots third{0, hour, 6};
    keep_clear(third, standing);
    EXPECT_EQ(third.phase, -3);
}

} // namespace
} // namespace dashboard_diff
