#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace dashboard_diff {

inline std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) noexcept {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// A keyed hash for short keys: folds 8 bytes a step through a 64 x 64 bit multiplication.
inline std::uint64_t hash_bytes(const std::byte* data, std::size_t size,
                                std::uint64_t seed) noexcept {
    constexpr std::uint64_t k0 = 0xa0761d6478bd642f;
    constexpr std::uint64_t k1 = 0xe7037ed1a0b428db;
    const auto load = [](const std::byte* at, std::size_t n) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, n);
        return word;
    };
    std::uint64_t state = fold_multiply(seed ^ k0, size ^ k1);
    for (; size >= 8; data += 8, size -= 8)
        state = fold_multiply(load(data, 8) ^ k1, state ^ k0);
    if (size > 0)
        state = fold_multiply(load(data, size) ^ k0, state ^ k1 ^ size);
    return fold_multiply(state ^ k0, k1);
}

} // namespace dashboard_diff
