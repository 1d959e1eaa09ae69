#pragma once

// Row ids, and hash tables of them.

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string>
#include <vector>

#include "core/decimal.h"
#include "core/hash.h"
#include "core/jsonb.h"
#include "core/runtime.h"

namespace dashboard_diff {

// A row id: a string or a number. 1 and 1.0 are one id, 1 and "1" are two.
inline bool is_id(const Value& value) noexcept {
    return value.is(Kind::string) || is_number(value);
}
bool equal_ids(const Value& a, const Value& b) noexcept;
inline std::uint64_t hash_id(const Value& id, const HashKey& key) noexcept {
    return id.is(Kind::string) ? hash_bytes(id.data, id.length, key) : hash(Decimal(id), key);
}

// An id as a message shows it: quoted when it is text, cut when it is very long.
std::string quote_id(const Value& id, const Runtime& runtime);

// A hash table from ids to rows that knows neither: its user compares the ids. A slot takes 4
// bytes, so that the table of many rows stays in the cache: the row + 1 in the bits that the
// largest row takes, bits of its hash in the rest.
class IdIndex {
public:
    static constexpr std::uint32_t none = UINT32_MAX;

    // Room for `entries` rows, all of them below `row_limit` (which jsonb keeps below 2^28).
    IdIndex(std::size_t entries, std::size_t row_limit, std::pmr::memory_resource* memory);

    // Calls same(row) for each row whose hash may agree, until it returns true; that row, or none.
    template <typename Same>
    std::uint32_t find(std::uint64_t hash, Same&& same) const {
        const std::uint32_t slot = slots_[probe(hash, same)];
        return (slot & row_mask_) - 1; // a free slot: 0 - 1 is none
    }

    // The same, but a row that is not found is added.
    template <typename Same>
    std::uint32_t find_or_insert(std::uint64_t hash, std::uint32_t row, Same&& same) {
        const std::size_t i = probe(hash, same);
        if (slots_[i] != 0)
            return (slots_[i] & row_mask_) - 1;
        assert(row < row_mask_ && used_ < room_);
        ++used_;
        slots_[i] = tag(hash) | (row + 1);
        return none;
    }

    // Starts loading what the next call for this hash looks at.
    void prefetch(std::uint64_t hash) const noexcept {
        __builtin_prefetch(slots_.data() + (hash & slot_mask_), 1);
    }

private:
    std::uint32_t tag(std::uint64_t hash) const noexcept {
        return static_cast<std::uint32_t>(hash >> 32) & ~row_mask_;
    }

    // The slot of the row that is the same, or else the free slot where it would stand.
    template <typename Same>
    std::size_t probe(std::uint64_t hash, Same&& same) const {
        const std::uint32_t wanted = tag(hash);
        for (std::size_t i = hash & slot_mask_;; i = (i + 1) & slot_mask_) {
            const std::uint32_t slot = slots_[i];
            if (slot == 0 || ((slot & ~row_mask_) == wanted && same((slot & row_mask_) - 1)))
                return i;
        }
    }

    std::pmr::vector<std::uint32_t> slots_; // tag | row + 1; 0 is free
    std::size_t slot_mask_;
    std::uint32_t row_mask_;
    std::size_t room_;
    std::size_t used_ = 0;
};

// A set of ids, for rules that name rows.
class IdSet {
public:
    // `list` is an array of valid ids; duplicates do no harm.
    IdSet(const Value& list, const Runtime& runtime);
    bool contains(const Value& id) const;

private:
    HashKey key_;
    std::pmr::vector<Value> ids_;
    IdIndex index_;
};

} // namespace dashboard_diff
