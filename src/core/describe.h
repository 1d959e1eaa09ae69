#pragma once

// A diff in a sentence or two for a person.

#include <optional>
#include <string>

#include "core/evidence.h"
#include "core/threshold.h"

namespace dashboard_diff {

// Describes one diff for any number of thresholds: what does not depend on them is found once.
class Describer {
public:
    Describer(const Diff& diff, const Runtime& runtime) : diff_(diff), runtime_(runtime) {}

    // The strongest facts first: with a threshold those that made it hold, then the others, three
    // in all. One line of at most about 2,000 bytes; values of the rows are cut and freed of
    // control characters.
    std::pmr::string describe(const Threshold* threshold);

private:
    friend class Description;
    const LargestChanges& largest_shares();

    const Diff& diff_;
    const Runtime& runtime_;
    std::optional<LargestChanges> largest_shares_;
};

std::pmr::string describe(const Diff& diff, const Threshold* threshold, const Runtime& runtime);

} // namespace dashboard_diff
