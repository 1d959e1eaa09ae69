#pragma once

// The judging functions of the operators, by what they look at. Each says whether its rule holds;
// with evidence also why.

#include "core/evidence.h"
#include "core/operators.h"

namespace dashboard_diff {

// order_operators.cpp: who stands where
Truth judge_top_n_reordering(const Rule&, const Diff&, Evidence*, const Runtime&);
Truth judge_top_n_moved(const Rule&, const Diff&, Evidence*, const Runtime&);
Truth judge_top_n_entered(const Rule&, const Diff&, Evidence*, const Runtime&);
Truth judge_top_n_left(const Rule&, const Diff&, Evidence*, const Runtime&);
Truth judge_rank_delta(const Rule&, const Diff&, Evidence*, const Runtime&);

// row_operators.cpp: what the rows hold, and which there are
Truth judge_value_delta(const Rule&, const Diff&, Evidence*, const Runtime&);
Truth judge_field_changed(const Rule&, const Diff&, Evidence*, const Runtime&);
Truth judge_set_added(const Rule&, const Diff&, Evidence*, const Runtime&);
Truth judge_set_removed(const Rule&, const Diff&, Evidence*, const Runtime&);

// metric_operators.cpp: figures
Truth judge_primary_metric(const Rule&, const Diff&, Evidence*, const Runtime&);
Truth judge_metric(const Rule&, const Diff&, Evidence*, const Runtime&);

inline Truth to_truth(bool b) noexcept {
    return b ? Truth::yes : Truth::no;
}

// A rule about a number of rows: what was found, both as the measure and as the rows matched.
inline Truth judge_count(std::uint64_t found, std::uint64_t least, Evidence* evidence) {
    if (evidence != nullptr) {
        evidence->measured = found;
        evidence->matched = found;
    }
    return to_truth(found >= least);
}

// The changes of the row source that the rule looks at. A source that the diff does not name has
// none: either it did not differ, or it is not on both sides.
const SourceDiff& rows_of(const Rule& rule, const Diff& diff);

// The figure that the rule looks at; null where the diff does not tell of it.
const MetricChange* figure_of(const Rule& rule, const Diff& diff);

inline Measure measure_of(const Rule& rule) noexcept {
    return rule.op->limit == LimitKind::share ? Measure::share : Measure::difference;
}

// Which changes of a number count for a rule, and which of these reach its limit. No difference or
// share is ever computed for it.
class ChangeJudge {
public:
    ChangeJudge(const Rule& rule, const Runtime& runtime)
        : rule_(rule), limit_(rule.limit), runtime_(runtime) {}

    // Whether direction and floor let the change count at all.
    bool considers(const Decimal& before, const Decimal& after) const;
    // 3.0 to 3.3 reaches a share of 0.1; a change away from zero reaches any.
    bool reaches(const Decimal& before, const Decimal& after) const;

private:
    const Rule& rule_;
    Decimal limit_;
    const Runtime& runtime_;
};

// Calls visit(change, before, after) for each change of the rows that counts for a rule about
// numbers, until it returns false. The changes of one row stand together.
template <typename Visit>
void for_each_considered(const Rule& rule, const ChangeJudge& judge, const Diff& diff,
                         const Runtime& runtime, Visit&& visit) {
    Ticker ticker(runtime);
    for (const FieldChange& change : rows_of(rule, diff).row_value_deltas) {
        ticker.tick();
        if (rule.on_field.present() && change.field.text() != rule.on_field.text())
            continue;
        if (rule.ids && !rule.ids->contains(change.id))
            continue;
        const Decimal before(change.before);
        const Decimal after(change.after);
        if (judge.considers(before, after) && !visit(change, before, after))
            return;
    }
}

} // namespace dashboard_diff
