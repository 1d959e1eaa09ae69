#pragma once

// A dashboard snapshot: the document of rows and metrics that a dashboard showed at one moment.
// Only the envelope is read here; rows are read by whoever walks them (row_table.h).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/jsonb.h"

namespace dashboard_diff {

// How rows are identified and ranked; a threshold is only comparable within one ranking.
struct RankingRule {
    std::string_view id_field = "id";
    std::string_view rank_by; // empty: a row's rank is its place
    bool has_rank_by = false;
    bool ascending = false;

    friend bool operator==(const RankingRule&, const RankingRule&) = default;
};

// Where in the snapshot a row source stands, for messages.
struct Place {
    std::string_view document;                // "before", "after", or empty for the only one
    std::optional<std::string_view> source;   // absent: primary_rows
    std::string row(std::size_t index) const; // primary_rows[17]
    std::string name() const;
};

struct RowSource {
    Value rows; // an array, or absent
    RankingRule ranking;
    Place place;
};

class Snapshot {
public:
    // Reads the envelope; `document` names it in messages. Throws invalid_parameter.
    static Snapshot read(const Value& root, std::string_view document);

    const RowSource& primary() const noexcept { return primary_; }
    const Value& primary_metric() const noexcept { return primary_metric_; }
    const Value& materialized_data() const noexcept { return materialized_data_; }
    const RankingRule& ranking() const noexcept { return primary_.ranking; }
    std::string_view document() const noexcept { return primary_.place.document; }

    // The row source `name` of materialized_data, when it is one and is not the primary.
    bool is_secondary_source(std::string_view name, const Value& value) const noexcept {
        return value.is(Kind::array) && !(has_primary_name_ && name == primary_name_);
    }
    RowSource source(std::string_view name, const Value& rows) const {
        return {rows, primary_.ranking, {primary_.place.document, name}};
    }

private:
    RowSource primary_;
    Value primary_metric_;
    Value materialized_data_;
    std::string_view primary_name_; // of the entry of materialized_data that is the primary
    bool has_primary_name_ = false;
};

// Raises the error that a snapshot is not valid; `detail` starts with the place.
[[noreturn]] void throw_invalid_snapshot(std::string_view document, std::string detail,
                                         std::string hint = {});

} // namespace dashboard_diff
