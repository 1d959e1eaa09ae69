#pragma once

// The time limit of a query of a dashboard. Everything here may ereport: call it guarded.

#include "extension/pg.h"

namespace dashboard_diff {

// From now on the running query is cancelled once `milliseconds` are over (0: never), and again and
// again where a function in it will not be cancelled. A background worker, which others wait for,
// is then ended.
void start_view_timer(int milliseconds);

// Whether the time was over.
bool stop_view_timer();

} // namespace dashboard_diff
