#pragma once

// Pairs the rows of two sources by id, and compares each pair.

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <vector>

#include "core/diff.h"
#include "core/row_diff.h"
#include "core/row_table.h"

namespace dashboard_diff {

// Both sides are walked together, `before` a little ahead, so that each row is read while it is in
// the cache. Rows mostly keep their order, and then no id of `after` is looked up. A row whose id
// has not come in `before` yet waits until all of `before` is indexed.
class RowMatcher {
public:
    static constexpr std::uint32_t none = RowTable::none;

    RowMatcher(RowTable& before, RowTable& after, SourceDiff& out, const Runtime& runtime);

    // Appends the changes of rows, and the ids on one side only, to the diff. Throws
    // invalid_parameter for the first row that is not valid, those of `before` first.
    void match();

    // The place that a row has on the other side, or none. Once all are matched.
    std::uint32_t in_after(std::uint32_t before) const noexcept { return to_after_[before]; }
    std::uint32_t in_before(std::uint32_t after);

private:
    // A row of `after` that waits, and its row of `before` where that is known.
    struct Waiting {
        std::uint32_t after;
        std::uint32_t before;
    };

    bool all_indexed() const noexcept { return before_.indexed() == before_.size(); }
    bool match_run();
    void take_copies(const RowCursor& before_end, const RowCursor& after_end);
    void match_scattered();
    void match_row(const RowCursor* candidate = nullptr);
    void pair(std::uint32_t before, std::uint32_t after);
    void compare(const RowCursor& before, const RowCursor& after, const Value& id);
    void wait(std::uint32_t after, std::uint32_t before);
    void settle();
    void add(std::uint32_t after, const Value& id, std::uint64_t hash);
    void list_removed();
    [[noreturn]] void refuse();

    RowTable& before_;
    RowTable& after_;
    SourceDiff& out_;
    const Runtime& runtime_;
    RowComparer comparer_;
    RowFields fields_; // of rows of `after`
    RowCursor guess_;  // the likeliest row of `before` for the next one of `after`
    RowCursor row_;    // the next row of `after`
    std::pmr::vector<std::uint32_t> to_after_;
    std::pmr::vector<Waiting> waiting_;
    std::optional<IdIndex> added_; // rows of `after` that are not in `before`
    std::uint32_t matched_ = 0;
    std::uint32_t run_end_ = 0; // rows of `after` before this place are no run of copies
    std::uint32_t jumps_ = 0;   // wrong guesses in a row
    bool same_id_field_;
    bool same_rule_;
};

} // namespace dashboard_diff
