// take_snapshot(): a dashboard's own queries, run as its owner, become a snapshot of it.

#include "core/error.h"
#include "core/jsonb_writer.h"
#include "core/view_spec.h"

#include "extension/guard.h"
#include "extension/owner_queries.h"
#include "extension/rights.h"
#include "extension/server_runtime.h"
#include "extension/statement.h"
#include "extension/work_lock.h"

#include <algorithm>

namespace dashboard_diff {

namespace {

Statement dashboard_statement{
    R"(
SELECT d.owner, d.view_spec, md5(d.view_spec::text) FROM @extschema@.dashboards d WHERE d.id = $1
)",
    1,
    {TEXTOID}};

Statement insert_statement{
    R"(
INSERT INTO @extschema@.dashboard_snapshots
  (dashboard_artifact_id, content, view_hash, content_hash)
VALUES ($1, $2, $3, md5($2::text))
RETURNING id
)",
    3,
    {TEXTOID, JSONBOID, TEXTOID}};

struct Dashboard {
    const char* id;
    const char* owner;
    Datum view_spec; // jsonb; 0: it has none
    Datum view_hash; // text
};

Dashboard find_dashboard(const Installation& installation, const char* id) {
    Datum values[] = {CStringGetTextDatum(id)};
    execute(dashboard_statement, installation, values, nullptr, Visibility::latest, 1);
    if (SPI_processed == 0)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
                errmsg("dashboard \"%s\" does not exist", id));
    const HeapTuple row = SPI_tuptable->vals[0];
    const TupleDesc columns = SPI_tuptable->tupdesc;
    Dashboard found{id, SPI_getvalue(row, columns, 1), 0, 0};
    if (!has_rights_of(GetUserId(), found.owner))
        ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                errmsg("permission denied to take a snapshot of dashboard \"%s\"", id),
                errdetail("Only members of the role that owns the dashboard may."));
    bool is_null;
    const Datum spec = SPI_getbinval(row, columns, 2, &is_null);
    if (!is_null) {
        found.view_spec = PointerGetDatum(PG_DETOAST_DATUM_COPY(spec));
        found.view_hash = SPI_getbinval(row, columns, 3, &is_null);
    }
    return found;
}

[[noreturn]] void refuse_unmade(const Dashboard& dashboard) {
    throw Error(ErrorCode::invalid_parameter,
                "dashboard \"" + std::string(dashboard.id) + "\" cannot take snapshots of itself",
                "Its view_spec names no data_sources.",
                "Set view_spec to {\"data_sources\": {\"rows\": {\"sql\": \"SELECT ...\"}}}.");
}

const char* copy_text(std::string_view text, const ServerRuntime& runtime) {
    auto* copy = static_cast<char*>(runtime.memory->allocate(text.size() + 1, 1));
    std::ranges::copy(text, copy);
    copy[text.size()] = '\0';
    return copy;
}

// The results of a view_spec's queries, in the order of its sources.
using Results = std::pmr::vector<OwnerQuery>;

Results run_queries(const Installation& installation, const Dashboard& dashboard,
                    const ViewSpec& spec, const ServerRuntime& runtime) {
    Results results(runtime.memory);
    for (const DataSource& source : spec.sources()) {
        OwnerQuery query = {};
        query.name = copy_text(source.name, runtime);
        query.sql = copy_text(source.sql, runtime);
        results.push_back(query);
    }
    guarded([&] {
        run_owner_queries(installation, dashboard.id, dashboard.owner, results.data(),
                          static_cast<int>(results.size()));
    });
    return results;
}

Value row_of(const OwnerQuery& result, std::size_t i) {
    return detoast_jsonb(result.rows[i]);
}

// The number of a result that is a metric; absent where the query found none (NULL, NaN).
Value metric_of(const OwnerQuery& result) {
    Value value;
    std::string_view column;
    MemberCursor members{Container(row_of(result, 0).data)};
    members.next(column, value);
    return value.is(Kind::numeric) ? value : Value{};
}

[[noreturn]] void refuse_metric(const Dashboard& dashboard, const OwnerQuery& result) {
    throw Error(ErrorCode::invalid_parameter,
                "could not take a snapshot of dashboard \"" + std::string(dashboard.id) + "\"",
                "Data source \"" + std::string(result.name) +
                    "\": the primary metric must be one row of one numeric column, and it "
                    "returned " +
                    std::to_string(result.count) + " rows of " + std::to_string(result.columns) +
                    " columns.");
}

// What a snapshot is made of, read out of the results.
struct Content {
    explicit Content(const ServerRuntime& runtime) : others(runtime.memory) {}

