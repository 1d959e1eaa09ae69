#include "extension/replay.h"

#include <algorithm>

#include "core/error.h"

#include "extension/history.h"

extern "C" {
#include "utils/datum.h"
}

namespace dashboard_diff {

namespace {

// Detoasted at once: a snapshot is compared twice and more.
StoredSnapshot hold(StoredSnapshot snapshot) {
    if (snapshot.found)
        snapshot.content = PointerGetDatum(DatumGetJsonbP(snapshot.content));
    return snapshot;
}

// Into the current memory context.
StoredSnapshot copy(StoredSnapshot snapshot) {
    snapshot.content = datumCopy(snapshot.content, false, -1);
    if (snapshot.definition != nullptr)
        snapshot.definition = pstrdup(snapshot.definition);
    return snapshot;
}

StoredSnapshot find_last_before(SnapshotTable* table, const char* dashboard, TimestampTz since) {
    Datum values[] = {dashboard_datum(table, dashboard), TimestampTzGetDatum(since)};
    return hold(find_snapshot(table, SnapshotQuery::last_before, values, InvalidSnapshot, true));
}

// The next of the history, in order: from the time on, or those behind a snapshot.
StoredSnapshots find_next(SnapshotTable* table, const char* dashboard, TimestampTz since,
                          const StoredSnapshot* after) {
    // Each reading goes through the door, which costs more than a few rows.
    constexpr long at_once = 256;
    Datum values[] = {dashboard_datum(table, dashboard), TimestampTzGetDatum(since), 0};
    if (after == nullptr)
        return find_snapshots(table, SnapshotQuery::history, values, InvalidSnapshot, true,
                              at_once);
    values[1] = after->captured_at_datum;
    values[2] = after->id_datum;
    return find_snapshots(table, SnapshotQuery::following, values, InvalidSnapshot, true, at_once);
}

} // namespace

ReplayOptions check_replay_options(const char* dashboard, const char* baseline, TimestampTz since,
                                   const Interval* cooldown) {
    const bool since_last_notified = strcmp(baseline, "last_notified") == 0;
    if (!since_last_notified && strcmp(baseline, "previous") != 0)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("unknown baseline \"%s\"", baseline),
                errhint("Baselines are previous and last_notified."));
    const Interval zero{};
    if (cooldown != nullptr &&
        DatumGetBool(DirectFunctionCall2(interval_lt, IntervalPGetDatum(cooldown),
                                         IntervalPGetDatum(&zero))))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("cooldown must not be negative"));
    return {dashboard, since_last_notified, since, cooldown};
}

Replay::Replay(const ReplayOptions& options, const std::vector<const Threshold*>& rules)
    : options_(options) {
    for (const Threshold* threshold : rules) {
        rules_.push_back({threshold, nullptr, false, 0});
        top_n_ = std::max(top_n_, threshold->required_top_n());
    }
}

void Replay::run(const Installation& installation) {
    SnapshotTable* const table =
        guarded([&] { return find_history(installation, options_.dashboard); });
    if (table == nullptr)
        return;
    if (!options_.since_last_notified) {
        previous_ = std::make_shared<HeldSnapshot>();
        previous_->stored = previous_->scope.run(
            [&] { return find_last_before(table, options_.dashboard, options_.since); });
    }
    StoredSnapshot last{};
    for (bool is_first = true;; is_first = false) {
        const MemoryScope batch;
        const StoredSnapshots next = batch.run([&] {
            return find_next(table, options_.dashboard, options_.since, is_first ? nullptr : &last);
        });
        if (next.count == 0)
            break;
        for (std::uint64_t i = 0; i < next.count; ++i)
            step(next.list[i]);
        last = next.list[next.count - 1]; // its keys are no pointers
    }
}

void Replay::step(const StoredSnapshot& snapshot) {
    if (!snapshot.found)
        return; // a null document
    const auto held = std::make_shared<HeldSnapshot>();
    held->stored = held->scope.run([&] { return hold(copy(snapshot)); });
    take(held);
    previous_ = held;
    if (snapshots_++ == 0)
        first_ = held->stored.captured_at;
    last_ = held->stored.captured_at;
}

void Replay::take(const std::shared_ptr<HeldSnapshot>& snapshot) {
    // Rules that share a baseline share the comparison.
    struct Made {
        const HeldSnapshot* baseline;
        std::unique_ptr<MemoryScope> scope;
        Comparison comparison;
    };
    std::vector<Made> made;
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        const std::shared_ptr<HeldSnapshot> baseline =
            options_.since_last_notified ? rules_[i].baseline : previous_;
        if (baseline == nullptr || !baseline->stored.found) {
            rules_[i].baseline = snapshot;
            continue;
        }
        auto at = std::find_if(made.begin(), made.end(),
                               [&](const Made& m) { return m.baseline == baseline.get(); });
        if (at == made.end()) {
            auto scope = std::make_unique<MemoryScope>();
            Comparison comparison = compare(baseline->stored, snapshot->stored, scope->runtime());
            if (on_diff && comparison.diff)
                on_diff(*comparison.diff, scope->runtime());
            made.push_back({baseline.get(), std::move(scope), std::move(comparison)});
            at = made.end() - 1;
        }
        judge(i, snapshot, baseline->stored, at->comparison, at->scope->runtime());
    }
}

Comparison Replay::compare(const StoredSnapshot& baseline, const StoredSnapshot& snapshot,
                           const ServerRuntime& runtime) const {
    const JudgedSnapshot judged{
        snapshot.id,         snapshot.captured_at, detoast_jsonb(snapshot.content),
        snapshot.definition, options_.dashboard,   true};
    try {
        return compare_with(baseline, judged, top_n_, runtime);
    } catch (const Error& error) {
        // The trigger would have refused it; it may be older than the trigger.
        if (error.code() != ErrorCode::invalid_parameter)
            throw;
        return {std::nullopt, error.detail()};
    }
}

void Replay::judge(std::size_t i, const std::shared_ptr<HeldSnapshot>& snapshot,
                   const StoredSnapshot& baseline, const Comparison& comparison,
                   const ServerRuntime& runtime) {
    Rule& rule = rules_[i];
    switch (evaluate(*rule.threshold, comparison, runtime)) {
    case Outcome::quiet:
        return;
    case Outcome::starts_anew:
        rule.baseline = snapshot;
        return;
    case Outcome::met:
        break;
    }
    const TimestampTz* last = rule.has_alerted ? &rule.last_alert : nullptr;
    const TimestampTz now = snapshot->stored.captured_at;
    if (!guarded([&] { return is_due(now, nullptr, options_.cooldown, last); }))
        return;
    if (on_alert)
        on_alert({i, baseline, snapshot->stored, *comparison.diff, runtime});
    rule.baseline = snapshot;
    rule.has_alerted = true;
    rule.last_alert = now;
}

} // namespace dashboard_diff
