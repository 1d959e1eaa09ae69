#include "extension/joint_plan.h"
#include "extension/guard.h"

extern "C" {
#include "utils/datetime.h"
}

#include <algorithm>
#include <tuple>

namespace dashboard_diff {

namespace {

// How many days to either side are looked at: a window may overlap one that overlaps a third.
constexpr int reach = 4;

bool is_scheduled(const PlannedPolicy& policy, DateADT date) {
    return (policy.days >> j2day(date + POSTGRES_EPOCH_JDATE) & 1) != 0;
}

bool overlap(const Window& a, const Window& b) {
    return a.start < b.end && b.start < a.end;
}

} // namespace

JointPlan::JointPlan(std::vector<PlannedPolicy> policies, DateADT date,
                     std::function<std::int64_t(std::int64_t)> count_checks)
    : count_checks_(std::move(count_checks)) {
    std::ranges::sort(policies, {}, &PlannedPolicy::id);
    using Ends = std::pair<TimestampTz, TimestampTz>;
    std::map<Ends, std::vector<std::int64_t>> by_window;
    std::map<std::int64_t, Ends> windows; // of the date
    for (const PlannedPolicy& policy : policies)
        for (DateADT day = date - reach; day <= date + reach; ++day) {
            if (!is_scheduled(policy, day))
                continue;
            const Window window = guarded([&] {
                return local_window(day, policy.window_start, policy.window_end, policy.zone);
            });
            by_window[{window.start, window.end}].push_back(policy.id);
            if (day == date)
                windows[policy.id] = {window.start, window.end};
        }
    for (auto& [window, members] : by_window)
        pools_.push_back({{window.first, window.second}, std::move(members), std::nullopt, {}});
    std::ranges::sort(pools_, {}, [](const Pool& pool) {
        return std::tuple(pool.members.front(), pool.window.start);
    });
    for (std::size_t i = 0; i < pools_.size(); ++i)
        for (const std::int64_t member : pools_[i].members)
            if (const auto window = windows.find(member);
                window != windows.end() &&
                window->second == Ends(pools_[i].window.start, pools_[i].window.end))
                pool_of_[member] = i;
}

std::int64_t JointPlan::checks_of(std::int64_t policy) {
    const auto known = checks_.find(policy);
    if (known != checks_.end())
        return known->second;
    return checks_[policy] = count_checks_(policy);
}

const EvenSlots& JointPlan::slots_of(Pool& pool) {
    if (pool.slots)
        return *pool.slots;
    EvenSlots slots{pool.window.start, pool.window.end - pool.window.start};
    for (const std::int64_t member : pool.members)
        slots.count += checks_of(member);
    if (slots.count > 0) {
        std::vector<EvenSlots> standing;
        for (Pool* other = pools_.data(); other != &pool; ++other)
            if (overlap(other->window, pool.window))
                if (const EvenSlots& others = slots_of(*other); others.count > 0)
                    standing.push_back(others);
        keep_clear(slots, standing);
    }
    return pool.slots.emplace(slots);
}

// Every policy's checks are spread evenly among the pool's: check j of n stands at (j + 1/2)/n of
// the whole. Quotients that are equal are equal as doubles, too.
void JointPlan::share_out(Pool& pool) {
    const EvenSlots& slots = slots_of(pool);
    std::vector<std::pair<double, std::int64_t>> places;
    for (const std::int64_t member : pool.members) {
        pool.times[member];
        const std::int64_t checks = checks_of(member);
        for (std::int64_t j = 0; j < checks; ++j)
            places.emplace_back(static_cast<double>(2 * j + 1) / static_cast<double>(2 * checks),
                                member);
    }
    std::ranges::sort(places);
    for (std::size_t i = 0; i < places.size(); ++i)
        pool.times[places[i].second].push_back(slots.at(static_cast<std::int64_t>(i)));
}

const std::vector<TimestampTz>& JointPlan::times_of(std::int64_t policy) {
    static const std::vector<TimestampTz> none;
    const auto place = pool_of_.find(policy);
    if (place == pool_of_.end())
        return none;
    Pool& pool = pools_[place->second];
    if (pool.times.empty())
        share_out(pool);
    return pool.times[policy];
}

} // namespace dashboard_diff
