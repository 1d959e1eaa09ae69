#include "extension/local_time.h"
#include "extension/guard.h"

extern "C" {
#include "funcapi.h"
}

namespace dashboard_diff {

namespace {

// pg_time_t counts seconds from another day than timestamps count microseconds from.
constexpr pg_time_t epoch_shift = pg_time_t{POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE} * SECS_PER_DAY;

// No clock has been further from UTC than this, nor has one ever jumped further.
constexpr pg_time_t reach = 2 * SECS_PER_DAY;

// The second at which the zone's clock, which runs as UTC does but for jumps, shows `local`.
pg_time_t find_second(pg_time_t local, const pg_tz* zone, Occurrence occurrence) {
    pg_time_t found = 0;
    bool is_found = false;
    pg_time_t from = local - reach;
    for (;;) {
        long offset;
        long next_offset;
        int is_dst;
        pg_time_t boundary = 0;
        const int more =
            pg_next_dst_boundary(&from, &offset, &is_dst, &boundary, &next_offset, &is_dst, zone);
        if (more < 0)
            elog(ERROR, "could not determine the offset of a time zone");
        // Until the boundary the clock shows `offset` more than UTC.
        const pg_time_t candidate = local - offset;
        if (candidate >= from && (more == 0 || candidate < boundary)) {
            found = candidate;
            is_found = true;
            if (occurrence == Occurrence::first)
                return found;
        }
        if (more == 0 || boundary > local + reach)
            break;
        if (!is_found && local >= boundary + offset && local < boundary + next_offset) {
            found = boundary;
            is_found = true;
        }
        from = boundary;
    }
    if (!is_found)
        elog(ERROR, "could not find a local time");
    return found;
}

} // namespace

pg_tz* find_zone(const char* name) {
    pg_tz* zone = pg_tzset(name);
    if (zone == nullptr)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("time zone \"%s\" not recognized", name));
    return zone;
}

TimestampTz local_instant(Timestamp local, pg_tz* zone, Occurrence occurrence) {
    if (TIMESTAMP_NOT_FINITE(local))
        return local;
    Timestamp microseconds = local % USECS_PER_SEC;
    if (microseconds < 0)
        microseconds += USECS_PER_SEC;
    const pg_time_t second = (local - microseconds) / USECS_PER_SEC + epoch_shift;
    const pg_time_t found = find_second(second, zone, occurrence);
    // Within the second that is skipped nothing has passed yet.
    long offset;
    long next_offset;
    int is_dst;
    pg_time_t boundary;
    (void)pg_next_dst_boundary(&found, &offset, &is_dst, &boundary, &next_offset, &is_dst, zone);
    const bool is_shown = found + offset == second;
    const TimestampTz instant =
        (found - epoch_shift) * USECS_PER_SEC + (is_shown ? microseconds : 0);
    if (!IS_VALID_TIMESTAMP(instant))
        ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                errmsg("timestamp out of range"));
    return instant;
}

Window local_window(DateADT date, TimeADT start, TimeADT end, pg_tz* zone) {
    if (DATE_NOT_FINITE(date))
        ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("date must be finite"));
    const Timestamp day =
        DatumGetTimestamp(DirectFunctionCall1(date_timestamp, DateADTGetDatum(date)));
    const TimeADT until = end > start ? end : end + USECS_PER_DAY;
    return {local_instant(day + start, zone, Occurrence::first),
            local_instant(day + until, zone, Occurrence::last)};
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_local_instant) {
    return guarded([&] {
        pg_tz* zone = find_zone(text_to_cstring(PG_GETARG_TEXT_PP(1)));
        return TimestampTzGetDatum(
            local_instant(PG_GETARG_TIMESTAMP(0), zone,
                          PG_GETARG_BOOL(2) ? Occurrence::last : Occurrence::first));
    });
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_local_window) {
    return guarded([&] {
        pg_tz* zone = find_zone(text_to_cstring(PG_GETARG_TEXT_PP(3)));
        const Window window =
            local_window(PG_GETARG_DATEADT(0), PG_GETARG_TIMEADT(1), PG_GETARG_TIMEADT(2), zone);
        TupleDesc columns;
        if (get_call_result_type(fcinfo, nullptr, &columns) != TYPEFUNC_COMPOSITE)
            elog(ERROR, "return type must be a row type");
        Datum values[] = {TimestampTzGetDatum(window.start), TimestampTzGetDatum(window.end)};
        bool nulls[2] = {};
        return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(columns), values, nulls));
    });
}

} // namespace dashboard_diff
