#pragma once

// Random states of one dashboard in pairs, for what must hold for every pair.

#include "fixtures.h"
#include "random_models.h"

namespace dashboard_diff::testing {

// Calls check(before, after, random) for that many pairs; most are two states of one dashboard.
template <typename Check>
void for_each_pair(int pairs, std::uint32_t seed, Check&& check) {
    Random random(seed);
    for (int i = 0; i < pairs && !::testing::Test::HasFailure(); ++i) {
        const ModelSnapshot before = random.snapshot();
        const ModelSnapshot after = random.chance(80) ? random.changed(before) : random.snapshot();
        SCOPED_TRACE(before.json() + "\nagainst\n" + after.json());
        check(before, after, random);
    }
}

inline std::uint32_t some_top_n(Random& random) {
    return 1 + static_cast<std::uint32_t>(random.below(8));
}

inline Comparison compare(const ModelSnapshot& before, const ModelSnapshot& after,
                          std::uint32_t top_n) {
    return {before.json(), after.json(), top_n};
}

// The row of that id, or null.
inline ModelRow* row_of(ModelRows& rows, const std::string& id) {
    for (ModelRow& row : rows)
        if (same_value(row.at("id"), id))
            return &row;
    return nullptr;
}

} // namespace dashboard_diff::testing
