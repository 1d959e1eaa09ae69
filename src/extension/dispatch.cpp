#include "extension/dispatch.h"

#include <algorithm>

#include "extension/settings.h"

namespace dashboard_diff {

namespace {

// Subscriptions written by one statement. The first statement is small, to learn what one takes.
constexpr int first_chunk = 100;
constexpr int largest_chunk = 2000;

bool starts_with(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}

} // namespace

// Subscriptions that share baseline and threshold.
struct Dispatch::Group {
    SubscriptionGroup stored;
    std::optional<Threshold> threshold; // none: it is not valid any more

    bool has(const char* prefix) const { return starts_with(stored.key, prefix); }
    // The baseline as a part of the key.
    std::string_view baseline() const {
        const std::string_view key = stored.key;
        return key.substr(0, key.rfind(':'));
    }
};

// What the judged snapshot is compared with at the moment, and the outcome.
struct Dispatch::Baseline {
    MemoryScope scope; // first: all else lives in it
    std::string key;
    StoredSnapshot snapshot{};
    std::uint32_t top_n = 0;
    std::optional<Comparison> comparison;
    // Made when the first alert needs them.
    std::optional<Describer> describer;
    Datum stored_diff = 0;
    Datum excerpt = 0;
};

// Groups of one baseline whose thresholds are met, to be told together.
struct Dispatch::Matched {
    MemoryScope scope;
    std::string baseline;
    std::pmr::vector<Datum> keys{scope.runtime().memory};
    std::pmr::vector<Datum> explanations{scope.runtime().memory};
    std::pmr::vector<Datum> summaries{scope.runtime().memory};

