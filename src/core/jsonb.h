#pragma once

// Reading PostgreSQL's binary jsonb in place. The format is that of utils/jsonb.h: a container is
// a header word, one JEntry word for each child, then the children's bytes; an object's children
// are its keys (sorted by length, then bytes) followed by its values in the same order.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace dashboard_diff {

enum class Kind : std::uint8_t {
    absent, // no such value: distinct from JSON null
    null,
    string,
    numeric,
    boolean_false,
    boolean_true,
    array,
    object,
};

// A value as it stands in a jsonb document that must outlive it.
struct Value {
    const std::byte* data = nullptr; // string: its bytes; numeric: its varlena; else the container
    std::uint32_t length = 0;        // bytes at `data`
    Kind kind = Kind::absent;

    bool is(Kind k) const noexcept { return kind == k; }
    bool present() const noexcept { return kind != Kind::absent; }
    bool is_container() const noexcept { return kind >= Kind::array; }
    bool is_boolean() const noexcept {
        return kind == Kind::boolean_false || kind == Kind::boolean_true;
    }
    std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data), length}; }

    static Value of_text(std::string_view text) noexcept {
        return {reinterpret_cast<const std::byte*>(text.data()),
                static_cast<std::uint32_t>(text.size()), Kind::string};
    }
};

namespace layout {

inline constexpr std::uint32_t count_mask = 0x0FFFFFFF;
inline constexpr std::uint32_t scalar_flag = 0x10000000;
inline constexpr std::uint32_t object_flag = 0x20000000;
inline constexpr std::uint32_t array_flag = 0x40000000;

inline constexpr std::uint32_t length_mask = 0x0FFFFFFF;
inline constexpr std::uint32_t type_mask = 0x70000000;
inline constexpr std::uint32_t offset_flag = 0x80000000; // the length field is an end offset
inline constexpr std::uint32_t offset_stride = 32;       // how often a writer sets offset_flag

inline constexpr std::uint32_t type_string = 0x00000000;
inline constexpr std::uint32_t type_numeric = 0x10000000;
inline constexpr std::uint32_t type_false = 0x20000000;
inline constexpr std::uint32_t type_true = 0x30000000;
inline constexpr std::uint32_t type_null = 0x40000000;
inline constexpr std::uint32_t type_container = 0x50000000;

inline std::uint32_t load_word(const std::byte* at) noexcept {
    std::uint32_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

inline std::uint32_t align(std::uint32_t offset) noexcept {
    return (offset + 3) & ~3U;
}

inline std::uint32_t entry_end(std::uint32_t entry, std::uint32_t start) noexcept {
    const std::uint32_t field = entry & length_mask;
    return (entry & offset_flag) != 0 ? field : start + field;
}

} // namespace layout

// A container's header, decoded.
class Container {
public:
    explicit Container(const std::byte* header) noexcept
        : base_(header), header_(layout::load_word(header)) {}

    const std::byte* base() const noexcept { return base_; }
    std::uint32_t count() const noexcept { return header_ & layout::count_mask; }
    bool is_object() const noexcept { return (header_ & layout::object_flag) != 0; }
    bool is_array() const noexcept { return (header_ & layout::array_flag) != 0; }
    bool is_scalar() const noexcept { return (header_ & layout::scalar_flag) != 0; }

    std::uint32_t entry_count() const noexcept { return is_object() ? 2 * count() : count(); }
    std::uint32_t entry(std::uint32_t i) const noexcept {
        return layout::load_word(base_ + 4 + std::size_t{4} * i);
    }
    // The children's bytes, to which entry offsets are relative.
    const std::byte* data() const noexcept { return base_ + 4 + std::size_t{4} * entry_count(); }

