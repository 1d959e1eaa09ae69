#include "core/row_diff.h"

#include <algorithm>
#include <utility>

#include "core/decimal.h"
#include "core/jsonb_equal.h"

namespace dashboard_diff {

namespace {

// Whether a value starts at a 4-byte boundary.
bool aligned(std::uint32_t entry) noexcept {
    const std::uint32_t type = entry & layout::type_mask;
    return type == layout::type_numeric || type == layout::type_container;
}

// jsonb orders keys by length first; people and the contract by bytes.
void sort_by_field(std::pmr::vector<FieldChange>& changes, std::size_t first) {
    if (changes.size() - first > 1)
        std::sort(changes.begin() + static_cast<std::ptrdiff_t>(first), changes.end(),
                  [](const auto& a, const auto& b) { return a.field.text() < b.field.text(); });
}

} // namespace

void RowComparer::compare(const Value& id, const std::byte* before, const RowLayout& before_layout,
                          const std::byte* after, const RowLayout& after_layout) {
    if (before_layout.model() != before_model_ || after_layout.model() != after_model_) {
        before_model_ = before_layout.model();
        after_model_ = after_layout.model();
        same_keys_ = before_layout.matches(after_model_);
    }
    const std::size_t deltas = out_.row_value_deltas.size();
    const std::size_t changes = out_.row_changes.size();
    id_ = id;
    if (same_keys_)
        compare_same_keys(before_layout, before, after);
    else
        compare_by_key(before, after);
    sort_by_field(out_.row_value_deltas, deltas);
    sort_by_field(out_.row_changes, changes);
}

void RowComparer::compare_same_keys(const RowLayout& keys, const std::byte* before,
                                    const std::byte* after) {
    using namespace layout;
    const Container b(before);
    const Container a(after);
    const std::byte* const b_data = b.data();
    const std::byte* const a_data = a.data();
    const std::uint32_t count = keys.count();
    std::uint32_t b_start = keys.values_start();
    std::uint32_t a_start = b_start;
    for (std::uint32_t i = count; i < 2 * count; ++i) {
        const std::uint32_t b_entry = b.entry(i);
        const std::uint32_t a_entry = a.entry(i);
        const std::uint32_t b_end = entry_end(b_entry, b_start);
        const std::uint32_t a_end = entry_end(a_entry, a_start);
        // Most values are the same bytes, which the entries tell without decoding them.
        const std::uint32_t b_from = aligned(b_entry) ? align(b_start) : b_start;
        const std::uint32_t a_from = aligned(a_entry) ? align(a_start) : a_start;
        const bool same = ((b_entry ^ a_entry) & type_mask) == 0 &&
                          b_end - b_from == a_end - a_from &&
                          same_bytes(b_data + b_from, a_data + a_from, a_end - a_from);
        const std::uint32_t old_start = std::exchange(b_start, b_end);
        const std::uint32_t new_start = std::exchange(a_start, a_end);
        if (same)
            continue;
        const Value old_value = decode_entry(b_entry, b_data, old_start, b_end);
        const Value new_value = decode_entry(a_entry, a_data, new_start, a_end);
        if (!equal_values(old_value, new_value, runtime_))
            note(b.child(i - count).text(), old_value, new_value);
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
    const bool numbers = is_number(before) && is_number(after);
    (numbers ? out_.row_value_deltas : out_.row_changes)
        .push_back({id_, Value::of_text(field), before, after});
}

} // namespace dashboard_diff
