#pragma once

// The operators of the threshold grammar. A further one is a judging function (judges.h) and one
// entry in operator_table.cpp; reading, checking, explaining and hints follow from the entry.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/diff.h"
#include "core/rule.h"
#include "core/runtime.h"

namespace dashboard_diff {

class Evidence; // evidence.h

// What an operator's own value must be.
enum class LimitKind : std::uint8_t {
    rules,      // a non-empty array of rules (AND, OR)
    rule,       // one rule (NOT)
    count,      // an integer of 1 or more
    share,      // a number greater than 0: a fraction of an old number
    difference, // a number greater than 0: between two numbers
    field,      // the name of a field; how much must change is told by min_rows
};

// What an operator is about: the sentence of a description that its facts make.
enum class Subject : std::uint8_t {
    rules,
    reordering,
    moved,
    rank,
    entered,
    left,
    shares,
    values,
    fields,
    added,
    removed,
    primary_metric,
    metric,
};

// The modifiers an operator takes, as a set of bits.
namespace modifier {
inline constexpr unsigned top_n = 1U << 0;
inline constexpr unsigned on_field = 1U << 1;
inline constexpr unsigned direction = 1U << 2;
inline constexpr unsigned min_abs = 1U << 3;
inline constexpr unsigned min_rows = 1U << 4;
inline constexpr unsigned ids = 1U << 5;
inline constexpr unsigned source = 1U << 6;
inline constexpr unsigned to = 1U << 7;
inline constexpr unsigned on_metric = 1U << 8;
} // namespace modifier

struct ModifierName {
    std::string_view name;
    unsigned bit;
};

struct Operator {
    // Without evidence a judge stops as soon as it knows.
    using Judge = Truth (*)(const Rule& rule, const Diff& diff, Evidence* evidence,
                            const Runtime& runtime);

    std::string_view name;
    LimitKind limit;
    Subject subject;
    unsigned modifiers;
    Judge judge; // null for those that only combine other rules
    // For those that combine: the value that decides at once (no for AND, yes for OR).
    std::optional<Truth> decisive = std::nullopt;

    bool combines() const noexcept { return judge == nullptr; }
    bool takes(unsigned bit) const noexcept { return (modifiers & bit) != 0; }
    bool looks_at_top_n() const noexcept { return takes(modifier::top_n); }
};

std::span<const Operator> operators() noexcept;
std::span<const ModifierName> modifier_names() noexcept;
const Operator* find_operator(std::string_view name) noexcept;
const ModifierName* find_modifier(std::string_view name) noexcept;

// The operator or modifier whose name is nearest to `unknown`; empty where none is near.
std::string_view nearest_key(std::string_view unknown);

inline Truth negate(Truth t) noexcept {
    return t == Truth::unknown ? t : t == Truth::yes ? Truth::no : Truth::yes;
}

// How AND, OR and NOT see what their children said. `children(visit)` calls visit(truth) for each
// child until it returns false.
template <typename Children>
Truth combine(const Operator& op, Children&& children) {
    if (op.limit == LimitKind::rule) {
        Truth only = Truth::unknown;
        children([&](Truth t) {
            only = t;
            return true;
        });
        return negate(only);
    }
    Truth result = negate(*op.decisive);
    children([&](Truth t) {
        if (t == *op.decisive) {
            result = t;
            return false;
        }
        if (t == Truth::unknown)
            result = t;
        return true;
    });
    return result;
}

} // namespace dashboard_diff
