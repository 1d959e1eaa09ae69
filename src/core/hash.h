#pragma once

// A keyed hash for short keys. Every word of input meets a secret word before it is multiplied, so
// that nobody who does not know the seed can choose inputs that collide.

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace dashboard_diff {

inline std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) noexcept {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// The secret words, all derived from one seed.
struct HashKey {
    explicit HashKey(std::uint64_t seed) noexcept
        : low(mix(seed + 0x9e3779b97f4a7c15)),
          high(mix(seed + 0x3c6ef372fe94f82a)),
          last(mix(seed + 0xdaa66d2c7ddf743f)) {}

    std::uint64_t low;
    std::uint64_t high;
    std::uint64_t last;

private:
    static std::uint64_t mix(std::uint64_t x) noexcept {
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
        x = (x ^ x >> 27) * 0x94d049bb133111eb;
        return x ^ x >> 31;
    }
};

// Takes in a small number that goes with what was hashed so far.
inline std::uint64_t hash_with(std::uint64_t h, std::uint64_t number, const HashKey& key) noexcept {
    return fold_multiply(h ^ number, key.last);
}

inline std::uint64_t hash_bytes(const std::byte* data, std::size_t size,
                                const HashKey& key) noexcept {
    const auto load8 = [](const std::byte* at) {
        std::uint64_t word;
        std::memcpy(&word, at, sizeof word);
        return word;
    };
    const auto load4 = [](const std::byte* at) {
        std::uint32_t word;
        std::memcpy(&word, at, sizeof word);
        return std::uint64_t{word};
    };
    std::uint64_t state = key.high;
    std::size_t rest = size;
    for (; rest > 16; data += 16, rest -= 16)
        state = fold_multiply(load8(data) ^ key.low, load8(data + 8) ^ state);
    // The last 16 bytes or fewer, as two words that may overlap.
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    if (rest >= 8) {
        a = load8(data);
        b = load8(data + rest - 8);
    } else if (rest >= 4) {
        a = load4(data);
        b = load4(data + rest - 4);
    } else if (rest > 0) {
        a = std::uint64_t{static_cast<std::uint8_t>(data[0])} << 16 |
            std::uint64_t{static_cast<std::uint8_t>(data[rest / 2])} << 8 |
            static_cast<std::uint8_t>(data[rest - 1]);
    }
    return hash_with(fold_multiply(a ^ key.low, b ^ state), size, key);
}

} // namespace dashboard_diff
