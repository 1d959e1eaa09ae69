#pragma once

// From one snapshot to the alerts of a dashboard's subscriptions, group by group, until the time
// is up.

#include <memory>

#include "extension/alert_store.h"
#include "extension/evaluation.h"
#include "extension/memory_scope.h"

namespace dashboard_diff {

// How far a snapshot's dispatch has come: everything before this is done.
struct DispatchCursor {
    static constexpr std::int64_t none = INT64_MIN;

    std::string key;                  // of a group; empty at the beginning
    std::int64_t subscription = none; // of that group, the last one that is done
};

class Dispatch {
public:
    // `previous` and what `judged` refers to must outlive the dispatch. A resumed one goes on where
    // another transaction stopped; subscriptions made after `subscribed_before` are not meant.
    Dispatch(const Installation& installation, SnapshotTable* table, const JudgedSnapshot& judged,
             const StoredSnapshot& previous, bool resumed, TimestampTz subscribed_before);

    ~Dispatch();

    // Moves the cursor on; whether all is done, but for those passed over.
    bool run(DispatchCursor& cursor, TimestampTz deadline);
    // The same for one subscription.
    bool run_for(std::int64_t subscription, TimestampTz deadline);

    std::int64_t alerts() const noexcept { return alerts_; }
    // Subscriptions that somebody else has locked: whoever does that holds up no other one.
    const std::vector<std::int64_t>& passed_over() const noexcept { return passed_over_; }
    // Whether the judged document was found to be valid on the way.
    bool has_checked() const noexcept { return has_checked_; }

private:
    struct Group;
    struct Baseline;
    struct Matched;

    // Runs work of the core's, within the time that there is for it; whether it came to its end.
    template <typename Work>
    bool in_time(Work&& work) const;
    template <typename Work>
    bool in_own_time(Work&& work);
    TimestampTz end_of_step(bool is_free) const;
    bool must_stop() const;
    void check_finished(bool finished, const char* work) const;

    bool has_begun() const;
    bool is_time_up(TimestampTz deadline) const;
    int next_chunk(TimestampTz deadline) const;
    template <typename Write>
    FanOutProgress write_some(const MemoryScope& scope, Write&& write);
    template <typename Write>
    bool write_in_chunks(DispatchCursor& cursor, TimestampTz deadline, Write&& write);
    bool run_groups(DispatchCursor& cursor, TimestampTz deadline, bool& is_last);
    bool dispatch_group(const Group& group, std::uint32_t top_n, Matched& matched,
                        DispatchCursor& cursor, TimestampTz deadline);
    bool read_thresholds(const SubscriptionGroups& found, std::pmr::vector<Group>& groups,
                         const ServerRuntime& runtime) const;
    bool prepare_alerts();
    bool collect(const Group& group, Matched& matched);
    bool pass_over(const Group& group, const Matched& matched);
    bool tell(Matched& matched, DispatchCursor& cursor, TimestampTz deadline);
    bool start_anew(const Group& group, DispatchCursor& cursor, TimestampTz deadline);
    void tell_owner_of_new_baseline(const std::string& reason) const;
    bool compare_with_baseline_of(const Group& group, std::uint32_t top_n);
    StoredSnapshot find_baseline(const Group& group) const;
    FanOut describe_fan_out() const;

    Installation installation_;
    SnapshotTable* table_;
    JudgedSnapshot judged_;
    StoredSnapshot previous_;
    bool resumed_;
    TimestampTz subscribed_before_;
    TimestampTz deadline_ = DT_NOEND;
    std::int64_t processor_budget_end_ = 0; // of the inserts' first steps

    std::unique_ptr<Baseline> baseline_; // of the group at hand
    std::int64_t alerts_ = 0;
    std::int64_t only_ = 0; // the subscription that is meant; 0: all
    bool passes_over_locks_ = false;
    std::vector<std::int64_t> passed_over_;
    bool has_checked_ = false;
    bool has_stored_ = false;
    int baselines_ = 0;            // compared with
    std::uint64_t steps_ = 0;      // groups judged, statements that wrote for subscriptions
    bool has_moved_ = false;       // the cursor can, or did, by any of them
    double microseconds_each_ = 0; // that writing for a subscription took last
};

} // namespace dashboard_diff
