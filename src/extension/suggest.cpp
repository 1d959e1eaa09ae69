// suggest_threshold(): the limit that would have sent about as many alerts as somebody wants.

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/tuning.h"

#include "extension/replay.h"

namespace dashboard_diff {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Thresholds tried in one pass over the history.
constexpr std::size_t tried_at_once = 64;

struct Request {
    ReplayOptions options;
    double alerts_per_week;
};

Request read_request(FunctionCallInfo fcinfo) {
    for (int i = 0; i < 5; ++i)
        if (PG_ARGISNULL(i))
            ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                    errmsg("argument %d of suggest_threshold must not be null", i + 1));
    const double wanted = DatumGetFloat8(DirectFunctionCall1(numeric_float8, PG_GETARG_DATUM(2)));
    if (!(wanted > 0 && wanted < infinity))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("alerts_per_week must be a finite number greater than 0"));
    return {check_replay_options(text_to_cstring(PG_GETARG_TEXT_PP(0)),
                                 text_to_cstring(PG_GETARG_TEXT_PP(3)), PG_GETARG_TIMESTAMPTZ(4),
                                 PG_ARGISNULL(5) ? nullptr : PG_GETARG_INTERVAL_P(5)),
            wanted};
}

void check_tunable(const Threshold& threshold) {
    if (!has_tunable_limit(threshold))
        throw Error(ErrorCode::invalid_parameter, "threshold has no limit that could be chosen",
                    "All its rules stand under NOT.", "Give a rule that is not negated.");
}

class Tuner {
public:
    Tuner(const Installation& installation, const Request& request, const Threshold& threshold)
        : installation_(installation), request_(request), threshold_(threshold) {}

    Datum choose(const ServerRuntime& runtime) {
        find_steps();
        // Candidate i lies between step i - 1 and step i: the higher i, the more alerts. The span
        // that holds the best one is narrowed until each candidate in it has been tried.
        std::size_t first = 0;
        std::size_t last = steps_.size();
        for (;;) {
            const std::size_t stride = (last - first) / tried_at_once + 1;
            const std::vector<Candidate> tried = try_candidates(first, last, stride);
            const std::size_t best = find_best(tried);
            if (stride == 1)
                return jsonb_datum(roundest_like(tried, best, runtime));
            const std::size_t at = tried[best].step;
            first = at > first + stride ? at - stride : first;
            last = std::min(last, at + stride);
        }
    }

private:
    struct Candidate {
        std::size_t step;
        double alerts; // that it would have sent
    };

    // The factors at which some snapshot ceases to meet the scaled threshold, falling.
    void find_steps() {
        ReplayOptions options = request_.options;
        options.since_last_notified = false;
        collect_reaches(options);
        if (request_.options.since_last_notified)
            add_steps_of_drift();
        std::sort(steps_.begin(), steps_.end(), std::greater<>());
        steps_.erase(std::unique(steps_.begin(), steps_.end()), steps_.end());
    }

    // Drift adds up, as far as it will: steps of a twelfth each up to a million times the largest
    // of those that one snapshot takes.
    void add_steps_of_drift() {
        double step = steps_.empty() ? 1 : *std::max_element(steps_.begin(), steps_.end());
        for (const double end = step * 1e6; step < end; step *= 13.0 / 12)
            steps_.push_back(step);
    }

    void collect_reaches(const ReplayOptions& options) {
        Replay replay(options, {&threshold_});
        replay.on_diff = [this](const Diff& diff, const Runtime& runtime) {
            const double factor = reach(threshold_, diff, runtime);
            if (factor > 0 && factor < infinity)
                steps_.push_back(factor);
        };
        replay.run(installation_);
        const double microseconds = static_cast<double>(replay.last() - replay.first());
        if (replay.snapshots() < 2 || microseconds <= 0)
            complain_of_history();
        wanted_ = request_.alerts_per_week * microseconds / (7.0 * USECS_PER_DAY);
    }

