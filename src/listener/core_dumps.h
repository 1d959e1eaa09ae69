#pragma once

namespace dashboard_diff::listener {

// From now on no crash writes memory, which holds keys, to a file, and no other process of the same
// user reads it.
void forbid_core_dumps() noexcept;

} // namespace dashboard_diff::listener
