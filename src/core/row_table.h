#pragma once

// The rows of one source, by place and by id.

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "core/decimal.h"
#include "core/id_index.h"
#include "core/row_layout.h"
#include "core/snapshot.h"

namespace dashboard_diff {

class RowTable {
public:
    static constexpr std::uint32_t none = IdIndex::none;

    // Finds where each row stands; throws invalid_parameter for one that is not an object.
    RowTable(const RowSource& source, const Runtime& runtime);

    std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(ends_.size()); }
    const RowSource& source() const noexcept { return source_; }

    const std::byte* row(std::uint32_t i) const noexcept { return data_ + start(i); }
    std::uint32_t length(std::uint32_t i) const noexcept { return ends_[i] - start(i); }

    // The id of row i; throws invalid_parameter where it is missing or of another type.
    Value id(std::uint32_t i) {
        const Value value = id_locator_.locate(row(i));
        if (!value.is(Kind::string) && !is_number(value))
            throw_bad_id(i, value);
        return value;
    }

    // Adds every row to the index; throws invalid_parameter for a duplicate id.
    void index();
    // Adds one row of which `find` has just found no other with this id.
    void insert(std::uint32_t i, std::uint32_t hash) { index_.insert(hash, i); }
    std::uint32_t find(const Value& id, std::uint32_t hash);

    std::uint32_t hash(const Value& id) const noexcept { return hash_id(id, runtime_.hash_seed); }
    [[noreturn]] void throw_duplicate(std::uint32_t i, std::uint32_t first);

private:
    std::uint32_t start(std::uint32_t i) const noexcept {
        return i == 0 ? 0 : layout::align(ends_[i - 1]);
    }
    [[noreturn]] void throw_bad_id(std::uint32_t i, const Value& value) const;

    RowSource source_;
    const Runtime& runtime_;
    const std::byte* data_;
    std::pmr::vector<std::uint32_t> ends_; // end offset of each row
    FieldLocator id_locator_;
    IdIndex index_;
};

} // namespace dashboard_diff
