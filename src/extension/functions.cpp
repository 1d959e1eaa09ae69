// The SQL functions over documents: each decodes its arguments, calls the core, encodes the result.

#include "core/describe.h"
#include "core/diff_read.h"
#include "core/diff_write.h"
#include "core/error.h"
#include "core/explain.h"
#include "core/snapshot.h"
#include "core/snapshot_check.h"
#include "core/snapshot_diff.h"
#include "core/threshold.h"

#include "extension/alert_store.h"
#include "extension/evaluation.h"
#include "extension/guard.h"
#include "extension/rights.h"
#include "extension/server_runtime.h"

namespace dashboard_diff {

DASHBOARD_DIFF_FUNCTION(dashboard_diff) {
    const ServerRuntime runtime;
    const int top_n = PG_GETARG_INT32(2);
    if (top_n < 1)
        throw Error(ErrorCode::invalid_parameter, "top_n must be at least 1");
    const Snapshot before = Snapshot::read(jsonb_argument(fcinfo, 0), "before");
    const Snapshot after = Snapshot::read(jsonb_argument(fcinfo, 1), "after");
    const Diff diff = compare_snapshots(before, after, static_cast<std::uint32_t>(top_n), runtime);
    return jsonb_datum(write_diff(diff, runtime));
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_validate_snapshot) {
    const ServerRuntime runtime;
    validate_snapshot(jsonb_argument(fcinfo, 0), runtime);
    PG_RETURN_BOOL(true);
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_meets_threshold) {
    const ServerRuntime runtime;
    const Diff diff = read_diff(jsonb_argument(fcinfo, 0), runtime);
    const Threshold threshold = Threshold::read(jsonb_argument(fcinfo, 1), runtime);
    const Truth truth = threshold.judge(diff, runtime);
    if (truth == Truth::unknown)
        PG_RETURN_NULL();
    PG_RETURN_BOOL(truth == Truth::yes);
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_validate_threshold) {
    const ServerRuntime runtime;
    Threshold::read(jsonb_argument(fcinfo, 0), runtime);
    PG_RETURN_BOOL(true);
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_explain_threshold) {
    const ServerRuntime runtime;
    const Diff diff = read_diff(jsonb_argument(fcinfo, 0), runtime);
    const Threshold threshold = Threshold::read(jsonb_argument(fcinfo, 1), runtime);
    return jsonb_datum(explain(threshold, diff, runtime));
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_describe_diff) {
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    const ServerRuntime runtime;
    const Diff diff = read_diff(jsonb_argument(fcinfo, 0), runtime);
    std::optional<Threshold> threshold;
    if (!PG_ARGISNULL(1)) {
        threshold.emplace(Threshold::read(jsonb_argument(fcinfo, 1), runtime));
        threshold->check_top_n(diff);
    }
    return text_datum(describe(diff, threshold ? &*threshold : nullptr, runtime));
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_alert_is_due) {
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    const TimestampTz muted_until = PG_ARGISNULL(1) ? 0 : PG_GETARG_TIMESTAMPTZ(1);
    const TimestampTz last_notified_at = PG_ARGISNULL(3) ? 0 : PG_GETARG_TIMESTAMPTZ(3);
    return BoolGetDatum(guarded([&] {
        return is_due(PG_GETARG_TIMESTAMPTZ(0), PG_ARGISNULL(1) ? nullptr : &muted_until,
                      PG_ARGISNULL(2) ? nullptr : PG_GETARG_INTERVAL_P(2),
                      PG_ARGISNULL(3) ? nullptr : &last_notified_at);
    }));
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_evaluation_key) {
    if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
        PG_RETURN_NULL();
    return guarded([&] {
        const text* baseline = PG_GETARG_TEXT_PP(0);
        char prefix[32];
        if (VARSIZE_ANY_EXHDR(baseline) == strlen("previous")) // the only other is last_notified
            strlcpy(prefix, previous_prefix, sizeof prefix);
        else if (PG_ARGISNULL(1))
            strlcpy(prefix, start_prefix, sizeof prefix);
        else
            snprintf(prefix, sizeof prefix, "%s" INT64_FORMAT ":", since_prefix,
                     PG_GETARG_INT64(1));
        const auto* threshold =
            reinterpret_cast<const varlena*>(PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(2)));
        const auto hash = [&](std::uint64_t seed) {
            return hash_bytes_extended(
                reinterpret_cast<const unsigned char*>(VARDATA_ANY(threshold)),
                static_cast<int>(VARSIZE_ANY_EXHDR(threshold)), seed);
        };
        char key[80];
        const int size =
            snprintf(key, sizeof key, "%s%016" INT64_MODIFIER "x%016" INT64_MODIFIER "x", prefix,
                     hash(0), hash(1));
        return PointerGetDatum(cstring_to_text_with_len(key, size));
    });
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_has_owner_rights) {
    const char* owner = NameStr(*PG_GETARG_NAME(0));
    return BoolGetDatum(guarded([&] {
        const Oid role = get_role_oid(owner, true);
        return OidIsValid(role) && has_privs_of_role(GetUserId(), role);
    }));
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_role_has_rights) {
    const char* member = NameStr(*PG_GETARG_NAME(0));
    const char* owner = NameStr(*PG_GETARG_NAME(1));
    return BoolGetDatum(guarded([&] {
        const Oid role = get_role_oid(member, true);
        return OidIsValid(role) && has_rights_of(role, owner);
    }));
}

} // namespace dashboard_diff
