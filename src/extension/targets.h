#pragma once

// Where messages can be sent at all. Whether anybody is there is the listener's affair. Nothing
// here raises an error or calls the server.

#include "extension/pg.h"

namespace dashboard_diff {

enum class TargetKind { webhook, email, slack, telegram };

// By its name as it is stored, in lower case.
std::optional<TargetKind> find_target_kind(std::string_view name);

// What is wrong with a target, for DETAIL, and what to give instead; null where nothing is.
struct TargetProblem {
    const char* problem = nullptr;
    const char* hint = nullptr;
};

TargetProblem find_target_problem(TargetKind kind, const char* target);

} // namespace dashboard_diff
