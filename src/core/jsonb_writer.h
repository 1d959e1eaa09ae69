#pragma once

// Writes binary jsonb front to back into one growing buffer. The number of children of every
// container must be known when it is begun, so that its JEntry words can be reserved.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <string_view>
#include <vector>

#include "core/jsonb.h"
#include "core/runtime.h"

namespace dashboard_diff {

// A finished datum: the first 4 bytes are left for the varlena header, which the host sets.
// The memory belongs to the memory resource that the writer was given.
struct JsonbDatum {
    std::byte* data;
    std::size_t size;
    std::size_t capacity;

    const std::byte* payload() const noexcept { return data + 4; }
    std::uint32_t payload_size() const noexcept { return static_cast<std::uint32_t>(size - 4); }
    Value root() const noexcept { return root_value(payload(), payload_size()); }
    void release(std::pmr::memory_resource* memory) { memory->deallocate(data, capacity, 8); }
};

// The keys of an object that is written again and again, laid out once and for all.
class ObjectKeys {
public:
    // In jsonb's key order (see compare_keys) and unique.
    template <typename... Keys>
    consteval explicit ObjectKeys(const Keys&... keys) : count_(sizeof...(Keys)) {
        static_assert(sizeof...(Keys) <= max_keys);
        words_[0] = layout::object_flag | count_;
        std::string_view previous;
        std::uint32_t i = 0;
        (append(std::string_view(keys), previous, ++i), ...);
    }

    std::uint32_t count() const noexcept { return count_; }
    const std::uint32_t* words() const noexcept { return words_.data(); } // header and key words
    std::string_view text() const noexcept { return {text_.data(), size_}; }

private:
    static constexpr std::uint32_t max_keys = 16; // only the first word holds an offset
    static_assert(max_keys <= layout::offset_stride);

    consteval void append(std::string_view key, std::string_view& previous, std::uint32_t i) {
        if (i > 1 &&
            (previous.size() > key.size() || (previous.size() == key.size() && previous >= key)))
            throw "keys are not in jsonb's order";
        previous = key;
        words_[i] = static_cast<std::uint32_t>(key.size()) | (i == 1 ? layout::offset_flag : 0);
        for (const char c : key)
            text_[size_++] = c;
    }

    std::array<std::uint32_t, 1 + max_keys> words_{};
    std::array<char, 256> text_{};
    std::uint32_t count_;
    std::uint32_t size_ = 0;
};

class JsonbWriter {
public:
    explicit JsonbWriter(const Runtime& runtime, std::size_t expected_size = 1024);
    ~JsonbWriter();
    JsonbWriter(const JsonbWriter&) = delete;
    JsonbWriter& operator=(const JsonbWriter&) = delete;

    void begin_array(std::size_t count);
    // `keys` must be in jsonb's key order (see compare_keys) and unique; their values follow in
    // that order.
    void begin_object(std::span<const std::string_view> keys);
    void begin_object(const ObjectKeys& keys);
    void end();

    void string(std::string_view text);
    void integer(std::int64_t number);
    void boolean(bool value);
    void null();
    void value(const Value& value); // copied as it stands; absent becomes null

    // Hands over the buffer. Exactly one value must have been written: a container that was begun
    // and ended, or any other.
    JsonbDatum finish();

private:
    struct Frame {
        std::size_t entries;      // where the JEntry words stand
        std::size_t data;         // where the children's bytes start
        std::uint32_t next_entry; // the child that is written next
        std::uint32_t entry_count;
        std::uint32_t previous_end; // end offset of the child before it
    };

    void begin_container(std::uint32_t header, std::uint32_t entry_count);
    void close_child(std::uint32_t type);
    void wrap_scalar(std::uint32_t type);
    void align();
    std::byte* extend(std::size_t bytes);
    void grow(std::size_t needed);

    std::pmr::memory_resource* memory_;
    std::byte* buffer_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
    std::pmr::vector<Frame> frames_;
};

} // namespace dashboard_diff
