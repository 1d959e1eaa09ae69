#pragma once

// What no roll-back undoes in a session that code of others has run in: advisory locks of the
// session, the seed of random(), loaded libraries. May ereport: call it guarded.

#include "extension/pg.h"

namespace dashboard_diff {

// Has the server ask us; once a backend, when the library is loaded.
void prepare_for_lasting_effects();

// From here to end_lasting_effects(), which comes after an error too, it is watched what would last.
// Refused (42501) is what could not be put right: to load a library, and advisory locks where the
// session has some already.
void watch_lasting_effects() noexcept;

// Puts right what was done: releases the session's advisory locks, seeds random() anew.
void end_lasting_effects();

} // namespace dashboard_diff
