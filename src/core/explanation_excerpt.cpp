#include "core/explanation_excerpt.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "core/json_text_size.h"
#include "core/operators.h"
#include "core/threshold.h"

namespace dashboard_diff {

namespace {

// Copies an explanation with every list of rows and ids cut to `limit` entries.
void copy_cut(JsonbWriter& writer, const Value& value, bool cut, std::size_t limit, int depth,
              const Runtime& runtime) {
    constexpr int deepest = 2 * Threshold::max_levels + 8; // no explanation is deeper
    if (!value.is_container() || depth > deepest) {
        writer.value(value);
        return;
    }
    const Container container(value.data);
    if (container.is_array()) {
        const std::size_t count =
            cut ? std::min<std::size_t>(container.count(), limit) : container.count();
        writer.begin_array(count);
        Cursor elements = Cursor::elements(container);
        Value element;
        for (std::size_t i = 0; i < count && elements.next(element); ++i)
            copy_cut(writer, element, false, limit, depth + 1, runtime);
        writer.end();
        return;
    }
    std::pmr::vector<std::string_view> keys(runtime.memory);
    Cursor key_cursor = Cursor::keys(container);
    for (Value key; key_cursor.next(key);)
        keys.push_back(key.text());
    writer.begin_object(keys);
    MemberCursor members{container};
    std::string_view key;
    Value member;
    while (members.next(key, member))
        copy_cut(writer, member, key == "rows" || key == "ids", limit, depth + 1, runtime);
    writer.end();
}

} // namespace

JsonbDatum write_explanation_excerpt(const Value& explanation, std::size_t max_bytes,
                                     const Runtime& runtime) {
    for (std::size_t limit = Evidence::max_facts;; limit /= 2) {
        JsonbWriter writer(runtime);
        copy_cut(writer, explanation, false, limit, 1, runtime);
        JsonbDatum cut = writer.finish();
        if (json_text_size(cut.root(), runtime) <= max_bytes)
            return cut;
        cut.release(runtime.memory);
        if (limit == 0)
            break;
    }
    // Even the bare tree is too long: only its verdict remains.
    static constexpr std::string_view keys[] = {"result", "truncated"};
    JsonbWriter writer(runtime);
    writer.begin_object(keys);
    writer.value(explanation.is(Kind::object) ? find_member(explanation, "result") : Value{});
    writer.boolean(true);
    writer.end();
    return writer.finish();
}

} // namespace dashboard_diff
