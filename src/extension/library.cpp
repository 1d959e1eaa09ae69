// What the server looks for when it loads the library.

#include "extension/lasting_effects.h"
#include "extension/pg.h"
#include "extension/scheduler.h"
#include "extension/settings.h"

extern "C" {
PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);
}

void _PG_init(void) {
    dashboard_diff::define_settings();
    dashboard_diff::prepare_for_lasting_effects();
    if (process_shared_preload_libraries_in_progress)
        dashboard_diff::register_schedulers();
}
