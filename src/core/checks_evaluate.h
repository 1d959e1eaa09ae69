#pragma once

// What a dashboard's checks find in its latest snapshot.

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/checks.h"
#include "core/jsonb_writer.h"

namespace dashboard_diff {

// What there is to look at.
struct CheckedDashboard {
    Value content;                   // the latest snapshot; absent where there is none
    Value previous;                  // the one to compare it with; absent where there is none
    std::optional<std::int64_t> age; // of the latest snapshot, in microseconds
    std::optional<std::string_view> failure; // why the last automatic snapshot was not taken
};

// {"issues": [{"message", "location", "severity"}, ...], "status", "summary"}, the worst issue
// first. Throws invalid_parameter for what is no snapshot.
JsonbDatum evaluate(const Checks& checks, const CheckedDashboard& dashboard,
                    const Runtime& runtime);

} // namespace dashboard_diff
