#pragma once

// Random snapshots and thresholds (random_rules.cpp), the same ones in every run. Their pools are
// small, so that equal ids, tied ranks and equal values written differently are frequent.

#include <random>
#include <string>
#include <vector>

#include "reference.h"

namespace dashboard_diff::testing {

class Random {
public:
    explicit Random(std::uint32_t seed) : engine_(seed) {}

    // What snapshots are made of.
    static const std::vector<std::string> ids;
    static const std::vector<std::string> fields;
    static const std::vector<std::string> names;
    static const std::vector<std::string> source_names;

    // 0 ... n - 1
    std::size_t below(std::size_t n) { return engine_() % n; }
    bool chance(std::size_t percent) { return below(100) < percent; }
    const std::string& pick(const std::vector<std::string>& pool) {
        return pool[below(pool.size())];
    }

    std::string digits(std::size_t n); // the first is not 0
    std::string decimal();             // any sign, length and scale, zero now and then
    std::string number();              // from a small pool, or any decimal

    ModelSnapshot snapshot();
    // The same with some rows and fields changed, moved, added or removed.
    ModelSnapshot changed(ModelSnapshot snapshot);

    std::string value(); // any, as JSON text

private:
    ModelRow row(const std::string& id);
    ModelRows rows();
    void change(ModelRows& rows);

    std::mt19937 engine_;
};

// The other way to write an id of the same value.
std::string rewritten(const std::string& id);

// A threshold and what it must say of a pair of snapshots.
struct ModelRule {
    std::string json;
    Truth truth;
};

ModelRule random_rule(Random& random, const ModelSnapshot& before, const ModelSnapshot& after,
                      int top_n, int depth = 3);

} // namespace dashboard_diff::testing
