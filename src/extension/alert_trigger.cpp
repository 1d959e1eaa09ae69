// dashboard_snapshot_alert(): from a new snapshot to alert rows and one NOTIFY, in the inserting
// transaction.

#include "core/describe.h"
#include "core/diff_write.h"
#include "core/error.h"
#include "core/explain.h"
#include "core/explanation_excerpt.h"
#include "core/json_text_size.h"
#include "core/snapshot.h"
#include "core/snapshot_check.h"
#include "core/snapshot_diff.h"
#include "core/threshold.h"

#include "extension/alert_store.h"
#include "extension/guard.h"
#include "extension/rights.h"
#include "extension/server_runtime.h"
#include "extension/snapshot_table.h"

namespace dashboard_diff {

namespace {

constexpr char channel[] = "dashboard_alert";

// The top N that a stored diff holds at least; more where a threshold looks further.
constexpr std::uint32_t default_top_n = 10;

// Of a webhook's 20 kB: what the diff and the explanation may take, as JSON text. The rest is for
// the summary, the dashboard's id and the envelope.
constexpr std::size_t max_diff_bytes = 9'000;
constexpr std::size_t max_explanation_bytes = 4'000;

void check_called_as_trigger(FunctionCallInfo fcinfo) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("dashboard_snapshot_alert: must be called as trigger"));
    const auto* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
    if (!TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
        !TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("dashboard_snapshot_alert: must be fired AFTER INSERT FOR EACH ROW"));
    // At the end of the transaction, what was there before the row can no longer be told.
    if (trigger->tg_trigger->tgdeferrable)
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("dashboard_snapshot_alert: must not be deferrable"));
}

// Whether it is the extension's own table, which checks what is inserted.
bool is_own(const Installation& installation, const SnapshotTable* table) {
    return table->relation == get_relname_relid("dashboard_snapshots", installation.schema);
}

// Whoever owns the table decides what goes into it, so must be entitled to speak for the
// dashboard; the extension's own table has row-level security for that.
void check_speaks_for_dashboard(const Installation& installation, const SnapshotTable* table,
                                const SnapshotRow& row, const char* dashboard_owner) {
    if (is_own(installation, table) || has_rights_of(table->owner, dashboard_owner))
        return;
    ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
            errmsg("permission denied for dashboard \"%s\"", row.dashboard),
            errdetail("Table \"%s\" is not owned by a member of role \"%s\", which owns the "
                      "dashboard.",
                      get_rel_name(table->relation), dashboard_owner));
}

// Everything about the insert that is known before documents are looked at.
struct Insert {
    Installation installation;
    SnapshotTable* table;
    SnapshotRow row;
    bool has_subscribers;
    bool is_checked;   // the document is known to be a valid snapshot
    Baseline baseline; // not found: there is nothing to compare with
};

bool same_definition(const char* before, const char* after) {
    if (before == nullptr || after == nullptr)
        return before == after;
    return strcmp(before, after) == 0;
}

Insert read_insert(FunctionCallInfo fcinfo) {
    const auto* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
    // Taken before the lock is: what the statement itself could see.
    const ::Snapshot statement_snapshot = GetActiveSnapshot();

    Insert insert{};
    insert.installation = find_installation(fcinfo->flinfo->fn_oid);
    insert.table = find_snapshot_table(trigger);
    insert.row = read_snapshot_row(insert.table, trigger);
    const AlertedDashboard dashboard =
        find_alerted_dashboard(insert.installation, insert.row.dashboard);
    insert.has_subscribers = dashboard.has_subscribers;
    if (!dashboard.has_subscribers)
        return insert;
    insert.is_checked = is_own(insert.installation, insert.table);
    check_speaks_for_dashboard(insert.installation, insert.table, insert.row, dashboard.owner);
    lock_dashboard(insert.installation.schema, insert.row.dashboard);
    if (is_backfill(insert.table, insert.row, statement_snapshot))
        return insert;
    insert.baseline = find_baseline(insert.table, insert.row);
    // A dashboard that is made in another way is another picture: a new baseline.
    if (!same_definition(insert.baseline.definition, insert.row.definition))
        insert.baseline.found = false;
    return insert;
}

// A document that is not going to be compared has to be valid all the same: the next one's
// baseline is this one.
void check_document(const Value& document, const Insert& insert, const Runtime& runtime) {
    if (!insert.is_checked)
        validate_snapshot(document, runtime);
}

// The documents' difference, or none where the baseline starts anew: the ranking has another
// definition, or the earlier document (in a table that nobody checked) is no snapshot.
std::optional<Diff> compare_documents(const Value& before, const Value& after, std::uint32_t top_n,
                                      const Insert& insert, const Runtime& runtime) {
    const Snapshot new_snapshot = Snapshot::read(after, {});
    try {
        const Snapshot old_snapshot = Snapshot::read(before, "before");
        if (old_snapshot.ranking() != new_snapshot.ranking()) {
            check_document(after, insert, runtime);
            return std::nullopt;
        }
        return compare_snapshots(old_snapshot, new_snapshot, top_n, runtime);
    } catch (const Error&) {
        validate_snapshot(after, runtime); // if it is the new one that is at fault, say so
        try {
            validate_snapshot(before, runtime);
        } catch (const Error& error) {
            const std::string detail = error.detail();
            guarded([&] {
                ereport(WARNING, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("snapshot " INT64_FORMAT " of dashboard \"%s\" is not valid, so "
                               "that the next one is not compared with it",
                               insert.baseline.id, insert.row.dashboard),
                        errdetail_internal("%s", detail.c_str()));
            });
            return std::nullopt;
        }
        throw;
    }
}