    bool empty() const { return keys.empty(); }
};

Dispatch::Dispatch(const Installation& installation, SnapshotTable* table,
                   const JudgedSnapshot& judged, const StoredSnapshot& previous, bool resumed,
                   TimestampTz subscribed_before)
    : installation_(installation),
      table_(table),
      judged_(judged),
      previous_(previous),
      resumed_(resumed),
      subscribed_before_(subscribed_before) {}

Dispatch::~Dispatch() = default;

// A few steps are always taken: a machine that stalls for a moment must not leave every small
// insert pending, nor a short time be spent on nothing again and again.
bool Dispatch::has_begun() const {
    constexpr std::uint64_t first_steps = 16;
    return resumed_ ? has_moved_ : steps_ >= first_steps;
}

bool Dispatch::is_time_up(TimestampTz deadline) const {
    return deadline == DT_NOBEGIN || (has_begun() && is_past(deadline));
}

// How many subscriptions there is time for; 0: none.
int Dispatch::next_chunk(TimestampTz deadline) const {
    if (is_time_up(deadline))
        return 0;
    if (microseconds_each_ == 0)
        return first_chunk;
    if (deadline == DT_NOEND)
        return largest_chunk;
    const double left = static_cast<double>(deadline - GetCurrentTimestamp());
    const double fit = left * 0.75 / microseconds_each_;
    if (fit >= largest_chunk)
        return largest_chunk;
    // A smaller statement costs more than what it tells.
    if (fit >= first_chunk / 2)
        return static_cast<int>(fit);
    return has_begun() ? 0 : first_chunk;
}

// Writes for subscriptions in statements that fit into the time; whether all are done.
template <typename Write>
bool Dispatch::write_in_chunks(DispatchCursor& cursor, TimestampTz deadline, Write&& write) {
    while (const int chunk = next_chunk(deadline)) {
        const MemoryScope scope;
        const TimestampTz start = GetCurrentTimestamp();
        const FanOutProgress progress = scope.run([&] { return write(cursor, chunk); });
        alerts_ += progress.alerts;
        ++steps_;
        has_moved_ = true;
        if (progress.finished)
            return true;
        cursor = {progress.key, progress.subscription};
        microseconds_each_ =
            std::max(1.0, static_cast<double>(GetCurrentTimestamp() - start) / chunk);
    }
    return false;
}

bool Dispatch::run(DispatchCursor& cursor, TimestampTz deadline) {
    // Without a snapshot before it there is nothing for those who compare with that.
    if (!previous_.found && cursor.key < after_previous)
        cursor = {after_previous};
    for (bool is_last = false; !is_last;)
        if (is_time_up(deadline) || !run_groups(cursor, deadline, is_last))
            return false;
    return true;
}

bool Dispatch::run_groups(DispatchCursor& cursor, TimestampTz deadline, bool& is_last) {
    const MemoryScope scope;
    const SubscriptionGroups found = scope.run(
        [&] { return find_groups(installation_, judged_.dashboard, cursor.key.c_str()); });
    is_last = found.is_last;

    std::pmr::vector<Group> groups(scope.runtime().memory);
    std::uint32_t top_n = default_top_n;
    for (int i = 0; i < found.count; ++i) {
        groups.push_back(
            {found.groups[i],
             read_stored_threshold(found.groups[i].threshold, judged_.dashboard, scope.runtime())});
        if (groups.back().threshold)
            top_n = std::max(top_n, groups.back().threshold->required_top_n());
    }
    std::optional<Matched> matched;
    for (const Group& group : groups) {
        // Those that wait to be told share a baseline, and the cursor stays at the first of them.
        if (matched && matched->baseline != group.baseline()) {
            if (!tell(*matched, cursor, deadline))
                return false;
            matched.reset();
        }
        if (!matched) {
            matched.emplace();
            matched->baseline = group.baseline();
        }
        if (matched->empty() && cursor.key != group.stored.key)
            cursor = {group.stored.key};
        if (is_time_up(deadline) || !dispatch_group(group, top_n, *matched, cursor, deadline))
            return false;
    }
    if (matched && !tell(*matched, cursor, deadline))
        return false;
    if (!groups.empty())
        cursor = {groups.back().stored.key + std::string("+")}; // behind the last of them
    return true;
}

bool Dispatch::dispatch_group(const Group& group, std::uint32_t top_n, Matched& matched,
                              DispatchCursor& cursor, TimestampTz deadline) {
    ++steps_;
    if (!group.threshold)
        return true;
    if (group.has(start_prefix))
        return start_anew(group, cursor, deadline);
    // They were told of this very snapshot while it was dispatched.
    if (group.has(since_prefix) && group.stored.baseline_id == judged_.id)
        return true;

    compare_with_baseline_of(group, top_n);
    if (!baseline_->snapshot.found) // deleted, and every later one with it
        return start_anew(group, cursor, deadline);
    const Comparison& comparison = *baseline_->comparison;
    switch (evaluate(*group.threshold, comparison, baseline_->scope.runtime())) {
    case Outcome::starts_anew:
        tell_owner_of_new_baseline(comparison.reason);
        return group.has(previous_prefix) || start_anew(group, cursor, deadline);
    case Outcome::met:
        collect(group, matched);
        return true;
    case Outcome::quiet:
        break;
    }
    has_moved_ = has_moved_ || matched.empty();
    return true;
}

void Dispatch::tell_owner_of_new_baseline(const std::string& reason) const {
    const std::string message =
        "snapshot " + std::to_string(judged_.id) + " is a new baseline: " + reason;
    guarded([&] {
        store_event(installation_, judged_.dashboard, "new_baseline", judged_.id, message.c_str());
    });
}

// Groups come sorted by baseline: each is looked up and compared with once.
void Dispatch::compare_with_baseline_of(const Group& group, std::uint32_t top_n) {
    if (baseline_ != nullptr && baseline_->key == group.baseline() && baseline_->top_n >= top_n)
        return;
    baseline_.reset();
    baseline_ = std::make_unique<Baseline>();
    Baseline& baseline = *baseline_;
    baseline.key = group.baseline();
    baseline.top_n = top_n;
    baseline.snapshot = group.has(previous_prefix)
                            ? previous_
                            : baseline.scope.run([&] { return find_baseline(group); });
    if (!baseline.snapshot.found)
        return;
    baseline.comparison = compare_with(baseline.snapshot, judged_, top_n, baseline.scope.runtime());
    has_checked_ = true;
}

// The snapshot that the group was last told of; where it was deleted, the next one that was not.
StoredSnapshot Dispatch::find_baseline(const Group& group) const {
    if (previous_.found && previous_.id == group.stored.baseline_id)
        return previous_;
    Datum values[] = {dashboard_datum(table_, judged_.dashboard), 0};
    values[1] = snapshot_id_datum(table_, group.stored.baseline_id);
    StoredSnapshot found =
        find_snapshot(table_, SnapshotQuery::by_id, values, latest_snapshot(), false);
    if (!found.found) {
        values[1] = TimestampTzGetDatum(group.stored.baseline_at);
        found = find_snapshot(table_, SnapshotQuery::earliest, values, latest_snapshot(), false);
        found.found =
            found.found && found.id != judged_.id && found.captured_at <= judged_.captured_at;
    }
    return found;
}

FanOut Dispatch::describe_fan_out() const {
    FanOut fan_out{};
    fan_out.dashboard = judged_.dashboard;
    fan_out.snapshot_b = judged_.id;
    fan_out.captured_at = judged_.captured_at;
    fan_out.subscribed_before = subscribed_before_;
    fan_out.resumed = resumed_;
    return fan_out;
}

void Dispatch::collect(const Group& group, Matched& matched) {
    Baseline& baseline = *baseline_;
    const Diff& diff = *baseline.comparison->diff;
    if (!baseline.describer) {
        baseline.describer.emplace(diff, baseline.scope.runtime());
        baseline.stored_diff = diff_to_store(diff, baseline.scope.runtime());
        baseline.excerpt = excerpt_to_store(diff, baseline.stored_diff, baseline.scope.runtime());
    }
    const Finding finding =
        make_finding(*group.threshold, diff, *baseline.describer, matched.scope.runtime());
    matched.keys.push_back(
        matched.scope.run([&] { return CStringGetTextDatum(group.stored.key); }));
    matched.explanations.push_back(finding.explanation);
    matched.summaries.push_back(finding.summary);
}

// The cursor stands at the first of the groups, or in it.
bool Dispatch::tell(Matched& matched, DispatchCursor& cursor, TimestampTz deadline) {
    if (matched.empty())
        return true;
    if (!has_stored_ && !resumed_)
        guarded([&] { forget_alerts(installation_, judged_.dashboard, judged_.id); });
    has_stored_ = true;

    FanOut fan_out = describe_fan_out();
    fan_out.snapshot_a = baseline_->snapshot.id;
    fan_out.diff = baseline_->stored_diff;
    fan_out.excerpt = baseline_->excerpt;
    fan_out.count = static_cast<int>(matched.keys.size());
    fan_out.keys = matched.keys.data();
    fan_out.explanations = matched.explanations.data();
    fan_out.summaries = matched.summaries.data();
    return write_in_chunks(cursor, deadline, [&](const DispatchCursor& from, int limit) {
        // The groups before the cursor's are done.
        for (; strcmp(TextDatumGetCString(fan_out.keys[0]), from.key.c_str()) != 0; --fan_out.count)
            ++fan_out.keys, ++fan_out.explanations, ++fan_out.summaries;
        return store_alerts(installation_, fan_out, from.subscription, limit);
    });
}

// The judged snapshot becomes the group's baseline.
bool Dispatch::start_anew(const Group& group, DispatchCursor& cursor, TimestampTz deadline) {
    FanOut target = describe_fan_out();
    return write_in_chunks(cursor, deadline, [&](const DispatchCursor& from, int limit) {
        Datum key = CStringGetTextDatum(group.stored.key);
        target.keys = &key;
        target.count = 1;
        return move_baseline(installation_, target, from.subscription, limit);
    });
}

} // namespace dashboard_diff
