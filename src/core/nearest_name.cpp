#include "core/nearest_name.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <vector>

namespace dashboard_diff {

namespace {

constexpr std::size_t longest_name = 64; // what is longer was not meant to be any

// Edits (insert, delete, replace) from one name to the other; case does not count.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row[b.size()];
}

} // namespace

void NearestName::consider(std::string_view name) {
    if (unknown_.size() > longest_name)
        return;
    const std::size_t distance = edit_distance(unknown_, name);
    if (distance < best_ && 2 * distance <= std::max(unknown_.size(), name.size())) {
        best_ = distance;
        nearest_ = name;
    }
}

} // namespace dashboard_diff
