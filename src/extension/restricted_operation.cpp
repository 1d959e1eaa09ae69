#include "extension/restricted_operation.h"

#include "extension/cancel_timer.h"
#include "extension/lasting_effects.h"

extern "C" {
#include "utils/portal.h"
#include "utils/resowner.h"
}

namespace dashboard_diff {

namespace {

void become(const RestrictedOperation* operation) {
    // A function may write whatever the statement that calls it is; this no code of it can undo.
    XactReadOnly = true;
    Oid user;
    int context;
    GetUserIdAndSecContext(&user, &context);
    SetUserIdAndSecContext(operation->role,
                           context | SECURITY_RESTRICTED_OPERATION | operation->security);
}

// Cursors of the session that could be fetched from by their names.
struct Portals {
    std::uint64_t count;
    Portal* list;
};

// While they pass for running, nobody can fetch from them, move or close them.
Portals occupy_portals() {
    Portals occupied{};
    if (ThereAreNoReadyPortals())
        return occupied;
    const int result = SPI_execute("SELECT c.name FROM pg_catalog.pg_cursors c", true, 0);
    if (result != SPI_OK_SELECT)
        elog(ERROR, "could not execute statement: %s", SPI_result_code_string(result));
    occupied.list = static_cast<Portal*>(palloc(sizeof(Portal) * (SPI_processed + 1)));
    for (std::uint64_t i = 0; i < SPI_processed; ++i) {
        const Portal portal =
            GetPortalByName(SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
        if (PortalIsValid(portal) && portal->status == PORTAL_READY)
            occupied.list[occupied.count++] = portal;
    }
    SPI_freetuptable(SPI_tuptable);
    for (std::uint64_t i = 0; i < occupied.count; ++i)
        occupied.list[i]->status = PORTAL_ACTIVE;
    return occupied;
}

void free_portals(const Portals& occupied) noexcept {
    for (std::uint64_t i = 0; i < occupied.count; ++i)
        occupied.list[i]->status = PORTAL_READY;
}

void run(RestrictedOperation* operation, void (*code)(void*)) {
    if (operation->prepare != nullptr)
        operation->prepare(operation->argument);
    become(operation);
    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "could not connect to SPI");
    code(operation->argument);
    SPI_finish();
}

} // namespace

void run_restricted(RestrictedOperation* operation, void (*code)(void*)) {
    const MemoryContext context = CurrentMemoryContext;
    const ResourceOwner resources = CurrentResourceOwner;
    const int level = GetCurrentTransactionNestLevel();
    const Portals occupied = occupy_portals();
    const auto leave = [&] {
        operation->timed_out = stop_cancel_timer();
        while (GetCurrentTransactionNestLevel() > level)
            RollbackAndReleaseCurrentSubTransaction();
        MemoryContextSwitchTo(context);
        CurrentResourceOwner = resources;
        free_portals(occupied);
        end_lasting_effects();
    };
    operation->timed_out = false;
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(context);
    PG_TRY();
    {
        watch_lasting_effects();
        start_cancel_timer(operation->time_limit);
        run(operation, code);
    }
    PG_CATCH();
    {
        leave();
        PG_RE_THROW();
    }
    PG_END_TRY();
    leave();
    if (operation->timed_out)
        ereport(ERROR, errcode(ERRCODE_QUERY_CANCELED), errmsg("canceled"));
}

} // namespace dashboard_diff
