#include "extension/restricted_operation.h"

#include "extension/cancel_timer.h"
#include "extension/lasting_effects.h"

extern "C" {
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
    const auto leave = [&] {
        operation->timed_out = stop_cancel_timer();
        while (GetCurrentTransactionNestLevel() > level)
            RollbackAndReleaseCurrentSubTransaction();
        MemoryContextSwitchTo(context);
        CurrentResourceOwner = resources;
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
