#pragma once

// Numbers that were computed, and how they become numeric datums.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <span>
#include <vector>

#include "core/decimal.h"

namespace dashboard_diff {

// A computed number, held as the bytes of a numeric datum. Small ones need no allocation.
class Number {
public:
    explicit Number(std::pmr::memory_resource* memory) noexcept : long_(memory) {}

    // A copy stays in the same memory, which a pmr container's own copy would not.
    Number(const Number& other) : long_(other.long_, other.long_.get_allocator()) {
        copy_rest(other);
    }
    Number& operator=(const Number& other) {
        long_ = other.long_;
        copy_rest(other);
        return *this;
    }

    Decimal view() const noexcept { return Decimal(data()); }
    const std::byte* data() const noexcept { return long_.empty() ? short_ : long_.data(); }
    std::uint32_t size() const noexcept { return size_; }
    Value value() const noexcept { return {data(), size_, Kind::numeric}; }

    // Room for a numeric of `size` bytes, to be written by the caller.
    std::byte* reset(std::uint32_t size) {
        size_ = size;
        long_.clear();
        if (size <= sizeof short_)
            return short_;
        long_.resize(size);
        return long_.data();
    }

private:
    void copy_rest(const Number& other) noexcept {
        std::memcpy(short_, other.short_, sizeof short_);
        size_ = other.size_;
    }

    alignas(4) std::byte short_[40] = {};
    std::pmr::vector<std::byte> long_;
    std::uint32_t size_ = 0;
};

// Writes the number whose base-10000 digits are `digits` (most significant first, the last
// `fraction_groups` of them behind the point). Leading and trailing zero digits are dropped.
// Throws numeric_out_of_range where the server's format cannot hold it.
void encode(std::span<const std::uint16_t> digits, int fraction_groups, int scale, bool negative,
            Number& out);

void assign(Number& out, std::int64_t integer);

} // namespace dashboard_diff
