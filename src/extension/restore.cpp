#include "extension/restore.h"
#include "extension/guard.h"

extern "C" {
#include "utils/rls.h"
}

namespace dashboard_diff {

namespace {

Oid owner_of(Oid relation) {
    const HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
    if (!HeapTupleIsValid(tuple))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
                errmsg("relation with OID %u does not exist", relation));
    const Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
    ReleaseSysCache(tuple);
    return owner;
}

} // namespace

bool is_own_table(Oid owner) {
    return has_privs_of_role(GetUserId(), owner);
}

bool is_restore(Oid owner) {
    return !row_security && is_own_table(owner);
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_is_own_table) {
    return BoolGetDatum(guarded([&] { return is_own_table(owner_of(PG_GETARG_OID(0))); }));
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_is_restore) {
    return BoolGetDatum(guarded([&] { return is_restore(owner_of(PG_GETARG_OID(0))); }));
}

} // namespace dashboard_diff