    // Where child i starts: walks back to the nearest entry that holds an offset.
    std::uint32_t start_of(std::uint32_t i) const noexcept;
    Value child(std::uint32_t i) const noexcept;

private:
    const std::byte* base_;
    std::uint32_t header_;
};

// The value of the entry that covers data[start, end).
inline Value decode_entry(std::uint32_t entry, const std::byte* data, std::uint32_t start,
                          std::uint32_t end) noexcept {
    switch (entry & layout::type_mask) {
    case layout::type_string:
        return {data + start, end - start, Kind::string};
    case layout::type_numeric:
        start = layout::align(start);
        return {data + start, end - start, Kind::numeric};
    case layout::type_false:
        return {nullptr, 0, Kind::boolean_false};
    case layout::type_true:
        return {nullptr, 0, Kind::boolean_true};
    case layout::type_null:
        return {nullptr, 0, Kind::null};
    default:
        start = layout::align(start);
        return {data + start, end - start,
                Container(data + start).is_object() ? Kind::object : Kind::array};
    }
}

// Walks the children of an array, or one half (keys or values) of an object, first to last.
class Cursor {
public:
    static Cursor elements(const Container& array) noexcept {
        return Cursor(array, 0, array.count(), 0);
    }
    static Cursor keys(const Container& object) noexcept {
        return Cursor(object, 0, object.count(), 0);
    }
    static Cursor values(const Container& object) noexcept {
        return Cursor(object, object.count(), 2 * object.count(), object.start_of(object.count()));
    }

    bool next(Value& out) noexcept {
        if (index_ == end_)
            return false;
        const std::uint32_t entry = container_.entry(index_++);
        const std::uint32_t stop = layout::entry_end(entry, offset_);
        out = decode_entry(entry, data_, offset_, stop);
        offset_ = stop;
        return true;
    }

private:
    Cursor(const Container& container, std::uint32_t first, std::uint32_t end,
           std::uint32_t offset) noexcept
        : container_(container),
          data_(container.data()),
          index_(first),
          end_(end),
          offset_(offset) {}

    Container container_;
    const std::byte* data_;
    std::uint32_t index_;
    std::uint32_t end_;
    std::uint32_t offset_;
};

// Walks an object's members in jsonb's key order.
class MemberCursor {
public:
    explicit MemberCursor(const Container& object) noexcept
        : keys_(Cursor::keys(object)), values_(Cursor::values(object)) {}

    bool next(std::string_view& key, Value& value) noexcept {
        Value key_value;
        if (!keys_.next(key_value))
            return false;
        key = key_value.text();
        return values_.next(value);
    }

private:
    Cursor keys_;
    Cursor values_;
};

// jsonb's own key order: shorter first, then bytewise.
inline int compare_keys(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size())
        return a.size() < b.size() ? -1 : 1;
    return std::memcmp(a.data(), b.data(), a.size());
}

// Walks the members of two objects side by side, in jsonb's key order. Where only one has a key,
// the value of the other is absent.
class MemberPairCursor {
public:
    MemberPairCursor(const Container& left, const Container& right) noexcept
        : left_(left), right_(right) {
        left_.step();
        right_.step();
    }

    bool next(std::string_view& key, Value& left, Value& right) noexcept {
        if (!left_.open && !right_.open)
            return false;
        const int order = !left_.open ? 1 : !right_.open ? -1 : compare_keys(left_.key, right_.key);
        key = order <= 0 ? left_.key : right_.key;
        left = order <= 0 ? left_.value : Value{};
        right = order >= 0 ? right_.value : Value{};
        if (order <= 0)
            left_.step();
        if (order >= 0)
            right_.step();
        return true;
    }

private:
    struct Side {
        explicit Side(const Container& object) noexcept : members(object) {}
        void step() noexcept { open = members.next(key, value); }

        MemberCursor members;
        std::string_view key;
        Value value;
        bool open = false;
    };

    Side left_;
    Side right_;
};

// The document behind a jsonb datum's payload (the bytes after its varlena header).
Value root_value(const std::byte* payload, std::uint32_t length) noexcept;

// The place of `key` among the object's keys, or its count where it is missing.
std::uint32_t find_key(const Container& object, std::string_view key) noexcept;

// The member `key` of an object, absent where it is missing.
Value find_member(const Value& object, std::string_view key) noexcept;

} // namespace dashboard_diff
