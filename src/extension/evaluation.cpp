#include "extension/evaluation.h"

#include "core/diff_write.h"
#include "core/error.h"
#include "core/explain.h"
#include "core/explanation_excerpt.h"
#include "core/json_text_size.h"
#include "core/snapshot.h"
#include "core/snapshot_check.h"
#include "core/snapshot_diff.h"

#include "extension/guard.h"

namespace dashboard_diff {

namespace {

bool same_definition(const char* before, const char* after) {
    if (before == nullptr || after == nullptr)
        return before == after;
    return strcmp(before, after) == 0;
}

std::string quote(std::string_view name, const Runtime& runtime) {
    constexpr std::size_t longest = 100;
    const std::size_t cut = runtime.clip(name, longest);
    return "\"" + std::string(name.substr(0, cut)) + (cut < name.size() ? "...\"" : "\"");
}

// How the two rankings differ; empty where they do not.
std::string ranking_change(const RankingRule& before, const RankingRule& after,
                           const Runtime& runtime) {
    if (before.id_field != after.id_field)
        return "id_field changed from " + quote(before.id_field, runtime) + " to " +
               quote(after.id_field, runtime);
    if (before.has_rank_by != after.has_rank_by || before.rank_by != after.rank_by)
        return "rank_by changed from " +
               (before.has_rank_by ? quote(before.rank_by, runtime) : "none") + " to " +
               (after.has_rank_by ? quote(after.rank_by, runtime) : "none");
    if (before != after)
        return std::string("rank_order changed from ") + (before.ascending ? "asc" : "desc") +
               " to " + (after.ascending ? "asc" : "desc");
    return {};
}

// A document that is not going to be compared has to be valid all the same: the next one's
// baseline is this one.
Comparison new_baseline(std::string reason, const JudgedSnapshot& judged, const Runtime& runtime) {
    if (!judged.is_checked)
        validate_snapshot(judged.document, runtime);
    return {std::nullopt, std::move(reason)};
}

} // namespace

Comparison compare_with(const StoredSnapshot& baseline, const JudgedSnapshot& judged,
                        std::uint32_t top_n, const ServerRuntime& runtime) {
    if (!same_definition(baseline.definition, judged.definition))
        return new_baseline("the definition of the dashboard's view changed", judged, runtime);
    const Value before = detoast_jsonb(baseline.content, runtime.context());
    const Snapshot new_snapshot = Snapshot::read(judged.document, {});
    try {
        const Snapshot old_snapshot = Snapshot::read(before, "before");
        std::string change =
            ranking_change(old_snapshot.ranking(), new_snapshot.ranking(), runtime);
        if (!change.empty())
            return new_baseline(std::move(change), judged, runtime);
        return {compare_snapshots(old_snapshot, new_snapshot, top_n, runtime), {}};
    } catch (const Error&) {
        validate_snapshot(judged.document, runtime); // if it is the new one that is at fault
        try {
            validate_snapshot(before, runtime);
        } catch (const Error& error) {
            return {std::nullopt,
                    "snapshot " + std::to_string(baseline.id) + " is not valid: " + error.detail()};
        }
        throw;
    }
}

Outcome evaluate(const Threshold& threshold, const Comparison& comparison, const Runtime& runtime) {
    if (!comparison.diff)
        return Outcome::starts_anew;
    return threshold.judge(*comparison.diff, runtime) == Truth::yes ? Outcome::met : Outcome::quiet;
}

bool is_due(TimestampTz captured_at, const TimestampTz* muted_until, const Interval* cooldown,
            const TimestampTz* last_notified_at) {
    if (muted_until != nullptr && captured_at < *muted_until)
        return false;
    if (cooldown == nullptr || last_notified_at == nullptr)
        return true;
    // As intervals are compared: their fields may be such that their sum with a time is none.
    constexpr std::int64_t most_days = 200 * 366;
    const bool is_plain = std::abs(std::int64_t{cooldown->month}) <= most_days / 28 &&
                          std::abs(std::int64_t{cooldown->day}) <= most_days &&
                          std::abs(cooldown->time) <= most_days * USECS_PER_DAY;
    const bool is_late = *last_notified_at > END_TIMESTAMP - 4 * most_days * USECS_PER_DAY;
    if (!is_plain || is_late) {
        const __int128 span =
            (static_cast<__int128>(cooldown->month) * DAYS_PER_MONTH + cooldown->day) *
                USECS_PER_DAY +
            cooldown->time;
        return !TIMESTAMP_IS_NOEND(*last_notified_at) &&
               static_cast<__int128>(captured_at) >= *last_notified_at + span;
    }
    return captured_at >= DatumGetTimestampTz(DirectFunctionCall2(
                              timestamptz_pl_interval, TimestampTzGetDatum(*last_notified_at),
                              IntervalPGetDatum(cooldown)));
}

Datum explanation_to_store(const Threshold& threshold, const Diff& diff, const Runtime& runtime) {
    JsonbDatum whole = explain(threshold, diff, runtime);
    if (json_text_size(whole.root(), runtime) <= max_explanation_bytes)
        return jsonb_datum(whole);
    return jsonb_datum(write_explanation_excerpt(whole.root(), max_explanation_bytes, runtime));
}

Finding make_finding(const Threshold& threshold, const Diff& diff, Describer& describer,
                     const Runtime& runtime) {
    return {explanation_to_store(threshold, diff, runtime),
            text_datum(describer.describe(&threshold))};
}

Datum diff_to_store(const Diff& diff, const Runtime& runtime) {
    try {
        return jsonb_datum(write_diff(diff, runtime));
    } catch (const Error& error) {
        if (error.code() != ErrorCode::limit_exceeded)
            throw;
        return jsonb_datum(write_diff_excerpt(diff, max_diff_bytes, runtime));
    }
}

Datum excerpt_to_store(const Diff& diff, Datum stored, const Runtime& runtime) {
    if (json_text_size(detoast_jsonb(stored), runtime) <= max_diff_bytes)
        return 0;
    return jsonb_datum(write_diff_excerpt(diff, max_diff_bytes, runtime));
}

std::optional<Threshold> read_stored_threshold(Datum document, const char* dashboard,
                                               const ServerRuntime& runtime) {
    try {
        return Threshold::read(detoast_jsonb(document, runtime.context()), runtime);
    } catch (const Error& error) {
        const char* detail = error.detail().c_str();
        guarded([&] {
            ereport(WARNING, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("a threshold of dashboard \"%s\" is not valid and was passed over",
                           dashboard),
                    errdetail_internal("%s", detail));
        });
        return std::nullopt;
    }
}

} // namespace dashboard_diff
