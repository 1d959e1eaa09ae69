#include "core/snapshot_check.h"

#include "core/row_table.h"
#include "core/snapshot.h"

namespace dashboard_diff {

void validate_snapshot(const Value& root, const Runtime& runtime) {
    const Snapshot snapshot = Snapshot::read(root, {});
    RowTable(snapshot.primary(), runtime).index();
    if (!snapshot.materialized_data().present())
        return;
    MemberCursor members{Container(snapshot.materialized_data().data)};
    std::string_view name;
    Value value;
    while (members.next(name, value))
        if (snapshot.is_secondary_source(name, value))
            RowTable(snapshot.source(name, value), runtime).index();
}

} // namespace dashboard_diff