    void complain_of_history() const {
        guarded([&] {
            ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("dashboard \"%s\" has too few snapshots to choose a limit by",
                           request_.options.dashboard),
                    errdetail("At least two of different times are needed."));
        });
    }

    // The threshold with the roundest limits between two steps, given by the candidates at them.
    JsonbDatum scaled(std::size_t quietest, std::size_t loudest, const Runtime& runtime) const {
        const double above = loudest < steps_.size() ? steps_[loudest] : 0;
        const double up_to = quietest > 0 ? steps_[quietest - 1] : infinity;
        return scale_limits(threshold_, above, up_to, runtime);
    }

    std::vector<Candidate> try_candidates(std::size_t first, std::size_t last,
                                          std::size_t stride) const {
        std::vector<Candidate> tried;
        for (std::size_t i = first; i < last; i += stride)
            tried.push_back({i, 0});
        tried.push_back({last, 0});

        const MemoryScope scope;
        std::vector<Threshold> thresholds;
        for (const Candidate& candidate : tried)
            thresholds.push_back(Threshold::read(
                scaled(candidate.step, candidate.step, scope.runtime()).root(), scope.runtime()));
        std::vector<const Threshold*> rules;
        for (const Threshold& threshold : thresholds)
            rules.push_back(&threshold);
        Replay replay(request_.options, rules);
        replay.on_alert = [&](const ReplayedAlert& alert) { ++tried[alert.rule].alerts; };
        replay.run(installation_);
        return tried;
    }

    // Whose alerts come nearest to those wanted; of two that come equally near, the quieter. But
    // who wants to hear anything is not given a rule that never holds, if there is a better one.
    std::size_t find_best(const std::vector<Candidate>& tried) const {
        std::size_t best = 0;
        for (std::size_t i = 1; i < tried.size(); ++i)
            if (distance(tried[i]) < distance(tried[best]))
                best = i;
        if (tried[best].alerts > 0 || wanted_ < 0.5)
            return best;
        const auto speaks = std::find_if(tried.begin(), tried.end(),
                                         [](const Candidate& c) { return c.alerts > 0; });
        return speaks != tried.end() && speaks->alerts <= 2 * wanted_ + 1
                   ? static_cast<std::size_t>(speaks - tried.begin())
                   : best;
    }

    double distance(const Candidate& candidate) const {
        return std::abs(candidate.alerts - wanted_);
    }

    // The best candidate, or a rounder one beside it that differs by no more than a tenth of what
    // is wanted.
    JsonbDatum roundest_like(const std::vector<Candidate>& tried, std::size_t best,
                             const Runtime& runtime) const {
        const auto is_like = [&](std::size_t i) { return distance(tried[i]) <= 0.1 * wanted_; };
        std::size_t quietest = best;
        std::size_t loudest = best;
        while (quietest > 0 && is_like(quietest - 1))
            --quietest;
        while (loudest + 1 < tried.size() && is_like(loudest + 1))
            ++loudest;
        return scaled(tried[quietest].step, tried[loudest].step, runtime);
    }

    const Installation& installation_;
    const Request& request_;
    const Threshold& threshold_;
    std::vector<double> steps_;
    double wanted_ = 0; // alerts in all
};

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_suggest_threshold) {
    const Request request = guarded([&] { return read_request(fcinfo); });
    const ServerRuntime runtime;
    const Threshold threshold = Threshold::read(jsonb_argument(fcinfo, 1), runtime);
    check_tunable(threshold);
    const int level = guarded([] { return begin_statements(); });
    const Installation installation =
        guarded([&] { return find_installation(fcinfo->flinfo->fn_oid); });
    // Chosen in the caller's memory, where it outlives the statements.
    const Datum chosen = Tuner(installation, request, threshold).choose(runtime);
    guarded([&] { end_statements(level); });
    return chosen;
}

} // namespace dashboard_diff
