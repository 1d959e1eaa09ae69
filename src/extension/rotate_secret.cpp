// rotate_webhook_secret(): a new signing key for a subscription of the caller's. What keys are
// derived from is not a caller's to write, hence no UPDATE in SQL.

#include "extension/guard.h"
#include "extension/statement.h"

namespace dashboard_diff {

namespace {

// The caller's rights decide, to change the row as well.
Statement find_statement{
    R"(
SELECT s.dashboard_artifact_id FROM @extschema@.dashboard_subscriptions s
 WHERE s.id = $1
   FOR NO KEY UPDATE
)",
    1,
    {INT8OID}};

Statement raise_statement{
    R"(
UPDATE @extschema@.dashboard_subscriptions s
   SET secret_version = s.secret_version + 1, previous_secret_until = clock_timestamp() + $3
 WHERE s.dashboard_artifact_id = $1 AND s.id = $2
RETURNING s.secret_version
)",
    3,
    {TEXTOID, INT8OID, INTERVALOID}};

Datum only_value(bool* is_null) {
    return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, is_null);
}

Datum rotate(FunctionCallInfo fcinfo) {
    const Installation installation = find_installation(fcinfo->flinfo->fn_oid);
    Datum subscription[] = {PG_GETARG_DATUM(0)};
    execute_as_caller(find_statement, installation, subscription, 1, false);
    if (SPI_processed == 0) {
        fcinfo->isnull = true;
        return 0;
    }
    bool is_null;
    Datum values[] = {only_value(&is_null), subscription[0], PG_GETARG_DATUM(1)};
    execute(raise_statement, installation, values, nullptr, Visibility::transaction, 1);
    return only_value(&is_null);
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_rotate_webhook_secret) {
    return guarded([&] {
        const int level = begin_statements();
        const Datum version = rotate(fcinfo);
        end_statements(level);
        return version;
    });
}

} // namespace dashboard_diff
