#include "core/row_diff.h"

#include <algorithm>

#include "core/decimal.h"
#include "core/jsonb_equal.h"

namespace dashboard_diff {

void RowComparer::compare(const Value& id, const std::byte* before, const std::byte* after) {
    changed_.clear();
    if (!layout_.matches(before))
        layout_ = RowLayout(before);
    if (layout_.matches(after))
        compare_same_keys(before, after);
    else
        compare_by_key(before, after);

    // jsonb orders keys by length first; people and the contract by bytes.
    if (changed_.size() > 1)
        std::sort(changed_.begin(), changed_.end(),
                  [](const auto& a, const auto& b) { return a.field.text() < b.field.text(); });
    for (FieldChange& change : changed_) {
        change.id = id;
        const bool numbers = is_number(change.before) && is_number(change.after);
        (numbers ? out_.row_value_deltas : out_.row_changes).push_back(change);
    }
}

void RowComparer::compare_same_keys(const std::byte* before, const std::byte* after) {
    using namespace layout;
    const Container b(before);
    const Container a(after);
    const std::uint32_t count = layout_.count();
    std::uint32_t b_start = layout_.values_start();
    std::uint32_t a_start = b_start;
    for (std::uint32_t i = count; i < 2 * count; ++i) {
        const std::uint32_t b_entry = b.entry(i);
        const std::uint32_t a_entry = a.entry(i);
        const std::uint32_t b_end = entry_end(b_entry, b_start);
        const std::uint32_t a_end = entry_end(a_entry, a_start);
        const Value old_value = decode_entry(b_entry, b.data(), b_start, b_end);
        const Value new_value = decode_entry(a_entry, a.data(), a_start, a_end);
        const bool same_bytes =
            old_value.kind == new_value.kind && old_value.length == new_value.length &&
            (old_value.length == 0 ||
             std::memcmp(old_value.data, new_value.data, old_value.length) == 0);
        if (!same_bytes && !equal_values(old_value, new_value, runtime_)) {
            const Value key = b.child(i - count);
            note(key.text(), old_value, new_value);
        }
        b_start = b_end;
        a_start = a_end;
    }
}

void RowComparer::compare_by_key(const std::byte* before, const std::byte* after) {
    MemberPairCursor members{Container(before), Container(after)};
    std::string_view key;
    Value old_value;
    Value new_value;
    while (members.next(key, old_value, new_value))
        if (!equal_values(old_value, new_value, runtime_))
            note(key, old_value, new_value);
}

void RowComparer::note(std::string_view field, const Value& before, const Value& after) {
    changed_.push_back({{}, Value::of_text(field), before, after});
}

} // namespace dashboard_diff
