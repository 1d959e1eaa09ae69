#pragma once

namespace dashboard_diff::listener {

inline constexpr const char* program_version = "1.0";

} // namespace dashboard_diff::listener
