#include "core/diff.h"

#include <algorithm>

#include "core/decimal.h"
#include "core/row_table.h"

namespace dashboard_diff {

namespace {

// Calls visit(name, value in this snapshot, value of that name in the other one).
template <typename Visit>
void for_each_entry(const Snapshot& snapshot, const Snapshot& other, Visit&& visit) {
    const Value& data = snapshot.materialized_data();
    const Value& other_data = other.materialized_data();
    if (!data.present())
        return;
    MemberCursor members{Container(data.data)};
    std::string_view name;
    Value value;
    while (members.next(name, value))
        visit(name, value, other_data.present() ? find_member(other_data, name) : Value{});
}

void compare_metrics_and_sources(const Snapshot& before, const Snapshot& after, Diff& diff,
                                 const Runtime& runtime) {
    // A source on one side only is not compared, but has to be valid all the same.
    const auto check = [&](const Snapshot& snapshot, std::string_view name, const Value& rows) {
        if (snapshot.is_secondary_source(name, rows))
            RowTable(snapshot.source(name, rows), runtime).index();
    };
    for_each_entry(before, after,
                   [&](std::string_view name, const Value& old_value, const Value& new_value) {
                       if (!after.is_secondary_source(name, new_value))
                           check(before, name, old_value);
                   });
    for_each_entry(after, before,
                   [&](std::string_view name, const Value& new_value, const Value& old_value) {
                       if (is_number(new_value) && is_number(old_value)) {
                           if (!equal(Decimal(new_value), Decimal(old_value)))
                               diff.metrics.push_back({Value::of_text(name), old_value, new_value});
                       } else if (after.is_secondary_source(name, new_value) &&
                                  before.is_secondary_source(name, old_value)) {
                           SourceDiff source =
                               compare_sources(before.source(name, old_value),
                                               after.source(name, new_value), diff.top_n, runtime);
                           if (!source.empty())
                               diff.sources.push_back({Value::of_text(name), std::move(source)});
                       } else {
                           check(after, name, new_value);
                       }
                   });
    std::sort(diff.metrics.begin(), diff.metrics.end(),
              [](const auto& a, const auto& b) { return a.name.text() < b.name.text(); });
}

} // namespace

Diff compare_snapshots(const Snapshot& before, const Snapshot& after, std::uint32_t top_n,
                       const Runtime& runtime) {
    Diff diff(runtime.memory);
    diff.top_n = top_n;
    diff.primary = compare_sources(before.primary(), after.primary(), top_n, runtime);
    if (before.primary_metric().present() && after.primary_metric().present())
        diff.primary_metric = {{}, before.primary_metric(), after.primary_metric()};
    compare_metrics_and_sources(before, after, diff, runtime);
    return diff;
}

} // namespace dashboard_diff
