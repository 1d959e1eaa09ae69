#pragma once

// The server's headers, and every difference between its versions. The C++ library comes first:
// postgres.h redefines names such as snprintf. Include this header last.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory_resource>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

extern "C" {
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif
}

#if PG_VERSION_NUM < 160000
// Empty there, while the library is built with hidden visibility.
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

// What walks a tree of nodes is declared without parameters there.
#if PG_VERSION_NUM < 160000
#define DASHBOARD_DIFF_WALKER(name) reinterpret_cast<bool (*)()>(reinterpret_cast<void*>(&(name)))
#else
#define DASHBOARD_DIFF_WALKER(name) (&(name))
#endif

#undef Abs
#undef Max
#undef Min
#undef gettext

// Tells the transactions of a session from each other.
inline LocalTransactionId current_local_transaction() {
#if PG_VERSION_NUM >= 170000
    return MyProc->vxid.lxid;
#else
    return MyProc->lxid;
#endif
}

// PG_FUNCTION_INFO_V1 exports the function itself only from version 16 on.
#define DASHBOARD_DIFF_EXPORT(name)                                                                \
    extern "C" {                                                                                   \
    PG_FUNCTION_INFO_V1(name);                                                                     \
    PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                                      \
    }
