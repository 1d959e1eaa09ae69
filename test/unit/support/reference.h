#pragma once

// A second, deliberately naive comparison of snapshots to judge the real one by: rows are maps of
// JSON texts, numbers are strings of digits, everything is found by looking at everything.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/threshold.h"

namespace dashboard_diff::testing {

// Field to JSON text; numbers without an exponent. The id is the field "id".
using ModelRow = std::map<std::string, std::string>;
using ModelRows = std::vector<ModelRow>;

struct ModelSnapshot {
    ModelRows rows;
    bool ranked = false; // by the field "s"
    bool ascending = false;
    std::optional<std::string> metric;
    std::map<std::string, std::string> metrics;
    std::map<std::string, ModelRows> sources;

    std::string json() const;
};

struct ModelRank {
    std::string id;
    int from; // 0: absent
    int to;
    std::size_t place;
};

struct ModelChange {
    std::string id;
    std::string field;
    std::optional<std::string> before;
    std::optional<std::string> after;
};

struct ModelSourceDiff {
    std::vector<ModelRank> moved;
    std::vector<int> unmoved;
    std::vector<ModelChange> numbers;
    std::vector<ModelChange> others;
    std::vector<std::string> added;
    std::vector<std::string> removed;
};

ModelSourceDiff compare_rows(const ModelRows& before, const ModelRows& after,
                             const ModelSnapshot& before_rule, const ModelSnapshot& after_rule,
                             int top_n);

// The diff as JSON text, in whichever order of keys.
std::string expected_diff(const ModelSnapshot& before, const ModelSnapshot& after, int top_n);

bool is_number_text(std::string_view json);
bool same_value(const std::string& a, const std::string& b);

// Whether one change of a number reaches a fraction of the old one, in a direction ("up", "down",
// "any") and with a floor.
bool reaches(const std::string& before, const std::string& after, const std::string& fraction,
             std::string_view direction, const std::string& floor);

// Whether one change of a number has a size of at least `limit`, in a direction.
bool differs(const std::string& before, const std::string& after, const std::string& limit,
             std::string_view direction);

// How many rows in the top N of both sides have to be lifted out and put back.
std::size_t lifted_rows(const ModelSourceDiff& diff, int top_n);

} // namespace dashboard_diff::testing
