#include "core/explanation_excerpt.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "core/evidence.h"
#include "core/json_text_size.h"
#include "core/operators.h"
#include "core/threshold.h"

namespace dashboard_diff {

namespace {

// Copies an explanation with the lists of rows and ids of its rules cut to `limit` entries. What
// rules compare with and what rows hold is copied whole, whatever keys it has.
class Cutter {
public:
    Cutter(JsonbWriter& writer, std::size_t limit, const Runtime& runtime)
        : writer_(writer), limit_(limit), runtime_(runtime) {}

    void copy_rule(const Value& value, int level) {
        if (!value.is(Kind::object) || level > Threshold::max_levels) {
            writer_.value(value);
            return;
        }
        const Container container(value.data);
        std::pmr::vector<std::string_view> keys(runtime_.memory);
        Cursor key_cursor = Cursor::keys(container);
        for (Value key; key_cursor.next(key);)
            keys.push_back(key.text());
        writer_.begin_object(keys);
        MemberCursor members{container};
        std::string_view key;
        Value member;
        while (members.next(key, member))
            copy_member(key, member, level);
        writer_.end();
    }

private:
    void copy_member(std::string_view key, const Value& member, int level) {
        const Operator* op = find_operator(key);
        if (op != nullptr && op->limit == LimitKind::rule)
            copy_rule(member, level + 1);
        else if (op != nullptr && op->limit == LimitKind::rules && member.is(Kind::array))
            copy_list(member, SIZE_MAX, [&](const Value& child) { copy_rule(child, level + 1); });
        else if ((key == "rows" || key == "ids") && member.is(Kind::array))
            copy_list(member, limit_, [&](const Value& entry) { writer_.value(entry); });
        else
            writer_.value(member);
    }

    template <typename Copy>
    void copy_list(const Value& list, std::size_t limit, Copy&& copy) {
        const Container container(list.data);
        const std::size_t count = std::min<std::size_t>(container.count(), limit);
        writer_.begin_array(count);
        Cursor elements = Cursor::elements(container);
        Value element;
        for (std::size_t i = 0; i < count && elements.next(element); ++i)
            copy(element);
        writer_.end();
    }

    JsonbWriter& writer_;
    std::size_t limit_;
    const Runtime& runtime_;
};

} // namespace

JsonbDatum write_explanation_excerpt(const Value& explanation, std::size_t max_bytes,
                                     const Runtime& runtime) {
    for (std::size_t limit = Evidence::max_facts;; limit /= 2) {
        JsonbWriter writer(runtime);
        Cutter(writer, limit, runtime).copy_rule(explanation, 1);
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
