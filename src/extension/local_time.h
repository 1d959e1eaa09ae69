#pragma once

// From local time to real time, exactly. Everything here may ereport: call it guarded.

#include "extension/pg.h"

extern "C" {
#include "pgtime.h"
#include "utils/date.h"
}

namespace dashboard_diff {

pg_tz* find_zone(const char* name);

// Which one is meant of the instants at which the clock shows the same.
enum class Occurrence { first, last };

// The instant at which the zone's clock shows `local`; where it skips that, the instant of the
// jump.
TimestampTz local_instant(Timestamp local, pg_tz* zone, Occurrence occurrence);

struct Window {
    TimestampTz start;
    TimestampTz end;
};

// The window that begins on a local day; it ends on the next one where its end is not later than
// its start.
Window local_window(DateADT date, TimeADT start, TimeADT end, pg_tz* zone);

} // namespace dashboard_diff
