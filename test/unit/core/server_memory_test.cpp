// The server's memory is aligned to 8 bytes, no more: whatever asks for more fails there, although
// it works in a plain program.

#include <memory_resource>

#include <gtest/gtest.h>

#include "core/describe.h"
#include "core/diff_read.h"
#include "core/diff_write.h"
#include "core/explain.h"
#include "core/explanation_excerpt.h"
#include "core/tuning.h"
#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

class ServerMemory : public std::pmr::memory_resource {
public:
    std::size_t allocations() const { return allocations_; }

private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        EXPECT_LE(alignment, 8U);
        ++allocations_;
        return std::pmr::get_default_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* data, std::size_t bytes, std::size_t alignment) override {
        std::pmr::get_default_resource()->deallocate(data, bytes, alignment);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override {
        return this == &other;
    }

    std::size_t allocations_ = 0;
};

// 300 rows in one order or its reverse, some of one side only, with numbers of any length.
std::string snapshot(bool after) {
    return R"({"primary_metric": 1, "materialized_data": {"m": )" + std::string(after ? "2" : "1") +
           R"(}, "primary_rows": [)" +
           joined(300,
                  [&](std::size_t i) {
                      const std::string id = std::to_string(after ? 310 - i : i);
                      return R"({"id": )" + id + R"(, "n": )" + (after ? "7" : "") + id +
                             std::string(60, '3') + R"(.5, "s": ")" + (after ? "y" : "x") + "\"}";
                  }) +
           "]}";
}

TEST(ServerMemory, SufficesForEverythingThatADiffIsMadeFor) {
    ServerMemory memory;
    Runtime runtime;
    runtime.memory = &memory;
    const Comparison comparison(snapshot(false), snapshot(true), 300, runtime);
    const Document written(write_diff(comparison.diff(), runtime), runtime);
    const Diff diff = read_diff(written.root(), runtime);
    Document(write_diff_excerpt(diff, 20000, runtime), runtime);
    for (const std::string rule :
         {R"("top_n_reordering": 1, "top_n": 300)", R"("top_n_moved": 1, "top_n": 300)",
          R"("top_n_entered": 1, "top_n": 150)", R"("top_n_left": 1, "top_n": 150)",
          R"("rank_delta": 1, "top_n": 300, "ids": [5, 6])", R"("value_delta_pct": 0.1)",
          R"("value_delta": 0.1, "min_rows": 3)", R"("field_changed": "s", "to": "y")",
          R"("set_added_min": 1)", R"("set_removed_min": 1)", R"("primary_metric_delta": 1)",
          R"("metric_delta_pct": 1, "on_metric": "m")"}) {
        SCOPED_TRACE(rule);
        const Document document(R"({"OR": [{)" + rule + R"(}, {"NOT": {)" + rule + "}}]}");
        const Threshold threshold = Threshold::read(document.root(), runtime);
        threshold.judge(diff, runtime);
        const Document explanation(explain(threshold, diff, runtime), runtime);
        Document(write_explanation_excerpt(explanation.root(), 500, runtime), runtime);
        EXPECT_FALSE(describe(diff, &threshold, runtime).empty());
        const double found = reach(threshold, diff, runtime);
        EXPECT_GE(found, 0);
        Document(scale_limits(threshold, 0.5, 1.5, runtime), runtime);
    }
    EXPECT_GT(memory.allocations(), 100U);
}

} // namespace
} // namespace dashboard_diff::testing
