#include "core/jsonb.h"

namespace dashboard_diff {

using namespace layout;

std::uint32_t Container::start_of(std::uint32_t i) const noexcept {
    std::uint32_t offset = 0;
    while (i > 0) {
        const std::uint32_t previous = entry(--i);
        offset += previous & length_mask;
        if ((previous & offset_flag) != 0)
            break;
    }
    return offset;
}

Value Container::child(std::uint32_t i) const noexcept {
    const std::uint32_t start = start_of(i);
    const std::uint32_t e = entry(i);
    return decode_entry(e, data(), start, entry_end(e, start));
}

Value root_value(const std::byte* payload, std::uint32_t length) noexcept {
    const Container root(payload);
    if (root.is_array() && root.is_scalar())
        return root.child(0);
    return {payload, length, root.is_object() ? Kind::object : Kind::array};
}

std::uint32_t find_key(const Container& object, std::string_view key) noexcept {
    Cursor keys = Cursor::keys(object);
    Value candidate;
    for (std::uint32_t i = 0; keys.next(candidate); ++i) {
        // Keys ascend in length: past the wanted one there is nothing to find.
        if (candidate.length > key.size())
            break;
        if (candidate.text() == key)
            return i;
    }
    return object.count();
}

Value find_member(const Value& object, std::string_view key) noexcept {
    const Container container(object.data);
    const std::uint32_t i = find_key(container, key);
    if (i == container.count())
        return {};
    return container.child(container.count() + i);
}

} // namespace dashboard_diff
