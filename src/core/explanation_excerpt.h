#pragma once

#include <cstddef>

#include "core/jsonb_writer.h"
#include "core/runtime.h"

namespace dashboard_diff {

// An explanation with its lists of rows and ids cut until its JSON text is at most max_bytes.
JsonbDatum write_explanation_excerpt(const Value& explanation, std::size_t max_bytes,
                                     const Runtime& runtime);

} // namespace dashboard_diff
