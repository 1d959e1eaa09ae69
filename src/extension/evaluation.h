#pragma once

// What one snapshot means to thresholds: its difference from a baseline, and who that matters to.
// The trigger, dispatch_pending() and backtest_threshold() all judge by this code.

#include "core/describe.h"
#include "core/diff.h"
#include "core/threshold.h"

#include "extension/server_runtime.h"
#include "extension/snapshot_queries.h"

namespace dashboard_diff {

// The top N that a diff holds at least; more where a threshold looks further.
inline constexpr std::uint32_t default_top_n = 10;

// Of a webhook's 20 kB: what the diff and the explanation may take, as JSON text. The rest is for
// the summary, the dashboard's id and the envelope.
inline constexpr std::size_t max_diff_bytes = 9'000;
inline constexpr std::size_t max_explanation_bytes = 4'000;

// The snapshot that is being judged.
struct JudgedSnapshot {
    std::int64_t id;
    TimestampTz captured_at;
    Value document;
    const char* definition; // how the dashboard was made; null where not known
    const char* dashboard;
    bool is_checked; // the document is known to be valid
};

// A snapshot compared with its baseline. Where there is no diff it is a new baseline itself, and
// `reason` says why.
struct Comparison {
    std::optional<Diff> diff;
    std::string reason;
};

// Throws where the judged snapshot is not valid; a baseline that is not is a reason.
Comparison compare_with(const StoredSnapshot& baseline, const JudgedSnapshot& judged,
                        std::uint32_t top_n, const ServerRuntime& runtime);

// What a comparison means to a rule.
enum class Outcome {
    starts_anew, // nothing to compare: the snapshot is the rule's next baseline
    quiet,
    met,
};

Outcome evaluate(const Threshold& threshold, const Comparison& comparison, const Runtime& runtime);

// Whether a subscription may be told of a snapshot captured then: it is neither muted nor cooling
// down. What is absent is null. May ereport: call it guarded.
bool is_due(TimestampTz captured_at, const TimestampTz* muted_until, const Interval* cooldown,
            const TimestampTz* last_notified_at);

// What is stored of an alert.
struct Finding {
    Datum explanation; // jsonb
    Datum summary;     // text
};

Datum explanation_to_store(const Threshold& threshold, const Diff& diff, const Runtime& runtime);
// The describer is that of the diff.
Finding make_finding(const Threshold& threshold, const Diff& diff, Describer& describer,
                     const Runtime& runtime);

// The whole diff; where it is too large for a jsonb, as much of it as a webhook gets.
Datum diff_to_store(const Diff& diff, const Runtime& runtime);
// As much of it as a webhook gets, or 0 where the whole fits.
Datum excerpt_to_store(const Diff& diff, Datum stored, const Runtime& runtime);

// A stored threshold, or none where it has become invalid since it was written: it must not keep
// snapshots from being inserted.
std::optional<Threshold> read_stored_threshold(Datum document, const char* dashboard,
                                               const ServerRuntime& runtime);

} // namespace dashboard_diff
