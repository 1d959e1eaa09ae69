#pragma once

// How far a threshold could be tightened: what choosing its limits by history needs. Doubles are
// right here: they propose limits that the exact rules then try.

#include "core/jsonb_writer.h"
#include "core/threshold.h"

namespace dashboard_diff {

// Whether a limit stands outside NOT: under it, a larger one would make more of the rule hold.
bool has_tunable_limit(const Threshold& threshold);

// The largest factor by which all limits outside NOT can be multiplied so that the threshold still
// holds on this diff: infinite where it holds whatever they are, 0 where it never does. The limit
// of field_changed is its min_rows.
double reach(const Threshold& threshold, const Diff& diff, const Runtime& runtime);

// The threshold with these limits multiplied by one factor in (above, up_to], chosen so that they
// are as round as can be: a single limit is itself round, several share a round factor. Counts
// become integers; `up_to` may be infinite. A bound within 1e-12 of a round number is taken for it.
JsonbDatum scale_limits(const Threshold& threshold, double above, double up_to,
                        const Runtime& runtime);

} // namespace dashboard_diff
