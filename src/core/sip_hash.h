#pragma once

// SipHash-2-4 (Aumasson, Bernstein): a keyed hash of 64 bits. Whoever does not know the key cannot
// find inputs that collide, not even by looking at hashes of inputs of his own.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace dashboard_diff {

struct SipKey {
    std::uint64_t low;
    std::uint64_t high;
};

inline std::uint64_t sip_hash(const std::byte* data, std::size_t size, const SipKey& key) noexcept {
    std::uint64_t a = key.low ^ 0x736f6d6570736575;
    std::uint64_t b = key.high ^ 0x646f72616e646f6d;
    std::uint64_t c = key.low ^ 0x6c7967656e657261;
    std::uint64_t d = key.high ^ 0x7465646279746573;
    const auto mix = [&](int rounds) {
        for (int i = 0; i < rounds; ++i) {
            a += b;
            c += d;
            b = std::rotl(b, 13) ^ a;
            d = std::rotl(d, 16) ^ c;
            a = std::rotl(a, 32);
            c += b;
            a += d;
            b = std::rotl(b, 17) ^ c;
            d = std::rotl(d, 21) ^ a;
            c = std::rotl(c, 32);
        }
    };
    const auto take = [&](std::uint64_t word) {
        d ^= word;
        mix(2);
        a ^= word;
    };
    std::size_t rest = size;
    for (; rest >= 8; data += 8, rest -= 8) {
        std::uint64_t word;
        std::memcpy(&word, data, sizeof word);
        take(word);
    }
    std::uint64_t last = 0;
    if (rest > 0)
        std::memcpy(&last, data, rest);
    take(last | std::uint64_t{size} << 56);
    c ^= 0xff;
    mix(4);
    return a ^ b ^ c ^ d;
}

} // namespace dashboard_diff
