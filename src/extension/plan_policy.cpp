// plan_policy(): when the dashboards of a policy are to be checked on a date, and plan_policies(),
// the same of many. They run with the extension owner's rights, since policies of others have a say
// in that.

#include "extension/guard.h"
#include "extension/joint_plan.h"
#include "extension/rights.h"
#include "extension/statement.h"

extern "C" {
#include "funcapi.h"
}

namespace dashboard_diff {

namespace {

Statement policy_statement{
    "SELECT p.owner, p.is_active FROM @extschema@.validation_policies p WHERE p.id = $1",
    1,
    {INT8OID}};

Statement neighbours_statement{
    R"(
SELECT o.id, (SELECT sum(1 << d)::integer FROM unnest(o.schedule_days) AS d), o.window_start,
       o.window_end, o.timezone
  FROM @extschema@.validation_policies p
  JOIN @extschema@.validation_policies o ON o.environment_id = p.environment_id AND o.is_active
 WHERE p.id = $1
)",
    1,
    {INT8OID}};

// Of all neighbours at once: one by one would take as many times as long as there are policies.
Statement counts_statement{
    R"(
SELECT c.policy_id, count(*)
  FROM @extschema@.covered_dashboards(ARRAY(
         SELECT o.id FROM @extschema@.validation_policies p
           JOIN @extschema@.validation_policies o
             ON o.environment_id = p.environment_id AND o.is_active
          WHERE p.id = $1)) AS c
 GROUP BY c.policy_id
)",
    1,
    {INT8OID}};

Statement dashboards_statement{
    R"(
SELECT c.policy_id, c.dashboard_id
  FROM @extschema@.covered_dashboards($1) AS c
 ORDER BY c.policy_id, c.dashboard_id COLLATE "C"
)",
    1,
    {INT8ARRAYOID}};

Datum column(std::uint64_t row, int number) {
    bool is_null;
    return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, &is_null);
}

std::uint64_t run(Statement& statement, const Installation& installation, std::int64_t policy) {
    Datum values[] = {Int64GetDatum(policy)};
    execute(statement, installation, values, nullptr, Visibility::transaction, 0);
    return SPI_processed;
}

// Whether the policy is active. As row-level security would have it, a policy that is not the
// caller's does not exist for him.
bool find_policy(const Installation& installation, std::int64_t policy, Oid caller) {
    const bool exists = run(policy_statement, installation, policy) == 1;
    if (!exists || !has_rights_of(caller, NameStr(*DatumGetName(column(0, 1)))))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
                errmsg("validation policy " INT64_FORMAT " does not exist", policy));
    return DatumGetBool(column(0, 2));
}

std::vector<PlannedPolicy> find_neighbours(const Installation& installation, std::int64_t policy) {
    const std::uint64_t count =
        guarded([&] { return run(neighbours_statement, installation, policy); });
    std::vector<PlannedPolicy> found(count);
    guarded([&] {
        for (std::uint64_t i = 0; i < count; ++i)
            found[i] = {DatumGetInt64(column(i, 1)), DatumGetUInt32(column(i, 2)),
                        DatumGetTimeADT(column(i, 3)), DatumGetTimeADT(column(i, 4)),
                        find_zone(TextDatumGetCString(column(i, 5)))};
    });
    return found;
}

using Dashboards = std::map<std::int64_t, std::vector<Datum>>;

// What the policies cover, as text in the current memory context.
Dashboards find_dashboards(const Installation& installation, Datum policies) {
    const std::uint64_t count = guarded([&] {
        Datum values[] = {policies};
        execute(dashboards_statement, installation, values, nullptr, Visibility::transaction, 0);
        return SPI_processed;
    });
    Dashboards found;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::int64_t policy = guarded([&] { return DatumGetInt64(column(i, 1)); });
        found[policy].push_back(
            guarded([&] { return PointerGetDatum(PG_DETOAST_DATUM_COPY(column(i, 2))); }));
    }
    return found;
}

