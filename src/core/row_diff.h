#pragma once

// The fields of one row, before against after.

#include "core/diff.h"
#include "core/row_layout.h"
#include "core/runtime.h"

namespace dashboard_diff {

class RowComparer {
public:
    RowComparer(SourceDiff& out, const Runtime& runtime) : out_(out), runtime_(runtime) {}

    // Appends the changed fields of a row that is on both sides, in C order of their names.
    void compare(const Value& id, const std::byte* before, const RowLayout& before_layout,
                 const std::byte* after, const RowLayout& after_layout);

private:
    void compare_same_keys(const RowLayout& keys, const std::byte* before, const std::byte* after);
    void compare_by_key(const std::byte* before, const std::byte* after);
    void note(std::string_view field, const Value& before, const Value& after);

    SourceDiff& out_;
    const Runtime& runtime_;
    // Of the pair of layouts that came last.
    const std::byte* before_model_ = nullptr;
    const std::byte* after_model_ = nullptr;
    bool same_keys_ = false;
    Value id_; // of the row that is compared
};

} // namespace dashboard_diff
