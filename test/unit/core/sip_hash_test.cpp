#include "core/sip_hash.h"

#include <gtest/gtest.h>

#include <array>

namespace dashboard_diff {
namespace {

// The vectors that come with the algorithm: key 00 01 .. 0f, input 00 01 .. of each length.
TEST(SipHash, MatchesTheReferenceVectors) {
    constexpr SipKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
    std::array<std::byte, 16> input{};
    for (std::size_t i = 0; i < input.size(); ++i)
        input[i] = static_cast<std::byte>(i);
    EXPECT_EQ(sip_hash(input.data(), 0, key), 0x726fdb47dd0e0e31u);
    EXPECT_EQ(sip_hash(input.data(), 1, key), 0x74f839c593dc67fdu);
    EXPECT_EQ(sip_hash(input.data(), 7, key), 0xab0200f58b01d137u);
    EXPECT_EQ(sip_hash(input.data(), 8, key), 0x93f5f5799a932462u);
    EXPECT_EQ(sip_hash(input.data(), 15, key), 0xa129ca6149be45e5u);
}

TEST(SipHash, DependsOnEveryPartOfTheKey) {
    const std::byte input[] = {std::byte{1}, std::byte{2}};
    const std::uint64_t hash = sip_hash(input, sizeof input, {1, 2});
    EXPECT_NE(hash, sip_hash(input, sizeof input, {1, 3}));
    EXPECT_NE(hash, sip_hash(input, sizeof input, {2, 2}));
}

} // namespace
} // namespace dashboard_diff
