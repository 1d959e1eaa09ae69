#pragma once

// The fields of one row, before against after.

#include "core/diff.h"
#include "core/row_layout.h"
#include "core/runtime.h"

namespace dashboard_diff {

class RowComparer {
public:
    RowComparer(SourceDiff& out, const Runtime& runtime)
        : out_(out), runtime_(runtime), changed_(runtime.memory) {}

    // Appends the changed fields of a row that is on both sides, in C order of their names.
    void compare(const Value& id, const std::byte* before, const std::byte* after);

private:
    void compare_same_keys(const std::byte* before, const std::byte* after);
    void compare_by_key(const std::byte* before, const std::byte* after);
    void note(std::string_view field, const Value& before, const Value& after);

    SourceDiff& out_;
    const Runtime& runtime_;
    RowLayout layout_;
    std::pmr::vector<FieldChange> changed_;
};

} // namespace dashboard_diff
