#pragma once

// What no roll-back undoes in a session, and so is not for code of others to do in it: to seed
// random(), to take or give back advisory locks of the session, to load libraries. May ereport:
// call it guarded.

#include "extension/pg.h"

namespace dashboard_diff {

// Has the server ask us; once a backend, when the library is loaded.
void watch_for_lasting_effects();

// While one of these is on, what would last is refused (42501). Each ends with
// allow_lasting_effects(), also after an error.
void refuse_lasting_effects() noexcept;
void allow_lasting_effects();

} // namespace dashboard_diff
