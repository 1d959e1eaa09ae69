#pragma once

#include <string>
#include <string_view>

namespace dashboard_diff::listener {

// The name of this process in its leases: different for every process there ever was.
std::string worker_name();

// Whether the process of that name is certain to have ended: one of this machine, in this boot and
// this process namespace, of which nothing is left. What it had leased need not be waited for.
bool is_gone(std::string_view worker);

} // namespace dashboard_diff::listener
