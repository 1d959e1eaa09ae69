// The BEFORE triggers of the extension's tables: snapshots get their time and stay as they are,
// subscriptions are checked.

#include "extension/alert_store.h"
#include "extension/guard.h"
#include "extension/snapshot_table.h"
#include "extension/statement.h"

extern "C" {
#include "commands/dbcommands.h"
}

namespace dashboard_diff {

namespace {

TriggerData* called_as_trigger(FunctionCallInfo fcinfo, const char* name) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("%s: must be called as trigger", name));
    auto* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
    if (!TRIGGER_FIRED_BEFORE(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("%s: must be fired BEFORE ... FOR EACH ROW", name));
    return trigger;
}

HeapTuple new_row(const TriggerData* trigger) {
    return TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple
                                                      : trigger->tg_trigtuple;
}

// The text of a column of the row being written, or null.
const char* column_text(const TriggerData* trigger, const char* column) {
    const TupleDesc columns = RelationGetDescr(trigger->tg_relation);
    return SPI_getvalue(new_row(trigger), columns, SPI_fnumber(columns, column));
}

Statement stamp_statement{
    R"(
SELECT (SELECT md5(d.view_spec::text)
          FROM @extschema@.dashboards d
         WHERE d.id = $1),
       (SELECT s.captured_at
          FROM @extschema@.dashboard_snapshots s
         WHERE s.dashboard_artifact_id = $1
         ORDER BY s.captured_at DESC
         LIMIT 1)
)",
    1,
    {TEXTOID}};

// What an insert may leave out.
struct Stamp {
    Datum view_hash; // text
    bool has_view_hash;
    TimestampTz captured_at; // now, but later than every snapshot that the dashboard has: also
                             // when the clock stepped back
};

Stamp make_stamp(const Installation& installation, const char* dashboard) {
    Stamp stamp{0, false, GetCurrentTimestamp()};
    Datum values[] = {CStringGetTextDatum(dashboard)};
    execute(stamp_statement, installation, values, nullptr, Visibility::latest, 1);
    const HeapTuple row = SPI_tuptable->vals[0];
    bool is_null;
    stamp.view_hash = SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &is_null);
    stamp.has_view_hash = !is_null;
    const Datum latest_datum = SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &is_null);
    const TimestampTz latest = is_null ? DT_NOBEGIN : DatumGetTimestampTz(latest_datum);
    if (!TIMESTAMP_NOT_FINITE(latest) && stamp.captured_at <= latest)
        stamp.captured_at = latest + 1;
    return stamp;
}

HeapTuple stamp_row(FunctionCallInfo fcinfo) {
    TriggerData* trigger = called_as_trigger(fcinfo, "dashboard_snapshot_stamp");
    const TupleDesc columns = RelationGetDescr(trigger->tg_relation);
    const char* dashboard = column_text(trigger, "dashboard_artifact_id");
    if (dashboard == nullptr)
        return trigger->tg_trigtuple; // the NOT NULL constraint speaks next

    int numbers[] = {SPI_fnumber(columns, "captured_at"), SPI_fnumber(columns, "view_hash")};
    Datum values[2];
    bool nulls[2];
    for (int i = 0; i < 2; ++i)
        values[i] = SPI_getbinval(trigger->tg_trigtuple, columns, numbers[i], &nulls[i]);
    if (!nulls[0] && !nulls[1])
        return trigger->tg_trigtuple;

    const Installation installation = find_installation(fcinfo->flinfo->fn_oid);
    const MemoryContext row_context = CurrentMemoryContext;
    const int level = begin_statements();
    // Where somebody is going to be told, the order of the times is the order of the commits.
    if (nulls[0] && find_alerted_dashboard(installation, dashboard).has_subscribers)
        lock_dashboard(installation.schema, dashboard);
    const Stamp stamp = make_stamp(installation, dashboard);
    if (nulls[0]) {
        values[0] = TimestampTzGetDatum(stamp.captured_at);
        nulls[0] = false;
    }
    if (nulls[1] && stamp.has_view_hash) {
        values[1] = stamp.view_hash;
        nulls[1] = false;
    }
    const MemoryContext statement_context = MemoryContextSwitchTo(row_context);
    const HeapTuple stamped =
        heap_modify_tuple_by_cols(trigger->tg_trigtuple, columns, 2, numbers, values, nulls);
    MemoryContextSwitchTo(statement_context);
    end_statements(level);
    return stamped;
}

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

