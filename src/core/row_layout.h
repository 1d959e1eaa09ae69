#pragma once

// Rows of one source nearly always have the same keys. Their key words and key bytes are then
// byte-identical, which two comparisons tell: no key needs to be looked up again.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/jsonb.h"

namespace dashboard_diff {

// Whether two short stretches are the same bytes: they mostly are, so that looking at all of them
// without a branch costs less than a call that stops at the first difference.
inline bool same_bytes(const std::byte* a, const std::byte* b, std::size_t size) noexcept {
    using Lanes [[gnu::vector_size(16)]] = std::uint64_t;
    if (size < sizeof(Lanes)) {
        std::uint64_t seen = 0;
        const auto look = [&]<typename Word>(Word x) {
            if ((size & sizeof x) == 0)
                return;
            Word y;
            std::memcpy(&x, a, sizeof x);
            std::memcpy(&y, b, sizeof y);
            seen |= static_cast<std::uint64_t>(x ^ y);
            a += sizeof x;
            b += sizeof y;
        };
        look(std::uint64_t{});
        look(std::uint32_t{});
        look(std::uint16_t{});
        look(std::uint8_t{});
        return seen == 0;
    }
    const auto difference = [&](std::size_t at) {
        Lanes x;
        Lanes y;
        std::memcpy(&x, a + at, sizeof x);
        std::memcpy(&y, b + at, sizeof y);
        return x ^ y;
    };
    Lanes seen = difference(size - sizeof(Lanes));
    for (std::size_t at = 0; at + sizeof(Lanes) < size; at += sizeof(Lanes))
        seen |= difference(at);
    return (seen[0] | seen[1]) == 0;
}

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
        return same_bytes(row, model_, key_words()) &&
               same_bytes(row + keys_at(), model_ + keys_at(), key_bytes_);
    }

    // A row that the layout was taken from; null where there is none.
    const std::byte* model() const noexcept { return model_; }
    std::uint32_t count() const noexcept { return count_; }
    // Where the values start, relative to the container's data.
    std::uint32_t values_start() const noexcept { return key_bytes_; }

    // The value of the key at `position` of a row that matches; absent when that is past the last.
    Value value(const std::byte* row, std::uint32_t position) const noexcept {
        if (position == count_)
            return {};
        const std::byte* const entries = row + key_words();
        std::uint32_t start = key_bytes_;
        for (std::uint32_t i = 0; i < position; ++i)
            start = layout::entry_end(layout::load_word(entries + std::size_t{4} * i), start);
        const std::uint32_t entry = layout::load_word(entries + std::size_t{4} * position);
        return decode_entry(entry, row + keys_at(), start, layout::entry_end(entry, start));
    }

private:
    std::size_t key_words() const noexcept { return 4 + std::size_t{4} * count_; }
    std::size_t keys_at() const noexcept { return 4 + std::size_t{8} * count_; }

    const std::byte* model_ = nullptr;
    std::uint32_t count_ = 0;
    std::uint32_t key_bytes_ = 0;
};

} // namespace dashboard_diff
