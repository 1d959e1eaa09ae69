// Rules about figures: the primary metric and the metrics of materialized_data.

#include "core/arithmetic.h"
#include "core/judges.h"

namespace dashboard_diff {

namespace {

Truth judge_figure(const MetricChange& metric, Measure measure, const Rule& rule,
                   Evidence* evidence, const Runtime& runtime) {
    const Decimal before(metric.before);
    const Decimal after(metric.after);
    if (evidence != nullptr) {
        evidence->metric = &metric;
        Number delta(runtime.memory);
        Number share(runtime.memory);
        subtract(after, before, delta, runtime);
        if (measure == Measure::difference)
            evidence->measured = delta;
        else if (ratio(delta.view(), before, share, runtime))
            evidence->measured = share;
    }
    const ChangeJudge judge(rule, measure, runtime);
    return to_truth(judge.considers(before, after) && judge.reaches(before, after));
}

} // namespace

template <Measure measure>
Truth judge_primary_metric(const Rule& rule, const Diff& diff, Evidence* evidence,
                           const Runtime& runtime) {
    if (!diff.has_primary_metric())
        return Truth::unknown;
    return judge_figure(diff.primary_metric, measure, rule, evidence, runtime);
}

template <Measure measure>
Truth judge_metric(const Rule& rule, const Diff& diff, Evidence* evidence, const Runtime& runtime) {
    for (const MetricChange& metric : diff.metrics)
        if (metric.name.text() == rule.on_metric.text())
            return judge_figure(metric, measure, rule, evidence, runtime);
    // A diff lists only metrics that differ: one that stood still and one that a side lacks look
    // alike. Unknown for both would make every quiet metric spoil its AND, OR and NOT.
    return Truth::no;
}

template Truth judge_primary_metric<Measure::share>(const Rule&, const Diff&, Evidence*,
                                                    const Runtime&);
template Truth judge_primary_metric<Measure::difference>(const Rule&, const Diff&, Evidence*,
                                                         const Runtime&);
template Truth judge_metric<Measure::share>(const Rule&, const Diff&, Evidence*, const Runtime&);
template Truth judge_metric<Measure::difference>(const Rule&, const Diff&, Evidence*,
                                                 const Runtime&);

} // namespace dashboard_diff
