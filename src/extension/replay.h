#pragma once

// A dashboard's stored snapshots replayed for rules that nobody has subscribed with, by the code
// that judges new ones.

#include <functional>
#include <memory>

#include "extension/evaluation.h"
#include "extension/memory_scope.h"

namespace dashboard_diff {

// Which snapshots are replayed, for what kind of subscription.
struct ReplayOptions {
    const char* dashboard;
    bool since_last_notified; // the baseline
    TimestampTz since;
    const Interval* cooldown; // null: none
};

// Checks what a caller passed. May ereport.
ReplayOptions check_replay_options(const char* dashboard, const char* baseline, TimestampTz since,
                                   const Interval* cooldown);

// A snapshot held in memory for as long as somebody compares with it.
struct HeldSnapshot {
    MemoryScope scope;
    StoredSnapshot stored{};
};

struct ReplayedAlert {
    std::size_t rule; // in the order given
    const StoredSnapshot& snapshot_a;
    const StoredSnapshot& snapshot_b;
    const Diff& diff;
    const ServerRuntime& runtime; // whose memory lasts until the next snapshot
};

class Replay {
public:
    Replay(const ReplayOptions& options, const std::vector<const Threshold*>& rules);

    // Calls these for each alert, and for each diff of a snapshot with the one before it where
    // rules are judged by that.
    std::function<void(const ReplayedAlert&)> on_alert;
    std::function<void(const Diff&, const Runtime&)> on_diff;

    // The snapshots that are there, in order.
    void run(const Installation& installation);

    std::uint64_t snapshots() const noexcept { return snapshots_; }
    TimestampTz first() const noexcept { return first_; }
    TimestampTz last() const noexcept { return last_; }

private:
    struct Rule {
        const Threshold* threshold;
        std::shared_ptr<HeldSnapshot> baseline; // none: the first one is yet to come
        bool has_alerted;
        TimestampTz last_alert;
    };

    void step(const StoredSnapshot& snapshot);
    void take(const std::shared_ptr<HeldSnapshot>& snapshot);
    void judge(std::size_t rule, const std::shared_ptr<HeldSnapshot>& snapshot,
               const StoredSnapshot& baseline, const Comparison& comparison,
               const ServerRuntime& runtime);
    Comparison compare(const StoredSnapshot& baseline, const StoredSnapshot& snapshot,
                       const ServerRuntime& runtime) const;

    ReplayOptions options_;
    std::vector<Rule> rules_;
    std::uint32_t top_n_ = default_top_n;
    std::shared_ptr<HeldSnapshot> previous_;
    std::uint64_t snapshots_ = 0; // since `options.since`
    TimestampTz first_ = 0;
    TimestampTz last_ = 0;
};

} // namespace dashboard_diff
