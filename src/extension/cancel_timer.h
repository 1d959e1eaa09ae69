#pragma once

// The time limit of code that is somebody else's: a query of a dashboard, and what reading a
// watched table runs. Everything here may ereport: call it guarded.

#include "extension/pg.h"

namespace dashboard_diff {

// From now on the running query is cancelled once `milliseconds` are over (0: never). Code that
// catches that is cancelled again with the next thing it does: it cannot go on. What goes on all the
// same, in a language that needs no subtransaction for that, loses its session. A timer within another one adds nothing to it.
void start_cancel_timer(int milliseconds);

// The timer that was started last begins anew, unless it is one within another.
void restart_cancel_timer(int milliseconds);

// Stops the timer that was started last; whether its time was over.
bool stop_cancel_timer();

} // namespace dashboard_diff
