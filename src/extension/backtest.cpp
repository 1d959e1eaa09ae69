// backtest_threshold(): what a threshold would have sent.

#include "core/error.h"

#include "extension/replay.h"

extern "C" {
#include "funcapi.h"
}

namespace dashboard_diff {

namespace {

ReplayOptions read_options(FunctionCallInfo fcinfo) {
    for (int i = 0; i < 4; ++i)
        if (PG_ARGISNULL(i))
            ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                    errmsg("argument %d of backtest_threshold must not be null", i + 1));
    return check_replay_options(text_to_cstring(PG_GETARG_TEXT_PP(0)),
                                text_to_cstring(PG_GETARG_TEXT_PP(2)), PG_GETARG_TIMESTAMPTZ(3),
                                PG_ARGISNULL(4) ? nullptr : PG_GETARG_INTERVAL_P(4));
}

void put_row(const ReturnSetInfo* result, const ReplayedAlert& alert, Datum explanation) {
    Datum values[] = {Int64GetDatum(alert.snapshot_a.id), Int64GetDatum(alert.snapshot_b.id),
                      TimestampTzGetDatum(alert.snapshot_b.captured_at), explanation};
    const bool nulls[4] = {};
    tuplestore_putvalues(result->setResult, result->setDesc, values, const_cast<bool*>(nulls));
}

void replay_alerts(const Installation& installation, const ReplayOptions& options,
                   const Threshold& threshold, const ReturnSetInfo* result) {
    Replay replay(options, {&threshold});
    replay.on_alert = [&](const ReplayedAlert& alert) {
        const Datum explanation = explanation_to_store(threshold, alert.diff, alert.runtime);
        guarded([&] { put_row(result, alert, explanation); });
    };
    replay.run(installation);
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_backtest_threshold) {
    const ReplayOptions options = guarded([&] {
        InitMaterializedSRF(fcinfo, 0);
        return read_options(fcinfo);
    });
    const auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
    const ServerRuntime runtime;
    const Threshold threshold = Threshold::read(jsonb_argument(fcinfo, 1), runtime);
    const int level = guarded([] { return begin_statements(); });
    const Installation installation =
        guarded([&] { return find_installation(fcinfo->flinfo->fn_oid); });
    replay_alerts(installation, options, threshold, result);
    guarded([&] { end_statements(level); });
    return Datum{0};
}

} // namespace dashboard_diff
