#pragma once

// A subscriber's threshold: a tree of rules, each with one operator.

#include <cstdint>
#include <memory_resource>
#include <string>
#include <vector>

#include "core/diff.h"
#include "core/json_path.h"
#include "core/jsonb.h"
#include "core/rule.h"
#include "core/runtime.h"

namespace dashboard_diff {

class Threshold {
public:
    static constexpr int max_levels = 16;
    static constexpr std::size_t max_nodes = 256;

    // Throws invalid_parameter, with the JSON path in DETAIL and for an unknown key the nearest
    // known one in HINT.
    static Threshold read(const Value& root, const Runtime& runtime) {
        return read(root, JsonPath{nullptr, {}, 0, &runtime}, runtime);
    }
    // The same of one that stands within a larger document, at `at`.
    static Threshold read(const Value& root, const JsonPath& at, const Runtime& runtime);

    // Whether the diff meets it. Throws invalid_parameter where it looks at a larger top N than
    // the diff holds.
    Truth judge(const Diff& diff, const Runtime& runtime) const;

    // The same of the subtree at rule i, for a diff that was checked.
    Truth judge_rule(std::size_t i, const Diff& diff, const Runtime& runtime) const;

    // The top_n that a diff must have been made with; 1 where no operator looks at a top N.
    std::uint32_t required_top_n() const noexcept { return required_top_n_; }
    void check_top_n(const Diff& diff) const;

    const std::pmr::vector<Rule>& rules() const noexcept { return rules_; }

    // Calls visit(index) for each child of rule i.
    template <typename Visit>
    void for_each_child(std::size_t i, Visit&& visit) const {
        for (std::size_t child = i + 1; child < rules_[i].end; child = rules_[child].end)
            visit(child);
    }

private:
    friend class ThresholdReader;
    explicit Threshold(std::pmr::memory_resource* memory) : rules_(memory) {}

    std::pmr::vector<Rule> rules_; // in preorder
    std::uint32_t required_top_n_ = 1;
    std::string top_n_path_; // of the rule that looks at the largest
};

} // namespace dashboard_diff
