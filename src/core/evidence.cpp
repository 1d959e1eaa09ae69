#include "core/evidence.h"

#include "core/arithmetic.h"

namespace dashboard_diff {

bool LargestChanges::larger(const Entry& a, const Entry& b) const {
    if (measure_ == Measure::difference)
        return compare_magnitudes(a.delta.view(), b.delta.view()) > 0;
    const Decimal base(a.change->before);
    const Decimal other_base(b.change->before);
    if (base.zero() || other_base.zero())
        return base.zero() && !other_base.zero();
    return compare_shares(a.delta.view(), base, b.delta.view(), other_base, runtime_) > 0;
}

void LargestChanges::add(const FieldChange& change) {
    Entry candidate{&change, Number(runtime_.memory)};
    subtract(Decimal(change.after), Decimal(change.before), candidate.delta, runtime_);
    std::size_t at = entries_.size();
    while (at > 0 && larger(candidate, entries_[at - 1]))
        --at;
    if (at == most_)
        return;
    if (entries_.size() == most_)
        entries_.pop_back();
    entries_.insert(entries_.begin() + static_cast<std::ptrdiff_t>(at), candidate);
}

} // namespace dashboard_diff
