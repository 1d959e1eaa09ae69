#include "extension/view_timer.h"

extern "C" {
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "utils/timeout.h"
}

namespace dashboard_diff {

namespace {

constexpr int again_after_ms = 500;
constexpr int refusals_of_worker = 10;

bool registered = false;
TimeoutId timer;
volatile sig_atomic_t fired = 0;

// Runs in a signal handler.
void cancel_query() {
    fired = fired + 1;
    if (fired > refusals_of_worker && MyBgworkerEntry != nullptr)
        ProcDiePending = true;
    else
        QueryCancelPending = true;
    InterruptPending = true;
    SetLatch(MyLatch);
}

} // namespace

void start_view_timer(int milliseconds) {
    if (!registered) {
        timer = RegisterTimeout(USER_TIMEOUT, cancel_query);
        registered = true;
    }
    fired = 0;
    if (milliseconds > 0)
        enable_timeout_every(timer,
                             TimestampTzPlusMilliseconds(GetCurrentTimestamp(), milliseconds),
                             again_after_ms);
}

bool stop_view_timer() {
    if (!registered)
        return false;
    disable_timeout(timer, false);
    // It may have fired when the query had just ended: the next one is not meant.
    if (fired > 0)
        QueryCancelPending = false;
    return fired > 0;
}

} // namespace dashboard_diff
