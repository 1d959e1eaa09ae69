#include "extension/work_lock.h"

#include "core/sip_hash.h"

#include "extension/guard.h"
#include "extension/statement.h"

extern "C" {
#include "access/xlog.h"
}

namespace dashboard_diff {

namespace {

// A secret that all backends share and that no SQL function tells: the cluster's random number
// which pg_control keeps for passwords of roles that do not exist. pg_locks shows everybody the
// hashes, so that the hash has to be one that keeps its key.
SipKey secret_key() {
    SipKey key;
    memcpy(&key, GetMockAuthenticationNonce(), sizeof key);
    return key;
}

// The advisory lock space, but classes of their own. What is left of the tag is the name's.
LOCKTAG lock_tag(WorkLock kind, Oid schema, const char* name) {
    const std::size_t length = strlen(name);
    auto* named = static_cast<std::byte*>(palloc(sizeof schema + length));
    memcpy(named, &schema, sizeof schema);
    memcpy(named + sizeof schema, name, length);
    const std::uint64_t hash = sip_hash(named, sizeof schema + length, secret_key());
    pfree(named);
    LOCKTAG tag;
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<std::uint32_t>(hash >> 32),
                         static_cast<std::uint32_t>(hash), static_cast<std::uint16_t>(kind));
    return tag;
}

void acquire_tag(const LOCKTAG& tag) {
    (void)LockAcquire(&tag, ExclusiveLock, false, false);
}

bool try_acquire_tag(const LOCKTAG& tag) {
    return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

void release_tag(const LOCKTAG& tag) {
    (void)LockRelease(&tag, ExclusiveLock, false);
}

// Takes all of them, and waits for one only while it holds none of the others: who waits for one
// does not hold up those who want another.
void acquire_all(const LOCKTAG* tags, int count) {
    for (int awaited = count > 0 ? 0 : -1; awaited >= 0;) {
        acquire_tag(tags[awaited]);
        int missing = -1;
        for (int i = 0; i < count && missing < 0; ++i)
            if (i != awaited && !try_acquire_tag(tags[i]))
                missing = i;
        if (missing >= 0) {
            for (int i = 0; i < missing; ++i)
                if (i != awaited)
                    release_tag(tags[i]);
            release_tag(tags[awaited]);
        }
        awaited = missing;
    }
}

} // namespace

void acquire(WorkLock kind, Oid schema, const char* name) {
    acquire_tag(lock_tag(kind, schema, name));
}

bool try_acquire(WorkLock kind, Oid schema, const char* name) {
    return try_acquire_tag(lock_tag(kind, schema, name));
}

bool is_free(WorkLock kind, Oid schema, const char* name) {
    const LOCKTAG tag = lock_tag(kind, schema, name);
    const bool is_had = try_acquire_tag(tag);
    if (is_had)
        release_tag(tag);
    return is_had;
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

DASHBOARD_DIFF_FUNCTION(dashboard_diff_lock_works) {
    return guarded([&] {
        const Oid schema = find_installation(fcinfo->flinfo->fn_oid).schema;
        Datum* works;
        int count;
        deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT, &works,
                          nullptr, &count);
        auto* tags = static_cast<LOCKTAG*>(palloc(sizeof(LOCKTAG) * (count + 1)));
        for (int i = 0; i < count; ++i)
            tags[i] = lock_tag(WorkLock::work, schema, TextDatumGetCString(works[i]));
        acquire_all(tags, count);
        return Datum{0};
    });
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_can_take_snapshot) {
    return guarded([&] {
        const Oid schema = find_installation(fcinfo->flinfo->fn_oid).schema;
        const char* dashboard = text_to_cstring(PG_GETARG_TEXT_PP(0));
        return BoolGetDatum(is_free(WorkLock::take, schema, dashboard) &&
                            is_free(WorkLock::insert, schema, dashboard));
    });
}

} // namespace dashboard_diff
