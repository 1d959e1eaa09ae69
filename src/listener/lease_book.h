#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dashboard_diff::listener {

// How many deliveries of each lease are still in our hands: with the last one the lease ends.
class LeaseBook {
public:
    void took(std::int64_t lease) { ++left_[lease]; }
    void settled(std::int64_t lease);

    // Those with something in our hands.
    std::vector<std::int64_t> open() const;

    bool has_ended() const noexcept { return !ended_.empty(); }
    std::vector<std::int64_t> take_ended() noexcept { return std::exchange(ended_, {}); }

private:
    std::unordered_map<std::int64_t, std::size_t> left_;
    std::vector<std::int64_t> ended_;
};

} // namespace dashboard_diff::listener
