#include "extension/work_lock.h"

#include "extension/guard.h"
#include "extension/statement.h"

namespace dashboard_diff {

namespace {

// The advisory lock space, but classes of their own.
LOCKTAG lock_tag(WorkLock kind, Oid schema, const char* name) {
    LOCKTAG tag;
    const std::uint32_t hash = DatumGetUInt32(
        hash_any(reinterpret_cast<const unsigned char*>(name), static_cast<int>(strlen(name))));
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, schema, hash, static_cast<std::uint16_t>(kind));
    return tag;
}

} // namespace

void acquire(WorkLock kind, Oid schema, const char* name) {
    const LOCKTAG tag = lock_tag(kind, schema, name);
    (void)LockAcquire(&tag, ExclusiveLock, false, false);
}

bool try_acquire(WorkLock kind, Oid schema, const char* name) {
    const LOCKTAG tag = lock_tag(kind, schema, name);
    return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_lock_work) {
    return guarded([&] {
        const Oid schema = find_installation(fcinfo->flinfo->fn_oid).schema;
        const char* work = text_to_cstring(PG_GETARG_TEXT_PP(0));
        if (!PG_GETARG_BOOL(1))
            return BoolGetDatum(try_acquire(WorkLock::work, schema, work));
        acquire(WorkLock::work, schema, work);
        return BoolGetDatum(true);
    });
}

} // namespace dashboard_diff
