// The background worker. Plain code with nothing to destroy on the stack: an error of the server
// passes through all of it.

#include "extension/scheduler.h"

#include "extension/pg.h"
#include "extension/settings.h"

extern "C" {
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/timeout.h"

PGDLLEXPORT void dashboard_diff_scheduler_main(Datum argument);
}

namespace dashboard_diff {

namespace {

constexpr char worker_type[] = "dashboard_diff scheduler";
constexpr int restart_after_s = 10;
constexpr int pause_ms = 10000;
constexpr int piece = 50; // windows that a transaction plans, or tells of

struct Extension {
    Oid owner;
    const char* schema; // as SQL has it
};

// One round of the worker: what is due at one time.
struct Round {
    TimestampTz at;
    MemoryContext memory;
    const char* dashboard; // whose snapshot was begun; null: none is due
    bool has_done_checks;
    bool is_more; // of the work that is done in pieces
    int pause_ms;
};

using Step = void (*)(const Extension&, Round&);

// The one row and column of the statement, whose %s stands for the extension's schema.
Datum query(const char* text, const Extension& extension, int count, Oid* types, Datum* values,
            bool* is_null, const char* nulls = nullptr) {
    const int result = SPI_execute_with_args(psprintf(text, extension.schema), count, types, values,
                                             nulls, false, 1);
    if (result != SPI_OK_SELECT || SPI_processed != 1)
        elog(ERROR, "could not execute statement: %s", SPI_result_code_string(result));
    return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, is_null);
}

void begin_snapshot(const Extension& extension, Round& round) {
    Oid types[] = {TIMESTAMPTZOID};
    Datum values[] = {TimestampTzGetDatum(round.at)};
    bool is_null;
    const Datum dashboard =
        query("SELECT %s.begin_due_snapshot($1)", extension, 1, types, values, &is_null);
    if (!is_null)
        round.dashboard = MemoryContextStrdup(round.memory, TextDatumGetCString(dashboard));
}

void take_snapshot(const Extension& extension, Round& round) {
    Oid types[] = {TEXTOID, TIMESTAMPTZOID};
    Datum values[] = {CStringGetTextDatum(round.dashboard), TimestampTzGetDatum(round.at)};
    bool is_null;
    query("SELECT %s.take_begun_snapshot($1, $2)", extension, 2, types, values, &is_null);
}

void plan(const Extension& extension, Round& round) {
    Oid types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID};
    Datum values[] = {TimestampTzGetDatum(round.at), TimestampTzGetDatum(DT_NOEND),
                      Int32GetDatum(piece)};
    bool is_null;
    round.is_more = DatumGetBool(
        query("SELECT %s.plan_windows($1, $2, $3)", extension, 3, types, values, &is_null));
}

void store_reports(const Extension& extension, [[maybe_unused]] Round& round) {
    Oid types[] = {INT8OID};
    Datum values[] = {Int64GetDatum(0)};
    bool is_null;
    query("SELECT %s.store_put_off_reports($1)", extension, 1, types, values, &is_null, "n");
}

void run_check(const Extension& extension, Round& round) {
    Oid types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID};
    Datum values[] = {TimestampTzGetDatum(round.at), TimestampTzGetDatum(DT_NOEND),
                      Int32GetDatum(1)};
    bool is_null;
    round.has_done_checks = DatumGetInt32(query("SELECT %s.run_due_validations($1, $2, $3)",
                                                extension, 3, types, values, &is_null)) > 0;
}

void tell(const Extension& extension, Round& round) {
    Oid types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID};
    Datum values[] = {TimestampTzGetDatum(round.at), TimestampTzGetDatum(DT_NOEND),
                      Int32GetDatum(piece)};
    bool is_null;
    round.is_more = DatumGetBool(query("SELECT (%s.route_windows($1, $2, $3)).is_more", extension,
                                       3, types, values, &is_null));
}

void look_ahead(const Extension& extension, Round& round) {
    Oid types[] = {TIMESTAMPTZOID, INT4OID};
    Datum values[] = {TimestampTzGetDatum(round.at), Int32GetDatum(pause_ms)};
    bool is_null;
    round.pause_ms = DatumGetInt32(
        query("SELECT least(ceil(1000 * extract(epoch FROM %s.next_work_due($1))), $2)::integer",
              extension, 2, types, values, &is_null));
}

// Whether the extension is there. It stays so until the transaction ends, and whoever drops it
// waits for no more than that.
bool find_extension(Extension& found) {
    const Oid extension = get_extension_oid("dashboard_diff", true);
    if (!OidIsValid(extension))
        return false;
    LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
    Oid types[] = {OIDOID};
    Datum values[] = {ObjectIdGetDatum(extension)};
    const int result =
        SPI_execute_with_args("SELECT e.extowner, quote_ident(n.nspname)"
                              "  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
                              " WHERE e.oid = $1",
                              1, types, values, nullptr, false, 1);
    if (result != SPI_OK_SELECT)
        elog(ERROR, "could not execute statement: %s", SPI_result_code_string(result));
    if (SPI_processed == 0)
        return false;
    const HeapTuple row = SPI_tuptable->vals[0];
    bool is_null;
    found.owner = DatumGetObjectId(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &is_null));
    found.schema = SPI_getvalue(row, SPI_tuptable->tupdesc, 2);
    return true;
}

