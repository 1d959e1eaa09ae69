#pragma once

// Why a threshold holds or not.

#include "core/jsonb_writer.h"
#include "core/threshold.h"

namespace dashboard_diff {

// The tree as written, each node with "result" and, where it measures something, "measured"; rules
// about rows with "matched" and up to 10 "rows", the strongest first.
JsonbDatum explain(const Threshold& threshold, const Diff& diff, const Runtime& runtime);

} // namespace dashboard_diff
