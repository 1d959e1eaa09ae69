#pragma once

// The operators of the threshold grammar. A further one is a judging function and one entry in
// the table of operators.cpp; reading, checking, explaining and hints follow from the entry.

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "core/diff.h"
#include "core/number.h"
#include "core/rule.h"

namespace dashboard_diff {

// What an operator's own value must be.
enum class LimitKind : std::uint8_t {
    rules,  // a non-empty array of rules (AND, OR)
    rule,   // one rule (NOT)
    count,  // an integer of 1 or more
    amount, // a number greater than 0
};

// What an operator is about: the part of a description that its facts belong to.
enum class Subject : std::uint8_t { rules, order, values, added, removed, metric };

// The modifiers an operator takes, as a set of bits.
namespace modifier {
inline constexpr unsigned top_n = 1U << 0;
inline constexpr unsigned on_field = 1U << 1;
inline constexpr unsigned direction = 1U << 2;
inline constexpr unsigned min_abs = 1U << 3;
inline constexpr unsigned min_rows = 1U << 4;
inline constexpr unsigned ids = 1U << 5;
} // namespace modifier

struct ModifierName {
    std::string_view name;
    unsigned bit;
};

// A fact that made a rule hold: one row of its evidence.
using Fact = std::variant<const RankChange*, const FieldChange*, const Value*>;

// What a rule found, collected only when somebody asks for reasons.
class Evidence {
public:
    static constexpr std::size_t max_facts = 10;

    explicit Evidence(std::pmr::memory_resource* memory) : facts(memory), shares_(memory) {}

    std::variant<std::monostate, std::uint64_t, Number> measured; // in the limit's unit
    std::optional<std::uint64_t> matched;                         // rows, for rules about rows
    std::uint32_t top_n = 0;      // the top N looked at, for rules about one
    std::pmr::vector<Fact> facts; // the strongest first

    void add(Fact fact) {
        if (facts.size() < max_facts)
            facts.push_back(fact);
    }
    // Keeps the value changes with the largest shares; one from zero is larger than any other.
    void add(const FieldChange& change, const Runtime& runtime);

private:
    struct Share {
        std::optional<Number> share; // none: from zero
    };
    static bool larger(const Share& a, const Share& b);
    std::pmr::vector<Share> shares_; // of the facts
};

struct Operator {
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
    bool looks_at_top_n() const noexcept { return (modifiers & modifier::top_n) != 0; }
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
