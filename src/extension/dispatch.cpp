#include "extension/dispatch.h"

#include <algorithm>

#include "core/error.h"

#include "extension/settings.h"
#include "extension/subtransaction.h"

namespace dashboard_diff {

namespace {

// Subscriptions written by one statement. The first statement is small, to learn what one takes.
constexpr int first_chunk = 100;
constexpr int largest_chunk = 2000;

// Of an insert, that its budget does not end.
constexpr std::uint64_t first_steps = 16;

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

// An insert takes a few steps in any case, as long as these have not worked through the budget
// themselves: a machine that stalls for a moment must not leave every small insert pending. What
// goes on with a pending snapshot takes one that counts: a short time must not be spent on nothing
// again and again.
bool Dispatch::has_begun() const {
    if (resumed_)
        return has_moved_;
    return steps_ >= first_steps || processor_time() >= processor_budget_end_;
}

bool Dispatch::is_time_up(TimestampTz deadline) const {
    return deadline == DT_NOBEGIN || (is_past(deadline) && has_begun());
}

// When a step that begins now is cut. A pending snapshot has nobody who waits for it, but must not
// hold up the others for ever; an insert has its budget.
TimestampTz Dispatch::end_of_step(bool is_free) const {
    const TimestampTz longest =
        view_timeout() > 0 ? TimestampTzPlusMilliseconds(GetCurrentTimestamp(), view_timeout())
                           : DT_NOEND;
    if (is_free)
        return resumed_ || deadline_ != DT_NOEND ? longest : DT_NOEND;
    return resumed_ ? std::min(longest, deadline_) : deadline_;
}

// Work for a rule is cut in the middle. Of a resumed dispatch the first that counts is not.
template <typename Work>
bool Dispatch::in_time(Work&& work) const {
    const bool is_first = !resumed_ && steps_ <= first_steps;
    const TimeLimit limit(end_of_step(resumed_ && !has_moved_),
                          is_first ? processor_budget_end_ : 0);
    try {
        work();
        return true;
    } catch (const TimeUp&) {
        return false;
    }
}

// Work that all rules of a baseline need. What it costs is up to the dashboard's own documents:
// for its first baseline an insert takes that time besides the budget, which is for the
// subscribers.
template <typename Work>
bool Dispatch::in_own_time(Work&& work) {
    if (resumed_ || baselines_ > 1)
        return in_time(work);
    const TimeLimit limit(end_of_step(true));
    const std::int64_t start = processor_time();
    try {
        work();
    } catch (const TimeUp&) {
        return false;
    }
    processor_budget_end_ += processor_time() - start;
    return true;
}

// After a step that was cut: whether somebody else has to go on. Else the step takes too long for
// anybody.
bool Dispatch::must_stop() const {
    return !resumed_ || (has_moved_ && is_past(deadline_));
}

// Throws where work that all rules need takes too long for anybody.
void Dispatch::check_finished(bool finished, const char* work) const {
    if (!finished && !must_stop())
        throw Error(ErrorCode::limit_exceeded, std::string(work) + " takes longer than " +
                                                   std::to_string(view_timeout()) + " ms");
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

// Once somebody is found to hold a lock, what is locked is passed over, which costs more.
template <typename Write>
FanOutProgress Dispatch::write_some(const MemoryScope& scope, Write&& write) {
    if (!passes_over_locks_) {
        Subtransaction attempt;
        attempt.limit_waiting();
        try {
            const FanOutProgress progress = scope.run(write);
            attempt.commit();
            return progress;
        } catch (const ServerError& error) {
            attempt.roll_back();
            if (error.data()->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
                throw;
        }
        passes_over_locks_ = true;
    }
    const FanOutProgress progress = scope.run(write);
    for (int i = 0; i < progress.passed_over_count; ++i)
        passed_over_.push_back(DatumGetInt64(progress.passed_over[i]));
    return progress;
}

// Writes for subscriptions in statements that fit into the time; whether all are done.
template <typename Write>
bool Dispatch::write_in_chunks(DispatchCursor& cursor, TimestampTz deadline, Write&& write) {
    while (const int chunk = next_chunk(deadline)) {
        const MemoryScope scope;
        const TimestampTz start = GetCurrentTimestamp();
        const FanOutProgress progress = write_some(scope, [&] { return write(cursor, chunk); });
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
    deadline_ = deadline;
    processor_budget_end_ = processor_time() + dispatch_budget();
    // Without a snapshot before it there is nothing for those who compare with that.
    if (!previous_.found && cursor.key < after_previous)
        cursor = {after_previous};
    for (bool is_last = false; !is_last;)
        if (is_time_up(deadline) || !run_groups(cursor, deadline, is_last))
            return false;
    return true;
}

bool Dispatch::run_for(std::int64_t subscription, TimestampTz deadline) {
    deadline_ = deadline;
    processor_budget_end_ = processor_time() + dispatch_budget();
    only_ = subscription;
    passes_over_locks_ = true;
    const MemoryScope scope;
    const SubscriptionGroups found =
        scope.run([&] { return find_group_of(installation_, judged_.dashboard, subscription); });
    std::pmr::vector<Group> groups(scope.runtime().memory);
    if (!read_thresholds(found, groups, scope.runtime()))
        return false;
    if (groups.empty())
        return true;
    const Group& group = groups.front();
    if (!previous_.found && group.has(previous_prefix))
        return true;
    const std::uint32_t top_n = group.threshold
                                    ? std::max(default_top_n, group.threshold->required_top_n())
                                    : default_top_n;
    Matched matched;
    matched.baseline = group.baseline();
    DispatchCursor cursor{group.stored.key};
    return dispatch_group(group, top_n, matched, cursor, deadline) &&
           tell(matched, cursor, deadline);
}

bool Dispatch::run_groups(DispatchCursor& cursor, TimestampTz deadline, bool& is_last) {
    const MemoryScope scope;
    const SubscriptionGroups found = scope.run(
        [&] { return find_groups(installation_, judged_.dashboard, cursor.key.c_str()); });
    is_last = found.is_last;

    std::pmr::vector<Group> groups(scope.runtime().memory);
    if (!read_thresholds(found, groups, scope.runtime()))
        return false;
    std::uint32_t top_n = default_top_n;
    for (const Group& group : groups)
        if (group.threshold)
            top_n = std::max(top_n, group.threshold->required_top_n());
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
        // Nothing has moved until those are told, so that more of them would know no end.
        if (resumed_ && !has_moved_ && !matched->empty() && is_past(deadline)) {
            if (tell(*matched, cursor, deadline))
                cursor = {group.stored.key};
            return false;
        }
        if (is_time_up(deadline) || !dispatch_group(group, top_n, *matched, cursor, deadline))
            return false;
    }
    if (matched && !tell(*matched, cursor, deadline))
        return false;
    if (!groups.empty())
        cursor = {groups.back().stored.key + std::string("+")}; // behind the last of them
    return true;
}

bool Dispatch::read_thresholds(const SubscriptionGroups& found, std::pmr::vector<Group>& groups,
                               const ServerRuntime& runtime) const {
    const bool finished = in_time([&] {
        for (int i = 0; i < found.count; ++i)
            groups.push_back({found.groups[i], read_stored_threshold(found.groups[i].threshold,
                                                                     judged_.dashboard, runtime)});
    });
    check_finished(finished, "reading the thresholds");
    return finished;
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

    if (!compare_with_baseline_of(group, top_n))
        return false;
    if (!baseline_->snapshot.found) // deleted, and every later one with it
        return start_anew(group, cursor, deadline);
    const Comparison& comparison = *baseline_->comparison;
    Outcome outcome = Outcome::quiet;
    if (!in_time(
            [&] { outcome = evaluate(*group.threshold, comparison, baseline_->scope.runtime()); }))
        return pass_over(group, matched);
    switch (outcome) {
    case Outcome::starts_anew:
        tell_owner_of_new_baseline(comparison.reason);
        return group.has(previous_prefix) || start_anew(group, cursor, deadline);
    case Outcome::met:
        return collect(group, matched);
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
bool Dispatch::compare_with_baseline_of(const Group& group, std::uint32_t top_n) {
    if (baseline_ != nullptr && baseline_->key == group.baseline() && baseline_->top_n >= top_n)
        return true;
    baseline_.reset();
    baseline_ = std::make_unique<Baseline>();
    Baseline& baseline = *baseline_;
    baseline.key = group.baseline();
    baseline.top_n = top_n;
    baseline.snapshot = group.has(previous_prefix)
                            ? previous_
                            : baseline.scope.run([&] { return find_baseline(group); });
    if (!baseline.snapshot.found)
        return true;
    ++baselines_;
    const bool finished = in_own_time([&] {
        baseline.comparison =
            compare_with(baseline.snapshot, judged_, top_n, baseline.scope.runtime());
    });
    check_finished(finished, "comparing the snapshots");
    has_checked_ = has_checked_ || finished;
    return finished;
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
    fan_out.only = only_;
    return fan_out;
}

// What all alerts of the baseline share.
bool Dispatch::prepare_alerts() {
    Baseline& baseline = *baseline_;
    if (baseline.describer)
        return true;
    const Diff& diff = *baseline.comparison->diff;
    const ServerRuntime& runtime = baseline.scope.runtime();
    const bool finished = in_own_time([&] {
        baseline.stored_diff = diff_to_store(diff, runtime);
        baseline.excerpt = excerpt_to_store(diff, baseline.stored_diff, runtime);
        baseline.describer.emplace(diff, runtime); // last: it says that all is there
    });
    check_finished(finished, "writing down what changed");
    return finished;
}

bool Dispatch::collect(const Group& group, Matched& matched) {
    if (!prepare_alerts())
        return false;
    Finding finding{};
    if (!in_time([&] {
            finding = make_finding(*group.threshold, *baseline_->comparison->diff,
                                   *baseline_->describer, matched.scope.runtime());
        }))
        return pass_over(group, matched);
    matched.keys.push_back(
        matched.scope.run([&] { return CStringGetTextDatum(group.stored.key); }));
    matched.explanations.push_back(finding.explanation);
    matched.summaries.push_back(finding.summary);
    return true;
}

// A rule that was cut. One that takes too long for anybody is passed over, so that it does not cost
// other subscribers their alerts.
bool Dispatch::pass_over(const Group& group, const Matched& matched) {
    if (must_stop())
        return false;
    guarded([&] {
        constexpr int longest = 200;
        const Jsonb* threshold = DatumGetJsonbP(group.stored.threshold);
        char* rule = JsonbToCString(nullptr, const_cast<JsonbContainer*>(&threshold->root),
                                    static_cast<int>(VARSIZE(threshold)));
        rule[pg_mbcliplen(rule, static_cast<int>(strlen(rule)), longest)] = '\0';
        store_event(installation_, judged_.dashboard, "dispatch_failed", judged_.id,
                    psprintf("snapshot " INT64_FORMAT
                             " could not be judged by a rule, since that takes longer than %d ms: "
                             "%s",
                             judged_.id, view_timeout(), rule));
    });
    has_moved_ = has_moved_ || matched.empty();
    return true;
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
        fan_out.passes_over_locks = passes_over_locks_;
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
        target.passes_over_locks = passes_over_locks_;
        return move_baseline(installation_, target, from.subscription, limit);
    });
}

} // namespace dashboard_diff
