#include "core/jsonb_writer.h"

#include <algorithm>
#include <cassert>
#include <type_traits>
#include <utility>

#include "core/error.h"
#include "core/number.h"

namespace dashboard_diff {

using namespace layout;

namespace {

constexpr std::size_t header_size = 4;

void store_word(std::byte* at, std::uint32_t word) noexcept {
    std::memcpy(at, &word, sizeof word);
}

// Most values are a few bytes, for which a call costs more than the copy. No byte is read twice:
// a number may have been stored piece by piece just before.
inline void copy_bytes(std::byte* to, const std::byte* from, std::size_t size) noexcept {
    if (size >= 16) {
        std::memcpy(to, from, size);
        return;
    }
    const auto copy = [&]<std::size_t piece>(std::integral_constant<std::size_t, piece>) {
        if ((size & piece) == 0)
            return;
        std::memcpy(to, from, piece);
        to += piece;
        from += piece;
    };
    copy(std::integral_constant<std::size_t, 8>{});
    copy(std::integral_constant<std::size_t, 4>{});
    copy(std::integral_constant<std::size_t, 2>{});
    copy(std::integral_constant<std::size_t, 1>{});
}

[[noreturn]] void throw_too_large() {
    throw Error(ErrorCode::limit_exceeded, "result exceeds the maximum size of jsonb",
                "A jsonb array or object holds at most 268435455 bytes.");
}

} // namespace

JsonbWriter::JsonbWriter(const Runtime& runtime, std::size_t expected_size)
    : memory_(runtime.memory), frames_(runtime.memory) {
    grow(std::max<std::size_t>(expected_size, 64));
    size_ = header_size;
}

JsonbWriter::~JsonbWriter() {
    if (buffer_ != nullptr)
        memory_->deallocate(buffer_, capacity_, 8);
}

void JsonbWriter::grow(std::size_t needed) {
    const std::size_t capacity = std::max(needed, 2 * capacity_);
    auto* larger = static_cast<std::byte*>(memory_->allocate(capacity, 8));
    if (buffer_ != nullptr) {
        std::memcpy(larger, buffer_, size_);
        memory_->deallocate(buffer_, capacity_, 8);
    }
    buffer_ = larger;
    capacity_ = capacity;
}

std::byte* JsonbWriter::extend(std::size_t bytes) {
    if (size_ + bytes > capacity_) {
        if (size_ + bytes > std::size_t{2} * length_mask)
            throw_too_large();
        grow(size_ + bytes);
    }
    std::byte* at = buffer_ + size_;
    size_ += bytes;
    return at;
}

void JsonbWriter::align() {
    if (const std::size_t padding = -size_ % 4; padding != 0)
        std::memset(extend(padding), 0, padding);
}

void JsonbWriter::begin_container(std::uint32_t header, std::uint32_t entry_count) {
    align();
    store_word(extend(4), header);
    const std::size_t entries = size_;
    extend(std::size_t{4} * entry_count);
    frames_.push_back({entries, size_, 0, entry_count, 0});
}

void JsonbWriter::begin_array(std::size_t count) {
    if (count > count_mask)
        throw_too_large();
    begin_container(static_cast<std::uint32_t>(count) | array_flag,
                    static_cast<std::uint32_t>(count));
}

void JsonbWriter::begin_object(std::span<const std::string_view> keys) {
    assert(std::is_sorted(keys.begin(), keys.end(), [](std::string_view a, std::string_view b) {
        return compare_keys(a, b) < 0;
    }));
    if (keys.size() > count_mask / 2)
        throw_too_large();
    const auto count = static_cast<std::uint32_t>(keys.size());
    begin_container(count | object_flag, 2 * count);
    for (const std::string_view key : keys) {
        std::memcpy(extend(key.size()), key.data(), key.size());
        close_child(type_string);
    }
}

void JsonbWriter::begin_object(const ObjectKeys& keys) {
    align();
    const std::uint32_t count = keys.count();
    const std::size_t words = 4 + std::size_t{4} * count;
    const std::string_view text = keys.text();
    std::byte* const at = extend(words + std::size_t{4} * count + text.size());
    std::memcpy(at, keys.words(), words);
    std::memcpy(at + words + std::size_t{4} * count, text.data(), text.size());
    const auto text_size = static_cast<std::uint32_t>(text.size());
    const std::size_t data = size_ - text_size;
    frames_.push_back({data - std::size_t{8} * count, data, count, 2 * count, text_size});
}

void JsonbWriter::close_child(std::uint32_t type) {
    if (frames_.empty()) {
        if (type != type_container)
            wrap_scalar(type);
        return;
    }
    Frame& frame = frames_.back();
    assert(frame.next_entry < frame.entry_count);
    const std::size_t end = size_ - frame.data;
    if (end > length_mask)
        throw_too_large();
    const auto stop = static_cast<std::uint32_t>(end);
    const std::uint32_t field =
        frame.next_entry % offset_stride == 0 ? stop | offset_flag : stop - frame.previous_end;
    store_word(buffer_ + frame.entries + std::size_t{4} * frame.next_entry, type | field);
    ++frame.next_entry;
    frame.previous_end = stop;
}

// A document that is no container is stored as an array of one element, with a flag.
void JsonbWriter::wrap_scalar(std::uint32_t type) {
    const std::size_t length = size_ - header_size;
    if (length > length_mask)
        throw_too_large();
    extend(8);
    std::byte* const at = buffer_ + header_size;
    std::memmove(at + 8, at, length);
    store_word(at, 1 | array_flag | scalar_flag);
    store_word(at + 4, type | offset_flag | static_cast<std::uint32_t>(length));
}

void JsonbWriter::end() {
    assert(frames_.back().next_entry == frames_.back().entry_count);
    frames_.pop_back();
    close_child(type_container);
}

void JsonbWriter::string(std::string_view text) {
    if (!text.empty())
        copy_bytes(extend(text.size()), reinterpret_cast<const std::byte*>(text.data()),
                   text.size());
    close_child(type_string);
}

void JsonbWriter::integer(std::int64_t number) {
    Number n(memory_);
    assign(n, number);
    value(n.value());
}

void JsonbWriter::boolean(bool value) {
    close_child(value ? type_true : type_false);
}

void JsonbWriter::null() {
    close_child(type_null);
}

void JsonbWriter::value(const Value& value) {
    switch (value.kind) {
    case Kind::absent:
    case Kind::null:
        null();
        return;
    case Kind::string:
        string(value.text());
        return;
    case Kind::boolean_false:
    case Kind::boolean_true:
        boolean(value.is(Kind::boolean_true));
        return;
    case Kind::numeric:
    case Kind::array:
    case Kind::object:
        // Numbers and containers are laid out relative to a 4-byte boundary: a copy stays valid.
        align();
        copy_bytes(extend(value.length), value.data, value.length);
        close_child(value.is(Kind::numeric) ? type_numeric : type_container);
        return;
    }
}

JsonbDatum JsonbWriter::finish() {
    assert(frames_.empty());
    return {std::exchange(buffer_, nullptr), size_, capacity_};
}

} // namespace dashboard_diff
