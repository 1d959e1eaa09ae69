// Rules about figures: the primary metric and the metrics of materialized_data.

#include "core/judges.h"

namespace dashboard_diff {

namespace {

Truth judge_figure(const MetricChange& metric, const Rule& rule, Evidence* evidence,
                   const Runtime& runtime) {
    const Decimal before(metric.before);
    const Decimal after(metric.after);
    if (evidence != nullptr) {
        evidence->metric = &metric;
        evidence->measure(before, after, measure_of(rule), runtime);
    }
    const ChangeJudge judge(rule, runtime);
    return to_truth(judge.considers(before, after) && judge.reaches(before, after));
}

} // namespace

Truth judge_primary_metric(const Rule& rule, const Diff& diff, Evidence* evidence,
                           const Runtime& runtime) {
    const MetricChange* metric = figure_of(rule, diff);
    return metric == nullptr ? Truth::unknown : judge_figure(*metric, rule, evidence, runtime);
}

Truth judge_metric(const Rule& rule, const Diff& diff, Evidence* evidence, const Runtime& runtime) {
    // A diff lists only metrics that differ: one that stood still and one that a side lacks look
    // alike. Unknown for both would make every quiet metric spoil its AND, OR and NOT.
    const MetricChange* metric = figure_of(rule, diff);
    return metric == nullptr ? Truth::no : judge_figure(*metric, rule, evidence, runtime);
}

} // namespace dashboard_diff