// Runs the step with the rights of the extension's owner, who need not be a superuser; what it
// leaves to the commit too, hence the old user is back only then. An abort does that by itself.
bool run_in_transaction(Step step, Round& round) {
    bool is_installed;
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    SPI_connect();
    PushActiveSnapshot(GetTransactionSnapshot());
    Oid user;
    int context;
    GetUserIdAndSecContext(&user, &context);
    Extension extension;
    is_installed = find_extension(extension);
    if (is_installed) {
        SetUserIdAndSecContext(extension.owner, context | SECURITY_LOCAL_USERID_CHANGE);
        step(extension, round);
    }
    SPI_finish();
    // A commit within a subtransaction that somebody left open would commit nothing, now or later.
    if (GetCurrentTransactionNestLevel() != 1)
        elog(ERROR, "a subtransaction was left open");
    PopActiveSnapshot();
    CommitTransactionCommand();
    SetUserIdAndSecContext(user, context);
    return is_installed;
}

// What dashboards' queries may have left behind in the session.
void clean_session() {
    LockReleaseSession(USER_LOCKMETHOD);
    ResetAllOptions();
}

// No step must begin in what another one left: it would be committed by nobody.
void leave_transaction(const char* activity) {
    if (!IsTransactionOrTransactionBlock())
        return;
    ereport(LOG, errmsg("%s was still in a transaction after %s", worker_type, activity),
            errdetail("The transaction is aborted."));
    AbortOutOfAnyTransaction();
}

// Whether the step was run and committed. An error of it is logged, and ends no more than it.
bool run(Step step, const char* activity, Round& round) {
    volatile bool has_run = false;
    CHECK_FOR_INTERRUPTS();
    pgstat_report_activity(STATE_RUNNING, activity);
    PG_TRY();
    { has_run = run_in_transaction(step, round); }
    PG_CATCH();
    {
        // As the server's own main loop does.
        HOLD_INTERRUPTS();
        disable_all_timeouts(false);
        QueryCancelPending = false;
        EmitErrorReport();
        // Also where an error left a subtransaction open: all that is not committed ends here.
        AbortOutOfAnyTransaction();
        FlushErrorState();
        RESUME_INTERRUPTS();
    }
    PG_END_TRY();
    leave_transaction(activity);
    MemoryContextSwitchTo(TopMemoryContext);
    clean_session();
    pgstat_report_stat(true);
    pgstat_report_activity(STATE_IDLE, nullptr);
    return has_run;
}

// A piece of each kind of work at most, in turns so that none holds up another. Windows of checks
// need not be looked at after each check: every ten seconds, after a pause, or where a piece was
// not all. Returns how long to wait before the next round.
int run_round(MemoryContext memory, bool is_after_pause) {
    static TimestampTz planned_at = 0;
    static bool is_behind = false;
    MemoryContextReset(memory);
    Round round{GetCurrentTimestamp(), memory, nullptr, false, false, pause_ms};
    if (!run(begin_snapshot, "looking for a snapshot that is due", round))
        return pause_ms;
    if (round.dashboard != nullptr && !run(take_snapshot, "taking a snapshot", round))
        return pause_ms;
    const bool is_time = is_after_pause || is_behind || planned_at > round.at ||
                         TimestampDifferenceExceeds(planned_at, round.at, pause_ms);
    if (is_time) {
        run(plan, "planning checks", round);
        run(store_reports, "storing reports that were put off", round);
        planned_at = round.at;
    }
    is_behind = round.is_more;
    if (!run(run_check, "running a check that is due", round))
        return pause_ms;
    if (is_time || !round.has_done_checks) {
        round.is_more = false;
        run(tell, "telling what checks found", round);
        is_behind = is_behind || round.is_more;
    }
    if (round.dashboard != nullptr || round.has_done_checks || is_behind)
        return 0;
    run(look_ahead, "looking for what is due next", round);
    return round.pause_ms;
}

void wait(int milliseconds) {
    if (milliseconds > 0)
        (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds,
                        PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    if (ConfigReloadPending) {
        ConfigReloadPending = false;
        ProcessConfigFile(PGC_SIGHUP);
    }
}

void override_option(const char* name, const char* value) {
    SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

void register_scheduler(const char* database) {
    BackgroundWorker worker = {};
    snprintf(worker.bgw_name, BGW_MAXLEN, "%s of %s", worker_type, database);
    strlcpy(worker.bgw_type, worker_type, BGW_MAXLEN);
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = restart_after_s;
    strlcpy(worker.bgw_library_name, "dashboard_diff", sizeof worker.bgw_library_name);
    strlcpy(worker.bgw_function_name, "dashboard_diff_scheduler_main", BGW_MAXLEN);
    strlcpy(worker.bgw_extra, database, BGW_EXTRALEN);
    RegisterBackgroundWorker(&worker);
}

} // namespace

void register_schedulers() {
    List* databases = scheduler_databases();
    for (int i = 0; i < list_length(databases); ++i) {
        const auto* database = static_cast<const char*>(list_nth(databases, i));
        bool is_repeated = false;
        for (int j = 0; j < i && !is_repeated; ++j)
            is_repeated = strcmp(static_cast<const char*>(list_nth(databases, j)), database) == 0;
        if (!is_repeated)
            register_scheduler(database);
    }
}

} // namespace dashboard_diff

void dashboard_diff_scheduler_main([[maybe_unused]] Datum argument) {
    using namespace dashboard_diff;
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnection(MyBgworkerEntry->bgw_extra, nullptr, 0);
    override_option("application_name", worker_type);
    override_option("search_path", "pg_catalog, pg_temp");
    // Claims have to see what others have claimed just now.
    override_option("default_transaction_isolation", "read committed");
    override_option("default_transaction_read_only", "off");

    const MemoryContext memory =
        AllocSetContextCreate(TopMemoryContext, "dashboard_diff scheduler", ALLOCSET_DEFAULT_SIZES);
    for (int pause = pause_ms;;) {
        pause = run_round(memory, pause > 0);
        wait(pause);
    }
}
