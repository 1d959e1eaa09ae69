#pragma once

// What a rule found, collected only when somebody asks for reasons.

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <variant>
#include <vector>

#include "core/diff.h"
#include "core/number.h"
#include "core/runtime.h"

namespace dashboard_diff {

// How the size of a number's change is taken.
enum class Measure : std::uint8_t {
    share,      // of the old number; a change from 0 is larger than any other
    difference, // absolute
};

// A fact that made a rule hold: one row of its evidence.
using Fact = std::variant<const RankChange*, const FieldChange*, const Value*>;

class Evidence {
public:
    static constexpr std::size_t max_facts = 10;

    explicit Evidence(std::pmr::memory_resource* memory) : facts(memory) {}

    std::variant<std::monostate, std::uint64_t, Number> measured; // in the limit's unit
    std::optional<std::uint64_t> matched;                         // rows, for rules about rows
    std::uint32_t top_n = 0;              // the top N looked at, for rules about one
    const MetricChange* metric = nullptr; // the figure looked at, for rules about one
    std::pmr::vector<Fact> facts;         // the strongest first

    // Measures one change of a number, with its sign; a change from zero has no share to be told.
    void measure(const Decimal& before, const Decimal& after, Measure by, const Runtime& runtime);

    void add(Fact fact) {
        if (facts.size() < max_facts)
            facts.push_back(fact);
    }
    // Keeps the facts sorted: stronger(other) tells whether the new one goes before it.
    template <typename Stronger>
    void add_sorted(Fact fact, Stronger&& stronger) {
        auto at = facts.end();
        while (at != facts.begin() && stronger(*(at - 1)))
            --at;
        if (at == facts.end()) {
            add(fact);
            return;
        }
        if (facts.size() == max_facts)
            facts.pop_back();
        facts.insert(at, fact);
    }
};

// Keeps the largest of many changes of numbers, the largest first, of equal ones the earlier.
class LargestChanges {
public:
    LargestChanges(Measure measure, std::size_t most, const Runtime& runtime)
        : measure_(measure), most_(most), runtime_(runtime), changes_(runtime.memory) {}

    void add(const FieldChange& change);

    std::size_t size() const noexcept { return changes_.size(); }
    const FieldChange& operator[](std::size_t i) const noexcept { return *changes_[i]; }

private:
    bool larger(const FieldChange& a, const FieldChange& b) const;

    Measure measure_;
    std::size_t most_;
    const Runtime& runtime_;
    std::pmr::vector<const FieldChange*> changes_;
};

} // namespace dashboard_diff
