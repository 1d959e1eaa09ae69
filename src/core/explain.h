#pragma once

// Why a threshold holds or not.

#include "core/jsonb_writer.h"
#include "core/threshold.h"

namespace dashboard_diff {

// The tree as written, each node with "result" and, where it measures something, "measured"; rules
// about rows with "matched" and up to 10 "rows", the strongest first.
JsonbDatum explain(const Threshold& threshold, const Diff& diff, const Runtime& runtime);

// An explanation with its lists of rows and ids cut until its JSON text is at most max_bytes.
JsonbDatum write_explanation_excerpt(const Value& explanation, std::size_t max_bytes,
                                     const Runtime& runtime);

} // namespace dashboard_diff
