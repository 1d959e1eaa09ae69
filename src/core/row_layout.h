#pragma once

// Rows of one source nearly always have the same keys. Their key words and key bytes are then
// byte-identical, which two comparisons tell: no key needs to be looked up again.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/jsonb.h"

namespace dashboard_diff {

// The keys of a row, remembered to recognise them in the next one.
class RowLayout {
public:
    RowLayout() noexcept = default;
    explicit RowLayout(const std::byte* row) noexcept
        : model_(row),
          count_(Container(row).count()),
          key_bytes_(Container(row).start_of(count_)) {}

    bool matches(const std::byte* row) const noexcept {
        // The header first: a shorter row may end before the model's key words do.
        if (model_ == nullptr || layout::load_word(row) != layout::load_word(model_))
            return false;
        if (std::memcmp(row, model_, key_words()) != 0)
            return false;
        return std::memcmp(row + keys_at(), model_ + keys_at(), key_bytes_) == 0;
    }

    std::uint32_t count() const noexcept { return count_; }
    // Where the values start, relative to the container's data.
    std::uint32_t values_start() const noexcept { return key_bytes_; }

private:
    std::size_t key_words() const noexcept { return 4 + std::size_t{4} * count_; }
    std::size_t keys_at() const noexcept { return 4 + std::size_t{8} * count_; }

    const std::byte* model_ = nullptr;
    std::uint32_t count_ = 0;
    std::uint32_t key_bytes_ = 0;
};

// Finds one field in row after row.
class FieldLocator {
public:
    explicit FieldLocator(std::string_view field) noexcept : field_(field) {}

    // The field's value, absent where the row lacks it.
    Value locate(const std::byte* row) noexcept {
        if (!layout_.matches(row)) {
            layout_ = RowLayout(row);
            position_ = find_key(Container(row), field_);
        }
        const std::uint32_t count = layout_.count();
        if (position_ == count)
            return {};
        const Container object(row);
        std::uint32_t start = layout_.values_start();
        for (std::uint32_t i = count; i < count + position_; ++i)
            start = layout::entry_end(object.entry(i), start);
        const std::uint32_t entry = object.entry(count + position_);
        return decode_entry(entry, object.data(), start, layout::entry_end(entry, start));
    }

private:
    std::string_view field_;
    RowLayout layout_;
    std::uint32_t position_ = 0;
};

} // namespace dashboard_diff
