// plan_policy(): when the dashboards of a policy are to be checked on a date. It runs with the
// extension owner's rights, since policies of others have a say in that.

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

Statement count_statement{"SELECT count(*) FROM @extschema@.policy_dashboards($1)", 1, {INT8OID}};

Statement dashboards_statement{
    "SELECT d FROM @extschema@.policy_dashboards($1) AS d", 1, {INT8OID}};

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

// Their names, as text in the current memory context.
std::vector<Datum> find_dashboards(const Installation& installation, std::int64_t policy) {
    const std::uint64_t count =
        guarded([&] { return run(dashboards_statement, installation, policy); });
    std::vector<Datum> found(count);
    guarded([&] {
        for (std::uint64_t i = 0; i < count; ++i)
            found[i] = PointerGetDatum(PG_DETOAST_DATUM_COPY(column(i, 1)));
    });
    return found;
}

void put_plan(const std::vector<Datum>& dashboards, const std::vector<TimestampTz>& times,
              const ReturnSetInfo* result) {
    guarded([&] {
        for (std::size_t i = 0; i < times.size(); ++i) {
            Datum values[] = {dashboards[i], TimestampTzGetDatum(times[i])};
            bool nulls[2] = {};
            tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
        }
    });
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_plan_policy) {
    const std::int64_t policy = PG_GETARG_INT64(0);
    const DateADT date = PG_GETARG_DATEADT(1);
    const Oid caller = GetUserId();
    const int level = guarded([&] {
        InitMaterializedSRF(fcinfo, 0);
        if (DATE_NOT_FINITE(date))
            ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                    errmsg("date must be finite"));
        return begin_statements();
    });
    const Installation installation =
        guarded([&] { return find_installation(fcinfo->flinfo->fn_oid); });
    if (guarded([&] { return find_policy(installation, policy, caller); })) {
        const std::vector<Datum> dashboards = find_dashboards(installation, policy);
        JointPlan plan(find_neighbours(installation, policy), date, [&](std::int64_t id) {
            if (id == policy)
                return static_cast<std::int64_t>(dashboards.size());
            return guarded([&] {
                run(count_statement, installation, id);
                return DatumGetInt64(column(0, 1));
            });
        });
        put_plan(dashboards, plan.times_of(policy),
                 reinterpret_cast<const ReturnSetInfo*>(fcinfo->resultinfo));
    }
    guarded([&] { end_statements(level); });
    return Datum{0};
}

} // namespace dashboard_diff