class Thresholds {
public:
    Thresholds(const StoredThresholds& stored, const Insert& insert, const Runtime& runtime)
        : parsed_(runtime.memory), keys_(runtime.memory) {
        for (std::uint64_t i = 0; i < stored.count; ++i) {
            try {
                parsed_.push_back(Threshold::read(detoast_jsonb(stored.documents[i]), runtime));
                keys_.push_back(stored.keys[i]);
            } catch (const Error& error) {
                warn(insert, error.detail());
            }
        }
    }

    std::size_t size() const noexcept { return parsed_.size(); }
    const Threshold& operator[](std::size_t i) const noexcept { return parsed_[i]; }
    Datum key(std::size_t i) const noexcept { return keys_[i]; }

    std::uint32_t required_top_n() const noexcept {
        std::uint32_t top_n = default_top_n;
        for (const Threshold& threshold : parsed_)
            top_n = std::max(top_n, threshold.required_top_n());
        return top_n;
    }

private:
    // Stored thresholds were checked when they were written. One that has become invalid all the
    // same must not keep snapshots from being inserted.
    static void warn(const Insert& insert, const std::string& detail) {
        guarded([&] {
            ereport(WARNING, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("a threshold of dashboard \"%s\" is not valid and was passed over",
                           insert.row.dashboard),
                    errdetail_internal("%s", detail.c_str()));
        });
    }

    std::pmr::vector<Threshold> parsed_;
    std::pmr::vector<Datum> keys_;
};

// The whole diff; where it is too large for a jsonb, as much of it as a webhook gets.
Datum diff_to_store(const Diff& diff, const Runtime& runtime) {
    try {
        return jsonb_datum(write_diff(diff, runtime));
    } catch (const Error& error) {
        if (error.code() != ErrorCode::limit_exceeded)
            throw;
        return jsonb_datum(write_diff_excerpt(diff, max_diff_bytes, runtime));
    }
}

Datum explanation_to_store(const Threshold& threshold, const Diff& diff, const Runtime& runtime) {
    JsonbDatum whole = explain(threshold, diff, runtime);
    if (json_text_size(whole.root(), runtime) <= max_explanation_bytes)
        return jsonb_datum(whole);
    return jsonb_datum(write_explanation_excerpt(whole.root(), max_explanation_bytes, runtime));
}

// Judges each threshold and stores what follows; the number of alerts.
std::int64_t alert_subscribers(const Insert& insert, const Thresholds& thresholds, const Diff& diff,
                               const Runtime& runtime) {
    std::pmr::vector<Datum> keys(runtime.memory);
    std::pmr::vector<Datum> explanations(runtime.memory);
    std::pmr::vector<Datum> summaries(runtime.memory);
    for (std::size_t i = 0; i < thresholds.size(); ++i) {
        if (thresholds[i].judge(diff, runtime) != Truth::yes)
            continue;
        keys.push_back(thresholds.key(i));
        explanations.push_back(explanation_to_store(thresholds[i], diff, runtime));
        summaries.push_back(text_datum(describe(diff, &thresholds[i], runtime)));
    }
    if (keys.empty())
        return 0;

    Findings findings{};
    findings.dashboard = insert.row.dashboard;
    findings.snapshot_a = insert.baseline.id;
    findings.snapshot_b = insert.row.id;
    findings.captured_at = insert.row.captured_at;
    findings.diff = diff_to_store(diff, runtime);
    const Value stored = detoast_jsonb(findings.diff);
    if (json_text_size(stored, runtime) > max_diff_bytes)
        findings.excerpt = jsonb_datum(write_diff_excerpt(diff, max_diff_bytes, runtime));
    findings.count = static_cast<int>(keys.size());
    findings.keys = keys.data();
    findings.explanations = explanations.data();
    findings.summaries = summaries.data();
    return guarded([&] { return store_alerts(insert.installation, findings); });
}

void notify(const Insert& insert, std::int64_t alerts) {
    StringInfoData payload;
    initStringInfo(&payload);
    appendStringInfoString(&payload, "{\"schema\": ");
    escape_json(&payload, insert.installation.schema_name);
    appendStringInfoString(&payload, ", \"dashboard_id\": ");
    escape_json(&payload, insert.row.dashboard);
    appendStringInfo(&payload,
                     ", \"snapshot_a\": " INT64_FORMAT ", \"snapshot_b\": " INT64_FORMAT
                     ", \"alerts\": " INT64_FORMAT "}",
                     insert.baseline.id, insert.row.id, alerts);
    Async_Notify(channel, payload.data);
}

void process_insert(FunctionCallInfo fcinfo) {
    const Insert insert = guarded([&] { return read_insert(fcinfo); });
    if (!insert.has_subscribers)
        return;
    const ServerRuntime runtime;
    const Value after = detoast_jsonb(insert.row.content);
    if (!insert.baseline.found) {
        check_document(after, insert, runtime);
        return;
    }
    const StoredThresholds stored =
        guarded([&] { return find_thresholds(insert.installation, insert.row.dashboard); });
    const Thresholds thresholds(stored, insert, runtime);
    const Value before = detoast_jsonb(insert.baseline.content);
    const std::optional<Diff> diff =
        compare_documents(before, after, thresholds.required_top_n(), insert, runtime);
    if (!diff)
        return;
    if (const std::int64_t alerts = alert_subscribers(insert, thresholds, *diff, runtime))
        guarded([&] { notify(insert, alerts); });
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_snapshot_alert) {
    guarded([&] { check_called_as_trigger(fcinfo); });
    const int level = guarded([] { return begin_statements(); });
    process_insert(fcinfo);
    guarded([&] { end_statements(level); });
    return PointerGetDatum(nullptr);
}

} // namespace dashboard_diff
