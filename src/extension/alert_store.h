#pragma once

// The rows that alerting reads and writes in the extension's tables. Everything here may ereport:
// call it guarded.

#include "extension/snapshot_queries.h"
#include "extension/statement.h"

namespace dashboard_diff {

// The dashboard as far as alerting needs it.
struct AlertedDashboard {
    bool has_subscribers; // false too where the dashboard is unknown
    const char* owner;
};

AlertedDashboard find_alerted_dashboard(const Installation& installation, const char* dashboard);

// The subscriptions of a dashboard are judged in groups that share baseline and threshold, in the
// order of the groups' keys. Keys of the baselines: the previous snapshot, the one last told of
// (or otherwise noted), and none yet.
inline constexpr char previous_prefix[] = "previous:";
inline constexpr char after_previous[] = "previous;"; // the least key behind all of those
inline constexpr char since_prefix[] = "since:";
inline constexpr char start_prefix[] = "start:";

struct SubscriptionGroup {
    const char* key;
    Datum threshold;          // jsonb
    std::int64_t baseline_id; // of a `since:` group, as is the next
    TimestampTz baseline_at;
};

struct SubscriptionGroups {
    int count;
    bool is_last; // there are no more behind them
    SubscriptionGroup* groups;
};

// The next groups whose key is `from` or greater, in the current memory context.
SubscriptionGroups find_groups(const Installation& installation, const char* dashboard,
                               const char* from);

// The group of one subscription; none where it has ended or is not active.
SubscriptionGroups find_group_of(const Installation& installation, const char* dashboard,
                                 std::int64_t subscription);

// A snapshot on its way to the subscriptions of some groups, which share a baseline.
struct FanOut {
    const char* dashboard;
    std::int64_t snapshot_a; // the baseline; of no meaning where that is to be moved
    std::int64_t snapshot_b;
    TimestampTz captured_at;       // of b
    Datum diff;                    // jsonb
    Datum excerpt;                 // jsonb, or 0 where the diff is short enough to be sent whole
    TimestampTz subscribed_before; // later subscriptions are not meant
    bool resumed;                  // some of them may have been told before
    std::int64_t only;             // this subscription alone; 0: all
    bool passes_over_locks;        // what others have locked is not waited for
    // The groups in the order of their keys, each with what its alerts hold.
    int count;
    Datum* keys;         // text
    Datum* explanations; // jsonb
    Datum* summaries;    // text
};

// How far the subscriptions of some groups are done, in the order of (group, id).
struct FanOutProgress {
    std::int64_t alerts;
    bool finished;   // no subscription is left
    const char* key; // else the group of the last one that is done, in the caller's memory
    std::int64_t subscription; // and its id
    int passed_over_count;     // subscriptions that others have locked: they are yet to be told
    Datum* passed_over;        // int8, in the caller's memory
};

// Writes the alerts of up to `limit` subscriptions, in the first group those behind `after`: for
// each that is due, the alert, the diff behind it, and an outbox row or a persona's comment.
FanOutProgress store_alerts(const Installation& installation, const FanOut& fan_out,
                            std::int64_t after, int limit);

// Makes the snapshot the baseline of up to `limit` of the subscriptions.
FanOutProgress move_baseline(const Installation& installation, const FanOut& fan_out,
                             std::int64_t after, int limit);

// Forgets the alerts of an earlier snapshot that had the same id, in a table that was emptied.
void forget_alerts(const Installation& installation, const char* dashboard, std::int64_t snapshot);

// Tells the dashboard's owner, once a snapshot and type of event.
void store_event(const Installation& installation, const char* dashboard, const char* type,
                 std::int64_t snapshot, const char* message);

} // namespace dashboard_diff