bool has_rights_of(Oid member, const char* role_name) {
    const Oid role = role_name != nullptr ? get_role_oid(role_name, true) : InvalidOid;
    return OidIsValid(role) ? has_privs_of_role(member, role) : superuser_arg(member);
}

bool starts_with(const char* text, const char* prefix) {
    return pg_strncasecmp(text, prefix, strlen(prefix)) == 0;
}

[[noreturn]] void refuse_subscriber(const char* kind, const char* subscriber, const char* problem,
                                    const char* hint) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("invalid subscriber_id \"%s\" for a subscription of kind %s", subscriber, kind),
            errdetail_internal("%s", problem), errhint("%s", hint));
    pg_unreachable();
}

bool has_space_or_control(const char* text) {
    for (; *text != '\0'; ++text)
        if (static_cast<unsigned char>(*text) <= ' ' || *text == 0x7F)
            return true;
    return false;
}

void check_webhook_url(const char* url) {
    const char* host = starts_with(url, "https://")  ? url + 8
                       : starts_with(url, "http://") ? url + 7
                                                     : nullptr;
    constexpr char hint[] = "Give a URL such as https://example.com/hook.";
    if (host == nullptr)
        refuse_subscriber("webhook", url, "The URL must begin with https:// or http://.", hint);
    const std::size_t authority = strcspn(host, "/?#");
    if (authority == 0 || host[0] == ':')
        refuse_subscriber("webhook", url, "The URL has no host.", hint);
    if (memchr(host, '@', authority) != nullptr)
        refuse_subscriber("webhook", url, "The URL must not carry a user name or password.", hint);
    if (has_space_or_control(url) || strlen(url) > 2000)
        refuse_subscriber("webhook", url, "The URL must have no spaces and at most 2000 bytes.",
                          hint);
}

void check_subscriber(const char* kind, const char* subscriber) {
    if (strcmp(kind, "webhook") == 0) {
        check_webhook_url(subscriber);
    } else if (strcmp(kind, "email") == 0) {
        const char* at = strchr(subscriber, '@');
        if (at == nullptr || at == subscriber || at[1] == '\0' || strchr(at + 1, '@') != nullptr ||
            strpbrk(subscriber, ",;<>()[]\\\"") != nullptr || has_space_or_control(subscriber) ||
            strlen(subscriber) > 320)
            refuse_subscriber(kind, subscriber, "It is no e-mail address.",
                              "Give one bare address such as ana@example.com.");
    } else if (strcmp(kind, "slack") == 0 || strcmp(kind, "telegram") == 0) {
        if (*subscriber == '\0' || has_space_or_control(subscriber) || strlen(subscriber) > 2000)
            refuse_subscriber(kind, subscriber, "It must be a channel or chat without spaces.",
                              strcmp(kind, "slack") == 0 ? "Give a channel such as #sales."
                                                         : "Give a chat id such as -100123.");
    } else if (strcmp(kind, "persona") != 0) {
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("unknown subscriber kind \"%s\"", kind),
                errhint("Kinds are persona, webhook, email, slack and telegram."));
    }
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

void check_subscription(FunctionCallInfo fcinfo) {
    const TriggerData* trigger = called_as_trigger(fcinfo, "dashboard_subscription_check");
    const char* dashboard = column_text(trigger, "dashboard_artifact_id");
    const char* kind = column_text(trigger, "subscriber_kind");
    const char* subscriber = column_text(trigger, "subscriber_id");
    const char* owner = column_text(trigger, "owner");
    if (dashboard == nullptr || kind == nullptr || subscriber == nullptr || owner == nullptr)
        return; // the NOT NULL constraints speak next
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
    end_statements(level);
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_snapshot_stamp) {
    return guarded([&] { return PointerGetDatum(stamp_row(fcinfo)); });
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_snapshot_refuse_update) {
    return guarded([&] {
        (void)called_as_trigger(fcinfo, "dashboard_snapshot_refuse_update");
        ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                errmsg("dashboard snapshots cannot be updated"),
                errhint("Insert a new snapshot, or delete this one."));
        return Datum{0};
    });
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_subscription_check) {
    return guarded([&] {
        check_subscription(fcinfo);
        const auto* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
        return PointerGetDatum(new_row(trigger));
    });
}

} // namespace dashboard_diff
