#include "core/evidence.h"

#include "core/arithmetic.h"

namespace dashboard_diff {

void Evidence::measure(const Decimal& before, const Decimal& after, Measure by,
                       const Runtime& runtime) {
    Number delta(runtime.memory);
    Number share(runtime.memory);
    subtract(after, before, delta, runtime);
    if (by == Measure::difference)
        measured = delta;
    else if (ratio(delta.view(), before, share, runtime))
        measured = share;
}

bool LargestChanges::larger(const FieldChange& a, const FieldChange& b) const {
    const Decimal before(a.before);
    const Decimal after(a.after);
    const Decimal other_before(b.before);
    const Decimal other_after(b.after);
    if (measure_ == Measure::difference)
        return compare_differences(before, after, other_before, other_after, runtime_) > 0;
    if (before.zero() || other_before.zero())
        return before.zero() && !other_before.zero();
    return compare_shares(before, after, other_before, other_after, runtime_) > 0;
}

void LargestChanges::add(const FieldChange& change) {
    auto at = changes_.end();
    while (at != changes_.begin() && larger(change, **(at - 1)))
        --at;
    if (changes_.size() == most_) {
        if (at == changes_.end())
            return;
        changes_.pop_back();
    }
    changes_.insert(at, &change);
}

} // namespace dashboard_diff