// How many dashboards each neighbour of the policy covers.
std::map<std::int64_t, std::int64_t> count_dashboards(const Installation& installation,
                                                      std::int64_t policy) {
    std::map<std::int64_t, std::int64_t> counts;
    const std::uint64_t count =
        guarded([&] { return run(counts_statement, installation, policy); });
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::int64_t of = guarded([&] { return DatumGetInt64(column(i, 1)); });
        counts[of] = guarded([&] { return DatumGetInt64(column(i, 2)); });
    }
    return counts;
}

// The plan of an environment's policies on a date; `planned` is one of them.
JointPlan make_plan(const Installation& installation, std::int64_t planned, DateADT date,
                    const Dashboards& dashboards) {
    return JointPlan(
        find_neighbours(installation, planned), date,
        [&installation, &dashboards, planned,
         counts = std::optional<std::map<std::int64_t, std::int64_t>>()](std::int64_t id) mutable {
            if (const auto own = dashboards.find(id); own != dashboards.end())
                return static_cast<std::int64_t>(own->second.size());
            if (!counts)
                counts = count_dashboards(installation, planned);
            return (*counts)[id];
        });
}

void put_row(const ReturnSetInfo* result, Datum* values) {
    bool nulls[3] = {};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum policy_array(std::int64_t policy) {
    Datum element = Int64GetDatum(policy);
    return PointerGetDatum(construct_array(&element, 1, INT8OID, sizeof(std::int64_t),
                                           FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

int begin_plan(FunctionCallInfo fcinfo, DateADT date) {
    InitMaterializedSRF(fcinfo, 0);
    if (DATE_NOT_FINITE(date))
        ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("date must be finite"));
    return begin_statements();
}

const ReturnSetInfo* result_of(FunctionCallInfo fcinfo) {
    return reinterpret_cast<const ReturnSetInfo*>(fcinfo->resultinfo);
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_plan_policy) {
    const std::int64_t policy = PG_GETARG_INT64(0);
    const DateADT date = PG_GETARG_DATEADT(1);
    const Oid caller = GetUserId();
    const int level = guarded([&] { return begin_plan(fcinfo, date); });
    const Installation installation =
        guarded([&] { return find_installation(fcinfo->flinfo->fn_oid); });
    if (guarded([&] { return find_policy(installation, policy, caller); })) {
        Dashboards dashboards =
            find_dashboards(installation, guarded([&] { return policy_array(policy); }));
        const std::vector<Datum>& own = dashboards[policy];
        JointPlan plan = make_plan(installation, policy, date, dashboards);
        const std::vector<TimestampTz>& times = plan.times_of(policy);
        for (std::size_t i = 0; i < times.size(); ++i) {
            Datum values[] = {own[i], TimestampTzGetDatum(times[i])};
            guarded([&] { put_row(result_of(fcinfo), values); });
        }
    }
    guarded([&] { end_statements(level); });
    return Datum{0};
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_plan_policies) {
    const Datum policies = PG_GETARG_DATUM(0);
    const DateADT date = PG_GETARG_DATEADT(1);
    const int level = guarded([&] { return begin_plan(fcinfo, date); });
    const Installation installation =
        guarded([&] { return find_installation(fcinfo->flinfo->fn_oid); });
    const Dashboards dashboards = find_dashboards(installation, policies);
    if (!dashboards.empty()) {
        JointPlan plan = make_plan(installation, dashboards.begin()->first, date, dashboards);
        for (const auto& [policy, own] : dashboards) {
            const std::vector<TimestampTz>& times = plan.times_of(policy);
            for (std::size_t i = 0; i < times.size(); ++i) {
                Datum values[] = {Int64GetDatum(policy), own[i], TimestampTzGetDatum(times[i])};
                guarded([&] { put_row(result_of(fcinfo), values); });
            }
        }
    }
    guarded([&] { end_statements(level); });
    return Datum{0};
}

} // namespace dashboard_diff
