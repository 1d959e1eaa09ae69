#pragma once

// A diff in a sentence or two for a person.

#include <string>

#include "core/threshold.h"

namespace dashboard_diff {

// The strongest facts first: with a threshold those that made it hold, then the others, three in
// all. One line of at most about 1,500 bytes; values of the rows are cut and freed of control
// characters.
std::pmr::string describe(const Diff& diff, const Threshold* threshold, const Runtime& runtime);

} // namespace dashboard_diff
