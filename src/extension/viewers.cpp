// allow_viewer(), revoke_viewer(), and what row-level security asks about dashboards and roles.

#include "extension/viewers.h"
#include "extension/guard.h"
#include "extension/rights.h"

namespace dashboard_diff {

namespace {

constexpr char everybody[] = "public";

Statement owner_statement{
    "SELECT d.owner FROM @extschema@.dashboards d WHERE d.id = $1", 1, {TEXTOID}};

Statement viewers_statement{
    "SELECT v.viewer FROM @extschema@.dashboard_viewers v WHERE v.dashboard_artifact_id = $1",
    1,
    {TEXTOID}};

Statement allow_statement{
    R"(
INSERT INTO @extschema@.dashboard_viewers (dashboard_artifact_id, viewer) VALUES ($1, $2)
ON CONFLICT DO NOTHING
)",
    2,
    {TEXTOID, NAMEOID}};

Statement revoke_statement{
    R"(
DELETE FROM @extschema@.dashboard_viewers v
 WHERE v.dashboard_artifact_id = $1 AND v.viewer = $2
RETURNING 1
)",
    2,
    {TEXTOID, NAMEOID}};

// Those of roles that do not see the dashboard any more, but for what somebody has locked; how many
// of them there are.
Statement switch_off_statement{
    R"(
WITH blind AS MATERIALIZED (
  SELECT u.id
    FROM @extschema@.dashboard_subscriptions u
    JOIN @extschema@.dashboards d ON d.id = u.dashboard_artifact_id
   WHERE u.dashboard_artifact_id = $1 AND u.is_active
     AND NOT @extschema@.role_has_rights(u.owner, d.owner)
     AND NOT EXISTS (SELECT FROM @extschema@.dashboard_viewers v
                      WHERE v.dashboard_artifact_id = $1
                        AND (v.viewer = 'public'::name
                             OR @extschema@.role_has_rights(u.owner, v.viewer)))
), free AS MATERIALIZED (
  SELECT u.id FROM @extschema@.dashboard_subscriptions u
   WHERE u.dashboard_artifact_id = $1 AND u.id = ANY (ARRAY(SELECT b.id FROM blind b))
     FOR NO KEY UPDATE SKIP LOCKED
), ended AS (
  UPDATE @extschema@.dashboard_subscriptions s
     SET is_active = false
   WHERE s.dashboard_artifact_id = $1 AND s.id = ANY (ARRAY(SELECT f.id FROM free f))
  RETURNING s.id, s.owner
), told AS (
  INSERT INTO @extschema@.dashboard_events (dashboard_artifact_id, event_type, message)
  SELECT $1, 'subscription_off',
         format('Subscription %s of %s is switched off: its owner may not see the dashboard any more.',
                e.id, e.owner)
    FROM ended e
)
SELECT (SELECT count(*) FROM blind) - (SELECT count(*) FROM free)
)",
    1,
    {TEXTOID}};

// A viewer's open transaction does not keep the owner from taking the right away.
void switch_off_subscriptions(const Installation& installation, Datum* values) {
    execute(switch_off_statement, installation, values, nullptr, Visibility::latest, 1);
    bool is_null;
    const std::int64_t locked =
        DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
    if (locked > 0)
        ereport(
            WARNING, errcode(ERRCODE_LOCK_NOT_AVAILABLE),
            errmsg("subscriptions that are locked are not switched off yet: " INT64_FORMAT, locked),
            errdetail("Another transaction has them locked."),
            errhint("Call revoke_viewer() again."));
}

// Null where there is no such dashboard. In the current memory context.
const char* find_owner(const Installation& installation, const char* dashboard) {
    Datum values[] = {CStringGetTextDatum(dashboard)};
    execute(owner_statement, installation, values, nullptr, Visibility::transaction, 1);
    return SPI_processed == 0 ? nullptr
                              : SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

bool stands_for(const char* viewer, Oid role) {
    if (strcmp(viewer, everybody) == 0)
        return true;
    const Oid viewer_role = get_role_oid(viewer, true);
    return OidIsValid(viewer_role) && has_privs_of_role(role, viewer_role);
}

void check_owns(const Installation& installation, const char* dashboard) {
    const char* owner = find_owner(installation, dashboard);
    if (owner == nullptr)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
                errmsg("dashboard \"%s\" does not exist", dashboard));
    if (!has_rights_of(GetUserId(), owner))
        ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                errmsg("permission denied for dashboard \"%s\"", dashboard),
                errdetail("Only members of the role that owns the dashboard decide who sees it."));
}

// The viewer's name as it is stored.
Datum viewer_argument(FunctionCallInfo fcinfo, bool must_exist) {
    const char* role = NameStr(*PG_GETARG_NAME(1));
    if (pg_strcasecmp(role, everybody) == 0)
        return DirectFunctionCall1(namein, CStringGetDatum(everybody));
    if (must_exist)
        (void)get_role_oid(role, false);
    return PG_GETARG_DATUM(1);
}

// Begins with the check that the caller may.
template <typename Code>
auto change_viewers(FunctionCallInfo fcinfo, bool must_exist, Code&& code) {
    return guarded([&] {
        const int level = begin_statements();
        const Installation installation = find_installation(fcinfo->flinfo->fn_oid);
        check_owns(installation, text_to_cstring(PG_GETARG_TEXT_PP(0)));
        Datum values[] = {PG_GETARG_DATUM(0), viewer_argument(fcinfo, must_exist)};
        const bool changed = code(installation, values);
        end_statements(level);
        return changed;
    });
}

} // namespace

bool is_viewer(const Installation& installation, const char* dashboard, Oid role) {
    Datum values[] = {CStringGetTextDatum(dashboard)};
    execute(viewers_statement, installation, values, nullptr, Visibility::transaction, 0);
    for (std::uint64_t i = 0; i < SPI_processed; ++i)
        if (stands_for(SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1), role))
            return true;
    return false;
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_allow_viewer) {
    change_viewers(fcinfo, true, [](const Installation& installation, Datum* values) {
        execute(allow_statement, installation, values, nullptr, Visibility::transaction, 0);
        return true;
    });
    PG_RETURN_VOID();
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_revoke_viewer) {
    PG_RETURN_BOOL(
        change_viewers(fcinfo, false, [](const Installation& installation, Datum* values) {
            execute(revoke_statement, installation, values, nullptr, Visibility::transaction, 0);
            const bool revoked = SPI_processed > 0;
            switch_off_subscriptions(installation, values);
            return revoked;
        }));
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_is_viewer) {
    return guarded(
        [&] { return BoolGetDatum(stands_for(NameStr(*PG_GETARG_NAME(0)), GetUserId())); });
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_owns_dashboard) {
    return guarded([&] {
        const int level = begin_statements();
        const char* owner = find_owner(find_installation(fcinfo->flinfo->fn_oid),
                                       text_to_cstring(PG_GETARG_TEXT_PP(0)));
        const bool owns = owner != nullptr && has_rights_of(GetUserId(), owner);
        end_statements(level);
        return BoolGetDatum(owns);
    });
}

} // namespace dashboard_diff
