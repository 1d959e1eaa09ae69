#pragma once

// When the checks of an environment's policies happen, planned jointly: those of one window are
// one pool, and a pool keeps clear of those whose windows overlap its own.

#include "core/even_slots.h"

#include "extension/local_time.h"

#include <functional>
#include <map>

namespace dashboard_diff {

struct PlannedPolicy {
    std::int64_t id;
    std::uint32_t days; // bit 0: Sunday
    TimeADT window_start;
    TimeADT window_end;
    pg_tz* zone;
};

class JointPlan {
public:
    // `count_checks` tells how many dashboards a policy covers; it is asked once for each policy
    // that matters. May throw ServerError.
    JointPlan(std::vector<PlannedPolicy> policies, DateADT date,
              std::function<std::int64_t(std::int64_t)> count_checks);

    // The times of the policy's checks on the date, first to last; none where it has no window.
    const std::vector<TimestampTz>& times_of(std::int64_t policy);

private:
    // The policies that share a window, by id.
    struct Pool {
        Window window;
        std::vector<std::int64_t> members;
        std::optional<EvenSlots> slots;
        std::map<std::int64_t, std::vector<TimestampTz>> times; // by policy, once it is asked for
    };

    std::int64_t checks_of(std::int64_t policy);
    const EvenSlots& slots_of(Pool& pool);
    void share_out(Pool& pool);

    std::vector<Pool> pools_;                     // those that stand first come first
    std::map<std::int64_t, std::size_t> pool_of_; // of the date, as a place in pools_
    std::map<std::int64_t, std::int64_t> checks_;
    std::function<std::int64_t(std::int64_t)> count_checks_;
};

} // namespace dashboard_diff
