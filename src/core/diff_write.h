#pragma once

// A diff as the jsonb that dashboard_diff() returns.

#include "core/diff.h"
#include "core/jsonb_writer.h"
#include "core/runtime.h"

namespace dashboard_diff {

// Everything. Throws numeric_out_of_range where a difference has more digits than a numeric.
JsonbDatum write_diff(const Diff& diff, const Runtime& runtime);

// The same with lists cut until its JSON text is at most max_bytes long. A cut diff has one more
// key, "counts": {"row_value_deltas": 1234, ...}, with the length of every list of the whole; its
// primary metric is null where that alone is too long.
JsonbDatum write_diff_excerpt(const Diff& diff, std::size_t max_bytes, const Runtime& runtime);

// The pieces that explanations are made of too. Each writes one object.
void write_rank_change(JsonbWriter& writer, const RankChange& change);
void write_value_delta(JsonbWriter& writer, const FieldChange& change, const Runtime& runtime);
void write_row_change(JsonbWriter& writer, const FieldChange& change);

} // namespace dashboard_diff
