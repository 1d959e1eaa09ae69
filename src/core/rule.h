#pragma once

// One node of a threshold: an operator with its limit and modifiers.

#include <cstdint>
#include <optional>

#include "core/id_index.h"
#include "core/jsonb.h"

namespace dashboard_diff {

// SQL's three-valued logic.
enum class Truth : std::uint8_t { no, yes, unknown };

enum class Direction : std::uint8_t { any, up, down };

struct Operator; // operators.h

// One node of the tree. Limits and modifiers refer to the document it was read from.
struct Rule {
    const Operator* op = nullptr;
    Value node;            // the object as written
    Value limit;           // the operator's value as written
    std::uint32_t end = 0; // the rule behind this one's subtree, in preorder

    std::uint64_t count = 1; // the limit, where it is a count
    std::uint32_t top_n = 10;
    std::uint64_t min_rows = 1;
    Direction direction = Direction::any;
    Value on_field;  // absent: any numeric field
    Value on_metric; // always there where the operator looks at one of several metrics
    Value source;    // absent: the primary rows
    Value min_abs;   // absent: no floor
    Value to;        // absent: any new value
    std::optional<IdSet> ids;
};

} // namespace dashboard_diff
