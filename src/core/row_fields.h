#pragma once

// The two fields that every row is asked for: its id, and the value that it is ranked by.

#include <cstdint>
#include <string_view>

#include "core/decimal.h"
#include "core/row_layout.h"
#include "core/snapshot.h"

namespace dashboard_diff {

class RowFields {
public:
    // The rank key of a row that has no number to be ranked by.
    static constexpr std::uint64_t unranked = UINT64_MAX;

    explicit RowFields(const RankingRule& rule) noexcept
        : id_field_(rule.id_field), rank_field_(rule.rank_by), ascending_(rule.ascending) {}

    // Turns to a row; false for what is not an object.
    bool enter(const std::byte* row) noexcept {
        if (row == row_)
            return true;
        if (layout_.matches(row)) {
            row_ = row;
            return true;
        }
        const Container object(row);
        if (!object.is_object())
            return false;
        row_ = row;
        layout_ = RowLayout(row);
        id_position_ = find_key(object, id_field_);
        rank_position_ = find_key(object, rank_field_);
        return true;
    }

    // What follows is of the row entered last.
    const RowLayout& layout() const noexcept { return layout_; }
    Value id() const noexcept { return layout_.value(row_, id_position_); }
    Value rank_value() const noexcept { return layout_.value(row_, rank_position_); }

    // Orders as the ranks do, best first. Rows of one key share a rank, unless the key is inexact:
    // then their values decide.
    std::uint64_t rank_key() const noexcept {
        const Value value = rank_value();
        if (!value.is(Kind::numeric))
            return unranked;
        const Decimal number(value);
        if (!number.finite())
            return unranked;
        const std::uint64_t key = order_key(number);
        return ascending_ ? key : ~key;
    }

    static bool is_exact(std::uint64_t rank_key, bool ascending) noexcept {
        return rank_key == unranked || ((rank_key & 1) == 0) == ascending;
    }

private:
    std::string_view id_field_;
    std::string_view rank_field_;
    bool ascending_;
    RowLayout layout_;
    const std::byte* row_ = nullptr;
    std::uint32_t id_position_ = 0;
    std::uint32_t rank_position_ = 0;
};

} // namespace dashboard_diff