    struct Entry {
        std::string_view name;
        const OwnerQuery* result;
        Value metric; // or absent: its rows are meant
    };

    const OwnerQuery* primary = nullptr;
    Value primary_metric;
    std::pmr::vector<Entry> others; // in jsonb's order of their names
};

Content read_content(const Dashboard& dashboard, const ViewSpec& spec, const Results& results,
                     const ServerRuntime& runtime) {
    Content content(runtime);
    for (std::size_t i = 0; i < results.size(); ++i) {
        const OwnerQuery& result = results[i];
        const bool is_metric = result.is_numeric && result.count == 1;
        if (i == spec.primary()) {
            content.primary = &result;
            continue;
        }
        if (spec.is_primary_metric(i)) {
            // None today is not an error: nothing is known of the metric then.
            if (!is_metric && result.count > 0)
                refuse_metric(dashboard, result);
            content.primary_metric = is_metric ? metric_of(result) : Value{};
        }
        const Value metric = is_metric ? metric_of(result) : Value{};
        const bool is_unknown = is_metric ? !metric.present() : spec.is_primary_metric(i);
        if (!is_unknown)
            content.others.push_back({spec.sources()[i].name, &result, metric});
    }
    return content;
}

void write_rows(JsonbWriter& writer, const OwnerQuery& result) {
    writer.begin_array(result.count);
    for (std::size_t i = 0; i < result.count; ++i)
        writer.value(row_of(result, i));
    writer.end();
}

JsonbDatum write_content(const Content& content, const RankingRule& ranking,
                         const ServerRuntime& runtime) {
    std::pmr::vector<std::string_view> keys(runtime.memory);
    // In jsonb's order.
    if (ranking.has_rank_by)
        keys.push_back("rank_by");
    keys.push_back("id_field");
    if (ranking.has_rank_by)
        keys.push_back("rank_order");
    keys.push_back("primary_rows");
    if (content.primary_metric.present())
        keys.push_back("primary_metric");
    if (!content.others.empty())
        keys.push_back("materialized_data");

    JsonbWriter writer(runtime, 65536);
    writer.begin_object(keys);
    if (ranking.has_rank_by)
        writer.string(ranking.rank_by);
    writer.string(ranking.id_field);
    if (ranking.has_rank_by)
        writer.string(ranking.ascending ? "asc" : "desc");
    write_rows(writer, *content.primary);
    if (content.primary_metric.present())
        writer.value(content.primary_metric);
    if (!content.others.empty()) {
        std::pmr::vector<std::string_view> names(runtime.memory);
        for (const Content::Entry& entry : content.others)
            names.push_back(entry.name);
        writer.begin_object(names);
        for (const Content::Entry& entry : content.others) {
            if (entry.metric.present())
                writer.value(entry.metric);
            else
                write_rows(writer, *entry.result);
        }
        writer.end();
    }
    writer.end();
    return writer.finish();
}

std::int64_t insert_snapshot(const Installation& installation, const Dashboard& dashboard,
                             Datum content) {
    Datum values[] = {CStringGetTextDatum(dashboard.id), content, dashboard.view_hash};
    execute(insert_statement, installation, values, nullptr, Visibility::transaction, 0);
    bool is_null;
    return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
}

std::int64_t take_snapshot(const Installation& installation, const char* id) {
    const ServerRuntime runtime;
    // Of two that are taken at once the one that looked first is the earlier one; who inserts by
    // hand does not wait.
    guarded([&] { acquire(WorkLock::take, installation.schema, id); });
    const Dashboard dashboard = guarded([&] { return find_dashboard(installation, id); });
    if (dashboard.view_spec == 0)
        refuse_unmade(dashboard);
    const ViewSpec spec = ViewSpec::read(detoast_jsonb(dashboard.view_spec), runtime);
    if (spec.sources().empty())
        refuse_unmade(dashboard);
    const Results results = run_queries(installation, dashboard, spec, runtime);
    const Content content = read_content(dashboard, spec, results, runtime);
    const Datum document = jsonb_datum(write_content(content, spec.ranking(), runtime));
    return guarded([&] { return insert_snapshot(installation, dashboard, document); });
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_take_snapshot) {
    const char* id = guarded([&] { return text_to_cstring(PG_GETARG_TEXT_PP(0)); });
    const int level = guarded([] { return begin_statements(); });
    const Installation installation =
        guarded([&] { return find_installation(fcinfo->flinfo->fn_oid); });
    const std::int64_t snapshot = take_snapshot(installation, id);
    guarded([&] { end_statements(level); });
    PG_RETURN_INT64(snapshot);
}

} // namespace dashboard_diff
