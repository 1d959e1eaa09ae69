#pragma once

// The background worker that has a database's due work done.

namespace dashboard_diff {

// Registers a worker for each database of dashboard_diff.databases. Only while the server starts.
void register_schedulers();

} // namespace dashboard_diff
