#pragma once

// A diff as the jsonb of the contract's dashboard_diff(), both ways.

#include <cstdint>

#include "core/diff.h"
#include "core/jsonb_writer.h"

namespace dashboard_diff {

// Everything. Throws numeric_out_of_range where a difference has more digits than a numeric.
JsonbDatum write_diff(const Diff& diff, const Runtime& runtime);

// The same with lists cut until its JSON text is at most max_bytes long. A cut diff has one more
// key, "counts": {"row_value_deltas": 1234, ...}, with the length of every list of the whole.
JsonbDatum write_diff_excerpt(const Diff& diff, std::size_t max_bytes, const Runtime& runtime);

// Reads what write_diff wrote, or a diff made by hand: lists left out count as empty. Throws
// invalid_parameter with the JSON path where something is not as dashboard_diff() makes it.
Diff read_diff(const Value& root, const Runtime& runtime);

// The pieces that explanations are made of too. Each writes one object.
void write_rank_change(JsonbWriter& writer, const RankChange& change);
void write_value_delta(JsonbWriter& writer, const FieldChange& change, const Runtime& runtime);
void write_row_change(JsonbWriter& writer, const FieldChange& change);

// Length in bytes of the JSON text of a value, as the server writes it.
std::size_t json_text_size(const Value& value, const Runtime& runtime);

} // namespace dashboard_diff
