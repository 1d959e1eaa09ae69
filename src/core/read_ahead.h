#pragma once

// Memory that is read from front to back, loaded ahead of its reader. The processor does that by
// itself, but begins anew at every page.

#include <cstddef>
#include <cstdint>

namespace dashboard_diff {

class ReadAhead {
public:
    // `size` is how much is read in all: what stays in the cache needs no help.
    explicit ReadAhead(std::size_t size) noexcept : worthwhile_(size > cached) {}

    // The reader has come to this place.
    void follow(const std::byte* reader) noexcept {
        if (!worthwhile_)
            return;
        const auto at = reinterpret_cast<std::uintptr_t>(reader);
        if (next_ < at)
            next_ = at;
        for (; next_ < at + distance; next_ += line)
            __builtin_prefetch(reinterpret_cast<const void*>(next_));
    }

private:
    static constexpr std::size_t cached = 4 << 20;
    static constexpr std::uintptr_t distance = 4096;
    static constexpr std::uintptr_t line = 64;

    bool worthwhile_;
    std::uintptr_t next_ = 0;
};

} // namespace dashboard_diff
