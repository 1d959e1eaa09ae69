#include "extension/lasting_effects.h"

extern "C" {
#include "catalog/objectaccess.h"
#include "nodes/parsenodes.h"
#include "storage/lock.h"
#include "tcop/utility.h"
}

namespace dashboard_diff {

namespace {

object_access_hook_type next_access_hook = nullptr;
ProcessUtility_hook_type next_utility_hook = nullptr;
int depth = 0;
bool has_locked = false;
bool may_have_seeded = false; // of the arguments of set_config() nothing is known

[[noreturn]] void refuse(const char* what) {
    ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("cannot %s here", what),
            errdetail("It would outlive the query in somebody else's session."));
    pg_unreachable();
}

// A function that seeds by a SET clause of its own.
bool has_setting_of_seed(Oid function) {
    const HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return false;
    bool is_null;
    const Datum settings = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proconfig, &is_null);
    bool found = false;
    if (!is_null) {
        Datum* elements;
        int count;
        deconstruct_array(DatumGetArrayTypeP(settings), TEXTOID, -1, false, TYPALIGN_INT, &elements,
                          nullptr, &count);
        for (int i = 0; i < count && !found; ++i)
            found = pg_strncasecmp(TextDatumGetCString(elements[i]), "seed=", 5) == 0;
    }
    ReleaseSysCache(tuple);
    return found;
}

// Whether the session has any that SQL functions take; of the session or of the transaction cannot
// be told.
bool has_advisory_locks() {
    const LockData* all = GetLockStatusData();
    for (int i = 0; i < all->nelements; ++i) {
        const LockInstanceData& lock = all->locks[i];
        if (lock.pid == MyProcPid && lock.locktag.locktag_type == LOCKTAG_ADVISORY &&
            lock.locktag.locktag_field4 <= 2)
            return true;
    }
    return false;
}

void note_function(Oid function) {
    if (function >= F_PG_ADVISORY_LOCK_INT8 && function <= F_PG_ADVISORY_UNLOCK_ALL) {
        if (!has_locked && has_advisory_locks())
            refuse("take or release advisory locks of a session that has some");
        has_locked = true;
    }
    if (function == F_SETSEED || function == F_SET_CONFIG ||
        (function >= FirstNormalObjectId && has_setting_of_seed(function)))
        may_have_seeded = true;
}

void access_hook(ObjectAccessType access, Oid catalog, Oid object, int part, void* argument) {
    if (depth > 0 && access == OAT_FUNCTION_EXECUTE)
        note_function(object);
    if (next_access_hook != nullptr)
        next_access_hook(access, catalog, object, part, argument);
}

void check_utility(const Node* statement) {
    if (IsA(statement, LoadStmt))
        refuse("load libraries");
    if (IsA(statement, VariableSetStmt))
        may_have_seeded = true;
}

void utility_hook(PlannedStmt* statement, const char* text, bool read_only,
                  ProcessUtilityContext context, ParamListInfo parameters,
                  QueryEnvironment* environment, DestReceiver* receiver,
                  QueryCompletion* completion) {
    if (depth > 0)
        check_utility(statement->utilityStmt);
    (next_utility_hook != nullptr ? next_utility_hook : standard_ProcessUtility)(
        statement, text, read_only, context, parameters, environment, receiver, completion);
}

void seed_anew() {
    std::uint32_t number;
    if (pg_strong_random(&number, sizeof number))
        DirectFunctionCall1(setseed, Float8GetDatum(number / 4294967296.0));
}

} // namespace

void prepare_for_lasting_effects() {
    next_access_hook = object_access_hook;
    object_access_hook = access_hook;
    next_utility_hook = ProcessUtility_hook;
    ProcessUtility_hook = utility_hook;
}

void watch_lasting_effects() noexcept {
    ++depth;
}

void end_lasting_effects() {
    if (--depth > 0)
        return;
    if (has_locked)
        LockReleaseSession(USER_LOCKMETHOD);
    if (may_have_seeded)
        seed_anew();
    has_locked = may_have_seeded = false;
}

} // namespace dashboard_diff
