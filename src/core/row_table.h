#pragma once

// The rows of one source, by place and by id.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <vector>

#include "core/id_index.h"
#include "core/read_ahead.h"
#include "core/row_fields.h"
#include "core/snapshot.h"

namespace dashboard_diff {

// Stands at one row of an array and moves on.
class RowCursor {
public:
    RowCursor(const Container& array, std::uint32_t place) noexcept
        : array_(array), data_(array.data()) {
        seek(place);
    }

    void seek(std::uint32_t place) noexcept {
        place_ = place;
        enter(array_.start_of(place));
    }
    void advance() noexcept {
        ++place_;
        enter(end_);
    }

    // Starts loading the row, or as much of it as it takes to make the rest follow.
    void prefetch() const noexcept {
        for (std::uint32_t at = 0; at < std::min(length(), 512U); at += 64)
            __builtin_prefetch(row() + at);
    }

    std::uint32_t place() const noexcept { return place_; }
    bool at_end() const noexcept { return place_ == array_.count(); }
    // Not of the row past the last one:
    bool is_container() const noexcept {
        return (entry_ & layout::type_mask) == layout::type_container;
    }
    const std::byte* row() const noexcept { return data_ + start_; }
    std::uint32_t length() const noexcept { return end_ - start_; }

private:
    void enter(std::uint32_t start) noexcept {
        if (at_end())
            return;
        entry_ = array_.entry(place_);
        start_ = layout::align(start);
        end_ = layout::entry_end(entry_, start);
    }

    Container array_;
    const std::byte* data_;
    std::uint32_t place_ = 0;
    std::uint32_t entry_ = 0;
    std::uint32_t start_ = 0;
    std::uint32_t end_ = 0;
};

// Nothing is read before it is asked for: a row must be indexed, or else known to be valid, before
// its id is.
class RowTable {
public:
    static constexpr std::uint32_t none = IdIndex::none;

    RowTable(const RowSource& source, const Runtime& runtime);

    std::uint32_t size() const noexcept { return array_.count(); }
    const RowSource& source() const noexcept { return source_; }
    bool ranks_by_place() const noexcept { return !source_.ranking.has_rank_by; }

    RowCursor cursor(std::uint32_t place = 0) const noexcept { return {array_, place}; }
    const std::byte* row(std::uint32_t place) const noexcept { return cursor(place).row(); }
    Value id(std::uint32_t place) noexcept { return id_of(row(place)); }
    Value id_of(const std::byte* row) noexcept {
        fields_.enter(row);
        return fields_.id();
    }
    const RowLayout& layout_of(const std::byte* row) noexcept {
        fields_.enter(row);
        return fields_.layout();
    }

    // Adds rows to the index up to place `end`. Throws invalid_parameter for the first one that is
    // not an object, has no id, or one that an earlier row has.
    void index_to(std::uint32_t end) { index_to(end, nullptr); }
    // The same, and `beside` is about to be read at the same pace.
    void index_to(std::uint32_t end, const std::byte* beside);
    void index() { index_to(size()); }
    std::uint32_t indexed() const noexcept { return next_.place(); }

    // Among the rows that are indexed.
    std::uint32_t find(const Value& id, std::uint64_t hash) {
        return index_.find(hash, [&](std::uint32_t i) { return equal_ids(this->id(i), id); });
    }
    std::uint64_t hash(const Value& id) const noexcept { return hash_id(id, key_); }

    // For who will look up several ids: starts loading what `candidate` needs, then finds the row
    // that most likely has this id.
    void prefetch(std::uint64_t hash) const noexcept { index_.prefetch(hash); }
    std::optional<RowCursor> candidate(std::uint64_t hash) const noexcept {
        const std::uint32_t place = index_.find(hash, [](std::uint32_t) { return true; });
        return place == none ? std::nullopt : std::optional(cursor(place));
    }

    // Has index_to fill in the rank keys of rows as well (see RowFields).
    void collect_rank_keys() { rank_keys_.resize(size()); }
    std::pmr::vector<std::uint64_t>& rank_keys() noexcept { return rank_keys_; }
    const std::pmr::vector<std::uint64_t>& rank_keys() const noexcept { return rank_keys_; }

private:
    // Whether the next row is an object with an id, which fields_ then stands at.
    bool enter_next() noexcept {
        return next_.is_container() && fields_.enter(next_.row()) && is_id(fields_.id());
    }
    [[noreturn]] void throw_bad_row() const;
    [[noreturn]] void throw_duplicate(std::uint32_t place, std::uint32_t first,
                                      const Value& id) const;

    RowSource source_;
    const Runtime& runtime_;
    Container array_;
    HashKey key_;
    RowFields fields_;
    RowCursor next_; // the first row that is not indexed
    ReadAhead ahead_;
    ReadAhead ahead_beside_;
    IdIndex index_;
    std::pmr::vector<std::uint64_t> rank_keys_;
};

} // namespace dashboard_diff
