#include "core/jsonb_equal.h"

#include <vector>

#include "core/decimal.h"

namespace dashboard_diff {

namespace {

// One comparison that is under way: the unread rest of two containers of the same shape.
struct OpenPair {
    Cursor left;
    Cursor right;
};

// Decides what can be decided without looking inside; `deeper` is set for two containers that
// must be walked. Their bytes are compared only for the outermost: doing so at every level would
// take time by the square of the depth.
bool equal_shallow(const Value& a, const Value& b, bool outermost, bool& deeper) {
    deeper = false;
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case Kind::string:
        return a.text() == b.text();
    case Kind::numeric:
        return a.length == b.length && std::memcmp(a.data, b.data, a.length) == 0
                   ? true
                   : equal(Decimal(a), Decimal(b));
    case Kind::array:
    case Kind::object:
        if (outermost && a.length == b.length && std::memcmp(a.data, b.data, a.length) == 0)
            return true;
        deeper = Container(a.data).count() == Container(b.data).count();
        return deeper;
    default:
        return true;
    }
}

} // namespace

bool equal_values(const Value& a, const Value& b, const Runtime& runtime) {
    bool deeper = false;
    if (!equal_shallow(a, b, true, deeper))
        return false;
    if (!deeper)
        return true;

    std::pmr::vector<OpenPair> open(runtime.memory);
    Ticker ticker(runtime);
    const auto enter = [&open](const Value& left, const Value& right) {
        const Container l(left.data);
        const Container r(right.data);
        if (l.is_object()) {
            Cursor left_keys = Cursor::keys(l);
            Cursor right_keys = Cursor::keys(r);
            for (Value lk, rk; left_keys.next(lk) && right_keys.next(rk);)
                if (lk.text() != rk.text())
                    return false;
            open.push_back({Cursor::values(l), Cursor::values(r)});
        } else {
            open.push_back({Cursor::elements(l), Cursor::elements(r)});
        }
        return true;
    };

    if (!enter(a, b))
        return false;
    while (!open.empty()) {
        ticker.tick();
        Value left;
        Value right;
        if (!open.back().left.next(left)) {
            open.pop_back();
            continue;
        }
        open.back().right.next(right);
        if (!equal_shallow(left, right, false, deeper))
            return false;
        if (deeper && !enter(left, right))
            return false;
    }
    return true;
}

} // namespace dashboard_diff
