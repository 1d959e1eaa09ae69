#pragma once

#include <cstddef>

#include "core/jsonb.h"
#include "core/runtime.h"

namespace dashboard_diff {

// Length in bytes of the JSON text of a value, as the server writes it.
std::size_t json_text_size(const Value& value, const Runtime& runtime);

} // namespace dashboard_diff
