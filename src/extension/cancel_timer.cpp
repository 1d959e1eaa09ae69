#include "extension/cancel_timer.h"

extern "C" {
#include "storage/latch.h"
#include "utils/timeout.h"
}

namespace dashboard_diff {

namespace {

constexpr int again_after_ms = 100;
constexpr int refusals_before_the_end = 50;

bool registered = false;
TimeoutId timer;
int depth = 0;
volatile sig_atomic_t fired = 0;
volatile sig_atomic_t refused = 0;

// Runs in a signal handler, too.
void cancel_query() {
    QueryCancelPending = true;
    InterruptPending = true;
}

void time_is_up() {
    // The last one was seen, and caught: by code in a language whose loops do so without a
    // subtransaction. Others wait for it. What has not looked yet, since it is long at one thing,
    // will.
    if (fired > 0 && !QueryCancelPending)
        refused = refused + 1;
    fired = fired + 1;
    if (refused > refusals_before_the_end)
        ProcDiePending = true;
    cancel_query();
    SetLatch(MyLatch);
}

// To catch an error takes a subtransaction. Once the time is up, the end of any leaves the next
// cancel pending, so that a handler, and whatever comes behind it, gets no further than its first
// statement, and each level of the code is left.
void cancel_again(SubXactEvent, SubTransactionId, SubTransactionId, void*) {
    if (depth > 0 && fired > 0)
        cancel_query();
}

} // namespace

void restart_cancel_timer(int milliseconds) {
    // What was over is so, though the cancel may not have come yet.
    if (depth != 1 || fired > 0)
        return;
    disable_timeout(timer, false);
    if (milliseconds > 0 && fired == 0)
        enable_timeout_every(timer,
                             TimestampTzPlusMilliseconds(GetCurrentTimestamp(), milliseconds),
                             again_after_ms);
}

void start_cancel_timer(int milliseconds) {
    if (depth++ > 0)
        return;
    if (!registered) {
        timer = RegisterTimeout(USER_TIMEOUT, time_is_up);
        RegisterSubXactCallback(cancel_again, nullptr);
        registered = true;
    }
    fired = 0;
    refused = 0;
    restart_cancel_timer(milliseconds);
}

bool stop_cancel_timer() {
    if (depth == 0 || --depth > 0)
        return false;
    disable_timeout(timer, false);
    const bool was_over = fired > 0;
    // It may have fired when the query had just ended: the next one is not meant.
    if (was_over) {
        QueryCancelPending = false;
        fired = 0;
    }
    return was_over;
}

} // namespace dashboard_diff
