// The trigger of dashboard_subscriptions: who may be told of what, and whether the target
// can be reached at all.

#include "core/threshold.h"

#include "extension/guard.h"
#include "extension/restore.h"
#include "extension/rights.h"
#include "extension/row_trigger.h"
#include "extension/server_runtime.h"
#include "extension/statement.h"
#include "extension/targets.h"
#include "extension/viewers.h"

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

Statement config_statement{
    R"(
SELECT c.type, @extschema@.may_use_config(c.id, $2)
  FROM @extschema@.notification_configs c WHERE c.id = $1
)",
    2,
    {INT8OID, NAMEOID}};

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

[[noreturn]] void refuse_dashboard(const char* dashboard, const char* why) {
    ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
            errmsg("permission denied to subscribe to dashboard \"%s\"", dashboard),
            errdetail_internal("%s", why));
    pg_unreachable();
}

// The rights are those of the subscription's owner, one of whose members row-level security
// requires the writer to be. What leaves the database is the dashboard's owner's to send; a persona
// is told in the database, of what its owner may see.
void check_entitled(const Installation& installation, const Parties& parties, const char* dashboard,
                    const char* kind, const char* subscriber, const char* owner) {
    const Oid role = get_role_oid(owner, false);
    const bool owns_dashboard = has_rights_of(role, parties.dashboard_owner);
    if (strcmp(kind, "persona") != 0) {
        if (!owns_dashboard)
            refuse_dashboard(dashboard, "Only members of the role that owns the dashboard may have "
                                        "its content sent.");
        return;
    }
    if (!owns_dashboard && !is_viewer(installation, dashboard, role))
        refuse_dashboard(dashboard,
                         "The dashboard's owner has not let the subscription's owner see "
                         "it by allow_viewer().");
    if (!has_rights_of(role, parties.persona_owner))
        ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                errmsg("permission denied to subscribe persona \"%s\"", subscriber),
                errdetail("Only members of the role that owns the persona may subscribe it."));
}

// The table's constraints say the same, but not why.
void check_config(const TriggerData* trigger, const Installation& installation, const char* kind,
                  const char* owner) {
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
    Datum values[] = {DirectFunctionCall1(int8in, CStringGetDatum(id)),
                      DirectFunctionCall1(namein, CStringGetDatum(owner))};
    execute(config_statement, installation, values, nullptr, Visibility::transaction, 1);
    if (SPI_processed == 0)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
                errmsg("notification config %s does not exist", id));
    const char* type = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
    if (strcmp(type, needed) != 0)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("notification config %s is of type %s", id, type),
                errdetail("A subscription of kind %s needs one of type %s.", kind, needed));
    bool is_null;
    if (!DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &is_null)) &&
        !is_restore(trigger->tg_relation->rd_rel->relowner))
        ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                errmsg("permission denied to send through notification config %s", id),
                errdetail("Role \"%s\" neither has the rights of the config's owner nor is one of "
                          "its allowed_roles.",
                          owner));
}

Statement latest_statement{
    R"(
SELECT s.id
  FROM @extschema@.dashboard_snapshots s
 WHERE s.dashboard_artifact_id = $1
 ORDER BY s.captured_at DESC, s.id DESC
 LIMIT 1
)",
    1,
    {TEXTOID}};

// The row with the dashboard's latest snapshot, where it names none itself.
HeapTuple note_start(const TriggerData* trigger, const Installation& installation,
                     const char* dashboard, MemoryContext row_context) {
    const HeapTuple row = new_row(trigger);
    const TupleDesc columns = RelationGetDescr(trigger->tg_relation);
    int number = SPI_fnumber(columns, "start_snapshot_id");
    bool is_null;
    (void)SPI_getbinval(row, columns, number, &is_null);
    if (!is_null || !TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
        return row;
    Datum values[] = {CStringGetTextDatum(dashboard)};
    execute(latest_statement, installation, values, nullptr, Visibility::transaction, 1);
    if (SPI_processed == 0)
        return row;
    Datum latest = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
    const MemoryContext outer = MemoryContextSwitchTo(row_context);
    const HeapTuple noted = heap_modify_tuple_by_cols(row, columns, 1, &number, &latest, &is_null);
    MemoryContextSwitchTo(outer);
    return noted;
}

HeapTuple check_subscription(FunctionCallInfo fcinfo) {
    const TriggerData* trigger = called_for_row(fcinfo, "dashboard_subscription_check");
    const char* dashboard = column_text(trigger, "dashboard_artifact_id");
    const char* kind = column_text(trigger, "subscriber_kind");
    const char* subscriber = column_text(trigger, "subscriber_id");
    const char* owner = column_text(trigger, "owner");
    if (dashboard == nullptr || kind == nullptr || subscriber == nullptr || owner == nullptr)
        return new_row(trigger); // the NOT NULL constraints speak
    // What a restore brings back was checked when it was written.
    if (is_restore(trigger->tg_relation->rd_rel->relowner))
        return new_row(trigger);
    check_subscriber(kind, subscriber);

    const MemoryContext row_context = CurrentMemoryContext;
    const Installation installation = find_installation(fcinfo->flinfo->fn_oid);
    const int level = begin_statements();
    const Parties parties = find_parties(installation, dashboard, subscriber);
    if (!parties.dashboard_exists)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
                errmsg("dashboard \"%s\" does not exist", dashboard));
    if (strcmp(kind, "persona") == 0 && !parties.persona_exists)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
                errmsg("persona \"%s\" does not exist", subscriber));
    if (!superuser())
        check_entitled(installation, parties, dashboard, kind, subscriber, owner);
    check_config(trigger, installation, kind, owner);
    const HeapTuple row = note_start(trigger, installation, dashboard, row_context);
    end_statements(level);
    return row;
}

// The rule as it is written, or absent where it is null or what a restore brings back.
Value written_threshold(const TriggerData* trigger) {
    bool is_null = true;
    const Datum threshold = guarded([&] {
        if (is_restore(trigger->tg_relation->rd_rel->relowner))
            return Datum{0};
        const TupleDesc columns = RelationGetDescr(trigger->tg_relation);
        return SPI_getbinval(new_row(trigger), columns, SPI_fnumber(columns, "threshold_json"),
                             &is_null);
    });
    return is_null ? Value{} : detoast_jsonb(threshold);
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_subscription_check) {
    const auto* trigger =
        guarded([&] { return called_for_row(fcinfo, "dashboard_subscription_check"); });
    const Value threshold = written_threshold(trigger);
    if (threshold.present())
        Threshold::read(threshold, ServerRuntime());
    return guarded([&] { return PointerGetDatum(check_subscription(fcinfo)); });
}

} // namespace dashboard_diff
