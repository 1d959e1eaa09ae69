#include "core/snapshot.h"

#include "core/decimal.h"
#include "core/error.h"

namespace dashboard_diff {

namespace {

std::string member_place(std::string_view name) {
    return "materialized_data." + std::string(name);
}

std::string_view read_name(const Value& root, std::string_view key, std::string_view document) {
    const Value name = find_member(root, key);
    if (!name.present())
        return {};
    if (!name.is(Kind::string) || name.length == 0)
        throw_invalid_snapshot(document, std::string(key) + ": must be a non-empty string");
    return name.text();
}

RankingRule read_ranking(const Value& root, std::string_view document) {
    RankingRule rule;
    if (const std::string_view id_field = read_name(root, "id_field", document); !id_field.empty())
        rule.id_field = id_field;
    rule.rank_by = read_name(root, "rank_by", document);
    rule.has_rank_by = !rule.rank_by.empty();
    if (const Value order = find_member(root, "rank_order"); order.present()) {
        const bool ascending = order.is(Kind::string) && order.text() == "asc";
        if (!ascending && !(order.is(Kind::string) && order.text() == "desc"))
            throw_invalid_snapshot(document, "rank_order: must be \"asc\" or \"desc\"");
        rule.ascending = rule.has_rank_by && ascending;
    }
    return rule;
}

// Checks that every entry is a row source or a metric; finds the only row source where no
// name tells the primary one.
void read_materialized_data(const Value& data, std::string_view document, std::string_view& only,
                            int& sources) {
    MemberCursor members{Container(data.data)};
    std::string_view name;
    Value value;
    sources = 0;
    while (members.next(name, value)) {
        if (value.is(Kind::array)) {
            only = name;
            ++sources;
        } else if (!value.is(Kind::numeric)) {
            throw_invalid_snapshot(document,
                                   member_place(name) + ": must be an array of rows or a number");
        }
    }
}

} // namespace

std::string Place::name() const {
    return source ? member_place(*source) : "primary_rows";
}

std::string Place::row(std::size_t index) const {
    return name() + "[" + std::to_string(index) + "]";
}

void throw_invalid_snapshot(std::string_view document, std::string detail, std::string hint) {
    const std::string message = document.empty() ? "invalid dashboard snapshot"
                                                 : "invalid dashboard snapshot in argument \"" +
                                                       std::string(document) + "\"";
    throw Error(ErrorCode::invalid_parameter, message, std::move(detail), std::move(hint));
}

Snapshot Snapshot::read(const Value& root, std::string_view document) {
    Snapshot snapshot;
    snapshot.primary_.place.document = document;
    if (root.is(Kind::array)) {
        snapshot.primary_.rows = root;
        return snapshot;
    }
    if (!root.is(Kind::object))
        throw_invalid_snapshot(document, "$: must be an array of rows or an object",
                               "A snapshot is {\"primary_rows\": [{\"id\": ...}, ...]} or just "
                               "the array of rows.");

    snapshot.primary_.ranking = read_ranking(root, document);
    const std::string_view primary_name = read_name(root, "primary", document);
    snapshot.primary_metric_ = find_member(root, "primary_metric");
    if (const Value& metric = snapshot.primary_metric_;
        metric.present() && !(metric.is(Kind::numeric) && Decimal(metric).finite()))
        throw_invalid_snapshot(document, "primary_metric: must be a number");

    std::string_view only_source;
    int sources = 0;
    snapshot.materialized_data_ = find_member(root, "materialized_data");
    const Value& data = snapshot.materialized_data_;
    if (data.present()) {
        if (!data.is(Kind::object))
            throw_invalid_snapshot(document, "materialized_data: must be an object");
        read_materialized_data(data, document, only_source, sources);
    }

    Value& rows = snapshot.primary_.rows;
    rows = find_member(root, "primary_rows");
    if (rows.present()) {
        if (!rows.is(Kind::array))
            throw_invalid_snapshot(document, "primary_rows: must be an array of rows");
        return snapshot;
    }
    // From here on an entry of materialized_data is the primary one; beside primary_rows none is.
    snapshot.has_primary_name_ = true;
    snapshot.primary_name_ = primary_name;
    if (primary_name.empty()) {
        if (sources != 1)
            throw_invalid_snapshot(
                document,
                data.present() ? "materialized_data: holds " + std::to_string(sources) +
                                     " row sources, so that the primary one is not known"
                               : "primary_rows: is missing",
                data.present() ? "Name the primary row source with \"primary\"." : "");
        snapshot.primary_name_ = only_source;
    }
    rows = data.present() ? find_member(data, snapshot.primary_name_) : Value{};
    if (!rows.is(Kind::array))
        throw_invalid_snapshot(document, "primary: \"" + std::string(snapshot.primary_name_) +
                                             "\" is no row source of materialized_data");
    snapshot.primary_.place.source = snapshot.primary_name_;
    return snapshot;
}

} // namespace dashboard_diff
