// The trigger of dashboard_subscriptions: who may be told of what, and whether the target
// can be reached at all.

#include "extension/guard.h"
#include "extension/rights.h"
#include "extension/row_trigger.h"
#include "extension/statement.h"
#include "extension/targets.h"

namespace dashboard_diff {

namespace {

Statement parties_statement{
    R"(
SELECT d.id IS NOT NULL, d.owner, p.id IS NOT NULL, p.owner
  FROM (SELECT) one
  LEFT JOIN @extschema@.dashboards d ON d.id = $1
  LEFT JOIN @extschema@.personas p ON p.id = $2
)",
    2,
    {TEXTOID, TEXTOID}};

// Who owns the dashboard and the persona of a subscription; null where there is none.
struct Parties {
    bool dashboard_exists;
    const char* dashboard_owner;
    bool persona_exists;
    const char* persona_owner;
};

Parties find_parties(const Installation& installation, const char* dashboard, const char* persona) {
    Datum values[] = {CStringGetTextDatum(dashboard), CStringGetTextDatum(persona)};
    execute(parties_statement, installation, values, nullptr, Visibility::transaction, 1);
    const HeapTuple row = SPI_tuptable->vals[0];
    const TupleDesc columns = SPI_tuptable->tupdesc;
    bool is_null;
    return {DatumGetBool(SPI_getbinval(row, columns, 1, &is_null)), SPI_getvalue(row, columns, 2),
            DatumGetBool(SPI_getbinval(row, columns, 3, &is_null)), SPI_getvalue(row, columns, 4)};
}

Statement config_type_statement{
    "SELECT c.type FROM @extschema@.notification_configs c WHERE c.id = $1", 1, {INT8OID}};

void check_subscriber(const char* kind, const char* subscriber) {
    if (strcmp(kind, "persona") == 0)
        return;
    const std::optional<TargetKind> target_kind = find_target_kind(kind);
    if (!target_kind)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("unknown subscriber kind \"%s\"", kind),
                errhint("Kinds are persona, webhook, email, slack and telegram."));
    const TargetProblem found = find_target_problem(*target_kind, subscriber);
    if (found.problem != nullptr)
        ereport(
            ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("invalid subscriber_id \"%s\" for a subscription of kind %s", subscriber, kind),
            errdetail_internal("%s", found.problem), errhint("%s", found.hint));
}

// The rights are those of the subscription's owner, one of whose members row-level security
// requires the writer to be.
void check_entitled(const Parties& parties, const char* dashboard, const char* kind,
                    const char* subscriber, const char* owner) {
    if (superuser())
        return;
    const Oid role = get_role_oid(owner, false);
    const bool persona = strcmp(kind, "persona") == 0;
    if (has_rights_of(role, parties.dashboard_owner) ||
        (persona && has_rights_of(role, parties.persona_owner)))
        return;
    if (persona)
        ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                errmsg("permission denied to subscribe persona \"%s\"", subscriber),
                errdetail("Only the persona's owner, or a member of the role that owns dashboard "
                          "\"%s\", may subscribe it.",
                          dashboard));
    ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
            errmsg("permission denied to subscribe to dashboard \"%s\"", dashboard),
            errdetail("Only members of the role that owns the dashboard may have its content "
                      "sent."));
}

// The table's constraints say the same, but not why.
void check_config(const TriggerData* trigger, const Installation& installation, const char* kind) {
    const char* id = column_text(trigger, "notification_config_id");
    if (id == nullptr)
        return;
    const char* needed = strcmp(kind, "email") == 0      ? "SMTP"
                         : strcmp(kind, "slack") == 0    ? "SLACK"
                         : strcmp(kind, "telegram") == 0 ? "TELEGRAM"
                                                         : nullptr;
    if (needed == nullptr)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("a subscription of kind %s takes no notification config", kind));
    Datum values[] = {DirectFunctionCall1(int8in, CStringGetDatum(id))};
    execute(config_type_statement, installation, values, nullptr, Visibility::transaction, 1);
    if (SPI_processed == 0)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
                errmsg("notification config %s does not exist", id));
    const char* type = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
    if (strcmp(type, needed) != 0)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("notification config %s is of type %s", id, type),
                errdetail("A subscription of kind %s needs one of type %s.", kind, needed));
}

void check_subscription(FunctionCallInfo fcinfo) {
    const TriggerData* trigger = called_for_row(fcinfo, "dashboard_subscription_check");
    const char* dashboard = column_text(trigger, "dashboard_artifact_id");
    const char* kind = column_text(trigger, "subscriber_kind");
    const char* subscriber = column_text(trigger, "subscriber_id");
    const char* owner = column_text(trigger, "owner");
    if (dashboard == nullptr || kind == nullptr || subscriber == nullptr || owner == nullptr)
        return; // the NOT NULL constraints speak
    check_subscriber(kind, subscriber);

    const Installation installation = find_installation(fcinfo->flinfo->fn_oid);
    const int level = begin_statements();
    const Parties parties = find_parties(installation, dashboard, subscriber);
    if (!parties.dashboard_exists)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
                errmsg("dashboard \"%s\" does not exist", dashboard));
    if (strcmp(kind, "persona") == 0 && !parties.persona_exists)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
                errmsg("persona \"%s\" does not exist", subscriber));
    check_entitled(parties, dashboard, kind, subscriber, owner);
    check_config(trigger, installation, kind);
    end_statements(level);
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_subscription_check) {
    return guarded([&] {
        check_subscription(fcinfo);
        const auto* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
        return PointerGetDatum(new_row(trigger));
    });
}

} // namespace dashboard_diff
