#include "core/view_spec.h"

#include <algorithm>
#include <string>

#include "core/error.h"
#include "core/json_path.h"
#include "core/limits.h"

namespace dashboard_diff {

namespace {

constexpr std::string_view known_keys[] = {"data_sources", "primary",    "id_field",
                                           "rank_by",      "rank_order", "primary_metric"};

[[noreturn]] void refuse(const JsonPath& at, std::string_view problem, std::string hint = {}) {
    throw_invalid_view_spec("at " + at.text() + ": " + std::string(problem), std::move(hint));
}

std::string key_names() {
    std::string names;
    for (const std::string_view key : known_keys)
        names += (names.empty() ? "" : ", ") + std::string(key);
    return names;
}

std::string_view read_text(const Value& value, const JsonPath& at) {
    if (!value.is(Kind::string) || value.length == 0)
        refuse(at, "must be a non-empty string");
    return value.text();
}

// What becomes a key of each snapshot, or is looked up in each of its rows.
std::string_view check_name(std::string_view name, const JsonPath& at) {
    if (const limits::Problem problem = limits::problem_of_name(name.size()))
        refuse(at, problem.text, std::string(problem.hint));
    return name;
}

std::string_view read_query(const Value& value, const JsonPath& at) {
    const std::string_view sql = read_text(value, at);
    if (sql.size() > limits::query_bytes)
        refuse(at, "must be at most " + std::to_string(limits::query_bytes) + " bytes long",
               "Put what is long into a view.");
    return sql;
}

std::string_view read_optional_text(const Value& root, std::string_view key, const JsonPath& at) {
    const Value value = find_member(root, key);
    return value.present() ? check_name(read_text(value, {&at, key}), {&at, key})
                           : std::string_view{};
}

DataSource read_source(std::string_view name, const Value& source, const JsonPath& at) {
    if (name.empty())
        refuse(at, "a data source must have a name");
    check_name(name, at);
    if (!source.is(Kind::object))
        refuse(at, "must be an object with the query in \"sql\"");
    MemberCursor members{Container(source.data)};
    std::string_view key;
    Value value;
    DataSource read{name, {}};
    while (members.next(key, value)) {
        const JsonPath here{&at, key};
        if (key != "sql")
            refuse(here, "is no key of a data source",
                   "A data source is {\"sql\": \"SELECT ...\"}.");
        read.sql = read_query(value, here);
    }
    if (read.sql.empty())
        refuse({&at, "sql"}, "is missing");
    return read;
}

bool mentions_own_key(const Value& root) {
    return std::ranges::any_of(
        known_keys, [&](std::string_view key) { return find_member(root, key).present(); });
}

RankingRule read_ranking(const Value& root, const JsonPath& at) {
    RankingRule rule;
    if (const std::string_view id = read_optional_text(root, "id_field", at); !id.empty())
        rule.id_field = id;
    rule.rank_by = read_optional_text(root, "rank_by", at);
    rule.has_rank_by = !rule.rank_by.empty();
    const std::string_view order = read_optional_text(root, "rank_order", at);
    if (!order.empty() && order != "asc" && order != "desc")
        refuse({&at, "rank_order"}, "must be \"asc\" or \"desc\"");
    if (!order.empty() && !rule.has_rank_by)
        refuse({&at, "rank_order"}, "needs \"rank_by\"");
    rule.ascending = order == "asc";
    return rule;
}

} // namespace

void throw_invalid_view_spec(std::string detail, std::string hint) {
    throw Error(ErrorCode::invalid_parameter, "invalid view_spec", std::move(detail),
                std::move(hint));
}

std::string query_path(std::string_view source, const Runtime& runtime) {
    const JsonPath root{nullptr, {}, 0, &runtime};
    const JsonPath sources{&root, "data_sources"};
    const JsonPath of_source{&sources, source};
    return JsonPath{&of_source, "sql"}.text();
}

ViewSpec ViewSpec::read(const Value& root, const Runtime& runtime) {
    const JsonPath at{nullptr, {}, 0, &runtime};
    if (!root.is(Kind::object))
        refuse(at, "must be an object");
    ViewSpec spec(runtime);
    const Value sources = find_member(root, "data_sources");
    const JsonPath sources_at{&at, "data_sources"};
    if (!sources.present()) {
        if (mentions_own_key(root))
            refuse(sources_at, "is missing");
        return spec;
    }

    MemberCursor members{Container(root.data)};
    std::string_view key;
    Value value;
    while (members.next(key, value))
        if (std::ranges::find(known_keys, key) == std::end(known_keys))
            refuse({&at, key}, "is no key of a view_spec", "Keys are " + key_names() + ".");

    if (!sources.is(Kind::object) || Container(sources.data).count() == 0)
        refuse(sources_at, "must be an object with at least one data source");
    if (Container(sources.data).count() > max_sources)
        refuse(sources_at, "must have at most " + std::to_string(max_sources) + " data sources");
    MemberCursor source_members{Container(sources.data)};
    while (source_members.next(key, value))
        spec.sources_.push_back(read_source(key, value, {&sources_at, key}));
    spec.ranking_ = read_ranking(root, at);

    const auto find_source = [&](std::string_view name, const JsonPath& here) {
        const auto found = std::ranges::find(spec.sources_, name, &DataSource::name);
        if (found == spec.sources_.end())
            refuse(here, "\"" + std::string(name) + "\" is none of the data sources");
        return static_cast<std::size_t>(found - spec.sources_.begin());
    };
    spec.primary_metric_ = read_optional_text(root, "primary_metric", at);
    const JsonPath metric_at{&at, "primary_metric"};
    if (!spec.primary_metric_.empty())
        find_source(spec.primary_metric_, metric_at);

    const JsonPath primary_at{&at, "primary"};
    const std::string_view primary = read_optional_text(root, "primary", at);
    if (!primary.empty()) {
        spec.primary_ = find_source(primary, primary_at);
    } else {
        // Not left to what the queries return: that may change from one snapshot to the next.
        const auto is_candidate = [&](const DataSource& source) {
            return source.name != spec.primary_metric_;
        };
        if (std::ranges::count_if(spec.sources_, is_candidate) != 1)
            refuse(primary_at, "is missing", "Name the data source of the dashboard's rows.");
        spec.primary_ = static_cast<std::size_t>(std::ranges::find_if(spec.sources_, is_candidate) -
                                                 spec.sources_.begin());
    }
    if (spec.is_primary_metric(spec.primary_))
        refuse(metric_at, "must be another data source than the primary one");
    return spec;
}

} // namespace dashboard_diff
