#include "extension/lasting_effects.h"

extern "C" {
#include "catalog/objectaccess.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
}

namespace dashboard_diff {

namespace {

object_access_hook_type next_access_hook = nullptr;
ProcessUtility_hook_type next_utility_hook = nullptr;
int depth = 0;
// set_config() may have set "seed": of its arguments nothing is known.
bool may_have_seeded = false;

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

void check_function(Oid function) {
    if (function >= F_PG_ADVISORY_LOCK_INT8 && function <= F_PG_ADVISORY_UNLOCK_ALL)
        refuse("take or release advisory locks of the session");
    if (function == F_SETSEED || (function >= FirstNormalObjectId && has_setting_of_seed(function)))
        refuse("seed random()");
    if (function == F_SET_CONFIG)
        may_have_seeded = true;
}

void access_hook(ObjectAccessType access, Oid catalog, Oid object, int part, void* argument) {
    if (depth > 0 && access == OAT_FUNCTION_EXECUTE)
        check_function(object);
    if (next_access_hook != nullptr)
        next_access_hook(access, catalog, object, part, argument);
}

void check_utility(const Node* statement) {
    if (IsA(statement, LoadStmt))
        refuse("load libraries");
    if (!IsA(statement, VariableSetStmt))
        return;
    const auto* set = reinterpret_cast<const VariableSetStmt*>(statement);
    if (set->name != nullptr && pg_strcasecmp(set->name, "seed") == 0)
        refuse("seed random()");
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

void watch_for_lasting_effects() {
    next_access_hook = object_access_hook;
    object_access_hook = access_hook;
    next_utility_hook = ProcessUtility_hook;
    ProcessUtility_hook = utility_hook;
}

void refuse_lasting_effects() noexcept {
    ++depth;
}

void allow_lasting_effects() {
    if (--depth > 0 || !may_have_seeded)
        return;
    may_have_seeded = false;
    seed_anew();
}

} // namespace dashboard_diff
