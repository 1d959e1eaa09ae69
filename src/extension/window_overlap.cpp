// windows_overlap(): when two weekly windows, each in its own time zone, are first open at the same
// time. Most pairs are told apart by their weekly pattern alone, without looking at any day.

#include "extension/guard.h"
#include "extension/local_time.h"

extern "C" {
#include "funcapi.h"
#include "utils/datetime.h"
}

namespace dashboard_diff {

namespace {

constexpr int week_days = 7;
constexpr std::int64_t week = week_days * USECS_PER_DAY;
constexpr pg_time_t epoch_shift = pg_time_t{POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE} * SECS_PER_DAY;
// So far may the local days of one instant be apart.
constexpr int days_apart = 2;
// No clock is further from UTC than this.
constexpr pg_time_t furthest = 2 * SECS_PER_DAY;

struct WeeklyWindow {
    std::uint32_t days; // bit 0: Sunday
    TimeADT start;
    TimeADT end;
    pg_tz* zone;
};

bool is_scheduled(const WeeklyWindow& window, DateADT date) {
    return (window.days >> j2day(date + POSTGRES_EPOCH_JDATE) & 1) != 0;
}

// How much the zone's clock is ahead of UTC between two days, in microseconds.
struct Offsets {
    std::int64_t least;
    std::int64_t greatest;
};

Offsets find_offsets(const pg_tz* zone, DateADT from, DateADT to) {
    pg_time_t at = from * pg_time_t{SECS_PER_DAY} + epoch_shift - furthest;
    const pg_time_t until = to * pg_time_t{SECS_PER_DAY} + epoch_shift + furthest;
    Offsets found{0, 0};
    for (bool is_first = true;; is_first = false) {
        long offset;
        long next_offset;
        int is_dst;
        pg_time_t boundary = 0;
        const int more =
            pg_next_dst_boundary(&at, &offset, &is_dst, &boundary, &next_offset, &is_dst, zone);
        if (more < 0)
            elog(ERROR, "could not determine the offset of a time zone");
        const std::int64_t ahead = offset * USECS_PER_SEC;
        if (is_first || ahead < found.least)
            found.least = ahead;
        if (is_first || ahead > found.greatest)
            found.greatest = ahead;
        if (more == 0 || boundary > until)
            return found;
        at = boundary;
    }
}

// Whether the patterns meet if each clock may show what it will. What a clock skips or shows twice
// is within its offsets, too.
bool may_overlap(const WeeklyWindow& a, const Offsets& of_a, const WeeklyWindow& b,
                 const Offsets& of_b) {
    const auto length = [](const WeeklyWindow& window) {
        return window.end - window.start + (window.end > window.start ? 0 : USECS_PER_DAY);
    };
    const std::int64_t a_length = length(a) + of_a.greatest - of_a.least;
    const std::int64_t b_length = length(b) + of_b.greatest - of_b.least;
    for (int day = 0; day < week_days; ++day) {
        if ((a.days >> day & 1) == 0)
            continue;
        for (int other = 0; other < week_days; ++other) {
            if ((b.days >> other & 1) == 0)
                continue;
            std::int64_t later = ((other - day) * USECS_PER_DAY + b.start - of_b.greatest) -
                                 (a.start - of_a.greatest);
            later = (later % week + week) % week;
            // b begins before a has ended, or a week's turn later a does before b has.
            if (later < a_length || week - later < b_length)
                return true;
        }
    }
    return false;
}

// The windows of the days of two patterns; those of the second are kept, a day's at its place.
bool find_overlap(const WeeklyWindow& a, const WeeklyWindow& b, DateADT from, DateADT to,
                  Window& shared) {
    const int days = to - from + 1;
    auto* others = static_cast<Window*>(palloc0(sizeof(Window) * days));
    for (int i = 0; i < days; ++i)
        if (is_scheduled(b, from + i))
            others[i] = local_window(from + i, b.start, b.end, b.zone);
    for (int i = 0; i < days; ++i) {
        if ((i & 31) == 0)
            CHECK_FOR_INTERRUPTS();
        if (!is_scheduled(a, from + i))
            continue;
        const Window mine = local_window(from + i, a.start, a.end, a.zone);
        bool is_found = false;
        for (int j = i - days_apart; j <= i + days_apart && !is_found; ++j) {
            if (j < 0 || j >= days || !is_scheduled(b, from + j))
                continue;
            is_found = others[j].start < mine.end && mine.start < others[j].end;
            if (is_found)
                shared = {mine.start > others[j].start ? mine.start : others[j].start,
                          mine.end < others[j].end ? mine.end : others[j].end};
        }
        if (is_found)
            return true;
    }
    return false;
}

WeeklyWindow window_argument(FunctionCallInfo fcinfo, int first) {
    Datum* days;
    int count;
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(first), INT4OID, sizeof(std::int32_t), true,
                      TYPALIGN_INT, &days, nullptr, &count);
    WeeklyWindow window{0, PG_GETARG_TIMEADT(first + 1), PG_GETARG_TIMEADT(first + 2),
                        find_zone(text_to_cstring(PG_GETARG_TEXT_PP(first + 3)))};
    for (int i = 0; i < count; ++i)
        window.days |= 1u << (DatumGetInt32(days[i]) & 7);
    return window;
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_windows_overlap) {
    return guarded([&] {
        TupleDesc columns;
        if (get_call_result_type(fcinfo, nullptr, &columns) != TYPEFUNC_COMPOSITE)
            elog(ERROR, "return type must be a row type");
        const WeeklyWindow a = window_argument(fcinfo, 0);
        const WeeklyWindow b = window_argument(fcinfo, 4);
        const DateADT from = PG_GETARG_DATEADT(8);
        const DateADT to = PG_GETARG_DATEADT(9);
        Window shared;
        const bool is_found =
            may_overlap(a, find_offsets(a.zone, from, to), b, find_offsets(b.zone, from, to)) &&
            find_overlap(a, b, from, to, shared);
        if (!is_found)
            PG_RETURN_NULL();
        Datum values[] = {TimestampTzGetDatum(shared.start), TimestampTzGetDatum(shared.end)};
        bool nulls[2] = {};
        return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(columns), values, nulls));
    });
}

} // namespace dashboard_diff
