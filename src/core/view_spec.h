#pragma once

// How a dashboard is made: the queries that its snapshots are taken with.

#include <memory_resource>
#include <string_view>
#include <vector>

#include "core/jsonb.h"
#include "core/runtime.h"
#include "core/snapshot.h"

namespace dashboard_diff {

struct DataSource {
    std::string_view name;
    std::string_view sql;
};

// A view_spec, of which it holds views: the document must outlive it.
class ViewSpec {
public:
    static constexpr std::size_t max_sources = 64;

    // Throws invalid_parameter, with the JSON path in DETAIL. The queries are not looked into. A
    // document that says nothing of how to make a dashboard describes one that is made elsewhere:
    // it has no sources.
    static ViewSpec read(const Value& root, const Runtime& runtime);

    // In jsonb's order of their names.
    const std::pmr::vector<DataSource>& sources() const noexcept { return sources_; }
    // Which of them has the primary rows.
    std::size_t primary() const noexcept { return primary_; }
    bool is_primary_metric(std::size_t source) const noexcept {
        return sources_[source].name == primary_metric_;
    }
    const RankingRule& ranking() const noexcept { return ranking_; }

private:
    explicit ViewSpec(const Runtime& runtime) : sources_(runtime.memory) {}

    std::pmr::vector<DataSource> sources_;
    std::size_t primary_ = 0;
    std::string_view primary_metric_; // empty: none
    RankingRule ranking_;
};

// Raises the error that a view_spec is not valid; `detail` starts with the path.
[[noreturn]] void throw_invalid_view_spec(std::string detail, std::string hint = {});

// Where in a view_spec the query of a source stands, for messages.
std::string query_path(std::string_view source, const Runtime& runtime);

} // namespace dashboard_diff
