// Rules about what rows hold, and about which rows there are.

#include "core/jsonb_equal.h"
#include "core/judges.h"

namespace dashboard_diff {

namespace {

// Counts the rows of changes that match. The changes of one row stand together.
class RowCounter {
public:
    void count(const Value& id) {
        if (last_ == nullptr || !equal_ids(*last_, id))
            ++rows_;
        last_ = &id;
    }
    std::uint64_t rows() const noexcept { return rows_; }

private:
    const Value* last_ = nullptr;
    std::uint64_t rows_ = 0;
};

// The measure and the rows of a rule about numbers.
class ValueEvidence {
public:
    ValueEvidence(Measure measure, const Runtime& runtime)
        : measure_(measure),
          runtime_(runtime),
          considered_(measure, 1, runtime),
          matching_(measure, Evidence::max_facts, runtime) {}

    void consider(const FieldChange& change) {
        // A change from zero has no share to be told.
        if (measure_ == Measure::difference || !Decimal(change.before).zero())
            considered_.add(change);
    }
    void match(const FieldChange& change) { matching_.add(change); }

    void write(std::uint64_t rows, Evidence& out) const {
        out.matched = rows;
        for (std::size_t i = 0; i < matching_.size(); ++i)
            out.add(&matching_[i]);
        if (considered_.size() > 0)
            out.measure(Decimal(considered_[0].before), Decimal(considered_[0].after), measure_,
                        runtime_);
    }

private:
    Measure measure_;
    const Runtime& runtime_;
    LargestChanges considered_; // by direction and floor: the largest
    LargestChanges matching_;
};

// Whether one change is among those that `field_changed` looks for.
bool field_matches(const FieldChange& change, const Rule& rule, const Runtime& runtime) {
    if (change.field.text() != rule.limit.text())
        return false;
    if (rule.ids && !rule.ids->contains(change.id))
        return false;
    return !rule.to.present() || equal_values(change.after, rule.to, runtime);
}

Truth judge_ids(const std::pmr::vector<Value>& ids, const Rule& rule, Evidence* evidence) {
    if (evidence != nullptr)
        for (const Value& id : ids)
            evidence->add(&id);
    return judge_count(ids.size(), rule.count, evidence);
}

} // namespace

Truth judge_value_delta(const Rule& rule, const Diff& diff, Evidence* evidence,
                        const Runtime& runtime) {
    if (evidence == nullptr && rows_of(rule, diff).row_value_deltas.size() < rule.min_rows)
        return Truth::no;
    const ChangeJudge judge(rule, runtime);
    std::optional<ValueEvidence> found;
    if (evidence != nullptr)
        found.emplace(measure_of(rule), runtime);
    RowCounter counter;
    for_each_considered(
        rule, judge, diff, runtime,
        [&](const FieldChange& change, const Decimal& before, const Decimal& after) {
            if (found)
                found->consider(change);
            if (!judge.reaches(before, after))
                return true;
            counter.count(change.id);
            if (found)
                found->match(change);
            return found || counter.rows() < rule.min_rows;
        });
    if (found)
        found->write(counter.rows(), *evidence);
    return to_truth(counter.rows() >= rule.min_rows);
}

Truth judge_field_changed(const Rule& rule, const Diff& diff, Evidence* evidence,
                          const Runtime& runtime) {
    const SourceDiff& source = rows_of(rule, diff);
    RowCounter counter;
    Ticker ticker(runtime);
    // A field of a row stands in one of the lists only.
    for (const auto* changes : {&source.row_changes, &source.row_value_deltas}) {
        for (const FieldChange& change : *changes) {
            ticker.tick();
            if (!field_matches(change, rule, runtime))
                continue;
            counter.count(change.id);
            if (evidence != nullptr)
                evidence->add(&change);
            else if (counter.rows() >= rule.min_rows)
                return Truth::yes;
        }
    }
    return judge_count(counter.rows(), rule.min_rows, evidence);
}

Truth judge_set_added(const Rule& rule, const Diff& diff, Evidence* evidence, const Runtime&) {
    return judge_ids(rows_of(rule, diff).added, rule, evidence);
}

Truth judge_set_removed(const Rule& rule, const Diff& diff, Evidence* evidence, const Runtime&) {
    return judge_ids(rows_of(rule, diff).removed, rule, evidence);
}

} // namespace dashboard_diff
