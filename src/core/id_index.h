#pragma once

// Row ids, and hash tables of them.

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string>
#include <vector>

#include "core/jsonb.h"
#include "core/runtime.h"

namespace dashboard_diff {

// A row id: a string or a number. 1 and 1.0 are one id, 1 and "1" are two.
bool equal_ids(const Value& a, const Value& b) noexcept;
std::uint32_t hash_id(const Value& id, std::uint64_t seed) noexcept;

// An id as a message shows it: quoted when it is text, cut when it is very long.
std::string quote_id(const Value& id, const Runtime& runtime);

// A hash table from ids to rows; 8 bytes a slot, at most 4/5 full.
class IdIndex {
public:
    static constexpr std::uint32_t none = UINT32_MAX;

    IdIndex(std::size_t expected, std::pmr::memory_resource* memory);

    // Calls same(row) for each stored row whose hash agrees, until it returns true; that row,
    // or none.
    template <typename Same>
    std::uint32_t find(std::uint32_t hash, Same&& same) const {
        for (std::size_t i = hash & mask_;; i = (i + 1) & mask_) {
            const std::uint64_t slot = slots_[i];
            if (slot == 0)
                return none;
            if (static_cast<std::uint32_t>(slot >> 32) == hash) {
                const std::uint32_t row = static_cast<std::uint32_t>(slot) - 1;
                if (same(row))
                    return row;
            }
        }
    }
    void insert(std::uint32_t hash, std::uint32_t row);

private:
    void rehash(std::size_t capacity);

    std::pmr::vector<std::uint64_t> slots_; // hash << 32 | row + 1; 0 is free
    std::size_t mask_ = 0;
    std::size_t used_ = 0;
};

// A set of ids, for rules that name rows.
class IdSet {
public:
    // `list` is an array of valid ids; duplicates do no harm.
    IdSet(const Value& list, const Runtime& runtime);
    bool contains(const Value& id) const;

private:
    std::uint64_t seed_;
    std::pmr::vector<Value> ids_;
    IdIndex index_;
};

} // namespace dashboard_diff
