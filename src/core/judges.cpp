#include "core/judges.h"
#include "core/arithmetic.h"

namespace dashboard_diff {

const SourceDiff& rows_of(const Rule& rule, const Diff& diff) {
    static const SourceDiff no_changes(std::pmr::null_memory_resource());
    if (!rule.source.present())
        return diff.primary;
    for (const NamedSourceDiff& source : diff.sources)
        if (source.name.text() == rule.source.text())
            return source.diff;
    return no_changes;
}

const MetricChange* figure_of(const Rule& rule, const Diff& diff) {
    if (!rule.on_metric.present())
        return diff.has_primary_metric() ? &diff.primary_metric : nullptr;
    for (const MetricChange& metric : diff.metrics)
        if (metric.name.text() == rule.on_metric.text())
            return &metric;
    return nullptr;
}

bool ChangeJudge::considers(const Decimal& before, const Decimal& after) const {
    const int order = compare(after, before);
    if (order == 0 || (rule_.direction == Direction::up && order < 0) ||
        (rule_.direction == Direction::down && order > 0))
        return false;
    return !rule_.min_abs.present() || differs_by(before, after, Decimal(rule_.min_abs), runtime_);
}

bool ChangeJudge::reaches(const Decimal& before, const Decimal& after) const {
    if (measure_of(rule_) == Measure::difference)
        return differs_by(before, after, limit_, runtime_);
    return before.zero() || differs_by_fraction(before, after, limit_, runtime_);
}

} // namespace dashboard_diff
