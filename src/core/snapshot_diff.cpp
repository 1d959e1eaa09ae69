#include "core/snapshot_diff.h"

#include <algorithm>

#include "core/decimal.h"
#include "core/row_table.h"
#include "core/source_diff.h"

namespace dashboard_diff {

namespace {

Container materialized_data(const Snapshot& snapshot) {
    alignas(4) static constexpr std::byte empty_object[4] = {{}, {}, {}, std::byte{0x20}};
    const Value& data = snapshot.materialized_data();
    return Container(data.present() ? data.data : empty_object);
}

void compare_metrics_and_sources(const Snapshot& before, const Snapshot& after, Diff& diff,
                                 const Runtime& runtime) {
    // A source on one side only is not compared, but has to be valid all the same.
    const auto check = [&](const Snapshot& snapshot, std::string_view name, const Value& rows) {
        if (snapshot.is_secondary_source(name, rows))
            RowTable(snapshot.source(name, rows), runtime).index();
    };
    MemberPairCursor entries{materialized_data(before), materialized_data(after)};
    std::string_view name;
    Value old_value;
    Value new_value;
    Ticker ticker(runtime);
    while (entries.next(name, old_value, new_value)) {
        ticker.tick();
        if (is_number(old_value) && is_number(new_value)) {
            if (!equal(Decimal(old_value), Decimal(new_value)))
                diff.metrics.push_back({Value::of_text(name), old_value, new_value});
        } else if (before.is_secondary_source(name, old_value) &&
                   after.is_secondary_source(name, new_value)) {
            SourceDiff source = compare_sources(before.source(name, old_value),
                                                after.source(name, new_value), diff.top_n, runtime);
            if (!source.empty())
                diff.sources.push_back({Value::of_text(name), std::move(source)});
        } else {
            check(before, name, old_value);
            check(after, name, new_value);
        }
    }
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
