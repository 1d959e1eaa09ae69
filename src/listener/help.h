#pragma once

#include <string>

namespace dashboard_diff::listener {

// Text of --help.
std::string help_text();

} // namespace dashboard_diff::listener
