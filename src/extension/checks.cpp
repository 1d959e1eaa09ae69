// The SQL functions over a dashboard's checks.

#include "core/checks.h"
#include "core/checks_evaluate.h"
#include "core/error.h"

#include "extension/guard.h"
#include "extension/server_runtime.h"

namespace dashboard_diff {

namespace {

// What a sign means in the text of an interval depends on a setting, that of checks must not.
class PlainIntervalStyle {
public:
    PlainIntervalStyle() noexcept : outer_(IntervalStyle) { IntervalStyle = INTSTYLE_POSTGRES; }
    ~PlainIntervalStyle() { IntervalStyle = outer_; }
    PlainIntervalStyle(const PlainIntervalStyle&) = delete;
    PlainIntervalStyle& operator=(const PlainIntervalStyle&) = delete;

private:
    int outer_;
};

// With months of 30 days and days of 24 hours, as intervals are compared.
std::int64_t microseconds_of(const Interval& interval) {
    const std::int64_t days = std::int64_t{interval.month} * DAYS_PER_MONTH + interval.day;
    std::int64_t result = 0;
    if (__builtin_mul_overflow(days, std::int64_t{USECS_PER_DAY}, &result) ||
        __builtin_add_overflow(result, std::int64_t{interval.time}, &result))
        return days < 0 ? INT64_MIN : INT64_MAX;
    return result;
}

std::optional<std::int64_t> read_interval(std::string_view text) {
    const PlainIntervalStyle style;
    try {
        const Interval* interval = guarded([&] {
            char* copy = pnstrdup(text.data(), text.size());
            return DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(copy),
                                                         ObjectIdGetDatum(InvalidOid),
                                                         Int32GetDatum(-1)));
        });
        return microseconds_of(*interval);
    } catch (const ServerError& error) {
        // Not swallowed: without an interval there is an error that names the place.
        if (ERRCODE_TO_CATEGORY(error.data()->sqlerrcode) != ERRCODE_DATA_EXCEPTION)
            throw;
        return std::nullopt;
    }
}

Value optional_jsonb(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? Value{} : jsonb_argument(fcinfo, n);
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_validate_checks) {
    const ServerRuntime runtime;
    Checks::read(jsonb_argument(fcinfo, 0), read_interval, runtime);
    PG_RETURN_BOOL(true);
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_evaluate_checks) {
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    const ServerRuntime runtime;
    const Checks checks = Checks::read(jsonb_argument(fcinfo, 0), read_interval, runtime);
    CheckedDashboard dashboard;
    dashboard.content = optional_jsonb(fcinfo, 1);
    dashboard.previous = optional_jsonb(fcinfo, 2);
    if (!PG_ARGISNULL(3))
        dashboard.age = microseconds_of(*PG_GETARG_INTERVAL_P(3));
    if (!PG_ARGISNULL(4)) {
        const text* failure = guarded([&] { return PG_GETARG_TEXT_PP(4); });
        dashboard.failure = std::string_view(VARDATA_ANY(failure), VARSIZE_ANY_EXHDR(failure));
    }
    return jsonb_datum(evaluate(checks, dashboard, runtime));
}

} // namespace dashboard_diff
