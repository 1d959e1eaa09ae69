#pragma once

// The rows that a snapshot's alert trigger reads and writes in the extension's tables. Everything
// here may ereport: call it guarded.

#include "extension/statement.h"

namespace dashboard_diff {

// The dashboard as far as alerting needs it.
struct AlertedDashboard {
    bool has_subscribers; // false too where the dashboard is unknown
    const char* owner;
};

AlertedDashboard find_alerted_dashboard(const Installation& installation, const char* dashboard);

// The distinct thresholds of a dashboard's active subscriptions.
struct StoredThresholds {
    std::uint64_t count;
    Datum* keys;      // text
    Datum* documents; // jsonb
};

StoredThresholds find_thresholds(const Installation& installation, const char* dashboard);

// What the trigger found, ready to be stored: parallel arrays, an element for each threshold met.
struct Findings {
    const char* dashboard;
    std::int64_t snapshot_a;
    std::int64_t snapshot_b;
    TimestampTz captured_at;
    Datum diff;    // jsonb
    Datum excerpt; // jsonb, or 0 where the diff is short enough to be sent whole
    int count;
    Datum* keys;         // text
    Datum* explanations; // jsonb
    Datum* summaries;    // text
};

// Writes an alert for each subscription whose threshold was met and that is neither muted nor
// cooling down: the alert, the diff behind it, and an outbox row or a persona's comment. The
// number of alerts.
std::int64_t store_alerts(const Installation& installation, const Findings& findings);

} // namespace dashboard_diff
