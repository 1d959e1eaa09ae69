#include "core/json_text_size.h"

#include <algorithm>
#include <vector>

#include "core/decimal.h"

namespace dashboard_diff {

namespace {

// As escape_json() writes it: two bytes for the short escapes, six for other control characters.
std::size_t string_size(std::string_view text) {
    std::size_t size = 2 + text.size();
    for (const char c : text)
        if (c == '"' || c == '\\' || c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t')
            size += 1;
        else if (static_cast<unsigned char>(c) < 0x20)
            size += 5;
    return size;
}

std::size_t number_size(const Decimal& d) {
    const std::size_t whole = 4 * static_cast<std::size_t>(std::max(d.whole_groups(), 1));
    return whole + 2 + static_cast<std::size_t>(d.scale()); // an upper bound
}

} // namespace

std::size_t json_text_size(const Value& root, const Runtime& runtime) {
    std::size_t size = 0;
    std::pmr::vector<Cursor> open(runtime.memory);
    Ticker ticker(runtime);
    const auto add = [&](const Value& value) {
        switch (value.kind) {
        case Kind::string:
            size += string_size(value.text());
            break;
        case Kind::numeric:
            size += number_size(Decimal(value));
            break;
        case Kind::array:
        case Kind::object: {
            const Container container(value.data);
            size += 2;
            if (container.is_object()) {
                Cursor keys = Cursor::keys(container);
                for (Value key; keys.next(key);)
                    size += string_size(key.text()) + 2; // ": "
                open.push_back(Cursor::values(container));
            } else {
                open.push_back(Cursor::elements(container));
            }
            break;
        }
        default:
            size += 5;
        }
    };
    add(root);
    while (!open.empty()) {
        ticker.tick();
        Value value;
        if (open.back().next(value)) {
            size += 2; // ", "
            add(value);
        } else {
            open.pop_back();
        }
    }
    return size;
}

} // namespace dashboard_diff
