#pragma once

// What changed between two snapshots. All values refer to the documents compared, which must
// outlive the diff.

#include <cstdint>
#include <memory_resource>
#include <vector>

#include "core/jsonb.h"

namespace dashboard_diff {

// An id of either top N whose rank differs. A rank of 0: the id is absent on that side.
struct RankChange {
    Value id;
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    std::uint32_t place = 0; // in `after`, or in `before` where it is absent there
};

// A field of a row on both sides. One of `before`, `after` may be absent, never both.
struct FieldChange {
    Value id;
    Value field; // a string
    Value before;
    Value after;
};

// A figure (the primary metric, or an entry of materialized_data) that is on both sides.
struct MetricChange {
    Value name;
    Value before;
    Value after;
};

struct SourceDiff {
    explicit SourceDiff(std::pmr::memory_resource* memory)
        : top_n_changes(memory),
          top_n_unchanged(memory),
          row_value_deltas(memory),
          row_changes(memory),
          added(memory),
          removed(memory) {}

    std::pmr::vector<RankChange> top_n_changes;
    std::pmr::vector<std::uint32_t> top_n_unchanged; // ranks
    std::pmr::vector<FieldChange> row_value_deltas;  // number to another number
    std::pmr::vector<FieldChange> row_changes;       // any other change
    std::pmr::vector<Value> added;
    std::pmr::vector<Value> removed;

    // Nothing that a reader would call a change.
    bool empty() const noexcept {
        return top_n_changes.empty() && row_value_deltas.empty() && row_changes.empty() &&
               added.empty() && removed.empty();
    }
};

struct NamedSourceDiff {
    Value name;
    SourceDiff diff;
};

struct Diff {
    explicit Diff(std::pmr::memory_resource* memory)
        : primary(memory), metrics(memory), sources(memory) {}

    std::uint32_t top_n = 10;
    SourceDiff primary;
    MetricChange primary_metric; // `before` is absent where either side has none
    std::pmr::vector<MetricChange> metrics;
    std::pmr::vector<NamedSourceDiff> sources;

    bool has_primary_metric() const noexcept { return primary_metric.before.present(); }
};

} // namespace dashboard_diff
