#include "extension/history.h"

#include <algorithm>

#include "extension/rights.h"
#include "extension/snapshot_queries.h"

extern "C" {
#include "storage/lmgr.h"
#include "utils/rls.h"
}

namespace dashboard_diff {

namespace {

Statement dashboard_statement{
    R"(
SELECT d.owner FROM @extschema@.dashboards d WHERE d.id = $1
)",
    1,
    {TEXTOID}};

// The extension's own table comes first. A trigger's arguments stand behind each other, each
// ended by a zero byte.
Statement tables_statement{
    R"(
SELECT t.tgrelid, t.tgargs, t.tgnargs::integer, c.relowner, c.relname, c.relpersistence = 't'
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
 WHERE t.tgfoid = $1 AND t.tgparentid = 0 AND NOT t.tgisinternal
 ORDER BY t.tgrelid <> $2, t.tgrelid, t.tgname
)",
    2,
    {OIDOID, OIDOID}};

bool has_snapshots(SnapshotTable* table, const char* dashboard) {
    Datum values[] = {dashboard_datum(table, dashboard)};
    return find_snapshots(table, SnapshotQuery::latest, values, InvalidSnapshot, true, 1).count > 0;
}

SnapshotColumnNames read_arguments(Datum arguments, int count) {
    const bytea* bytes = DatumGetByteaPP(arguments);
    const char* at = VARDATA_ANY(bytes);
    const char* end = at + VARSIZE_ANY_EXHDR(bytes);
    SnapshotColumnNames columns{};
    for (; columns.count < std::min(count, SnapshotColumnNames::max_count) && at < end;
         at += strnlen(at, static_cast<std::size_t>(end - at)) + 1)
        columns.names[columns.count++] = pnstrdup(at, static_cast<Size>(end - at));
    return columns;
}

struct Candidate {
    Oid relation;
    SnapshotColumnNames columns;
    Oid owner;
    const char* name;
    bool is_temporary;
};

struct Candidates {
    std::uint64_t count;
    Candidate* list;
};

Candidates find_candidates(const Installation& installation) {
    Datum values[] = {
        ObjectIdGetDatum(find_alert_function(installation)),
        ObjectIdGetDatum(get_relname_relid("dashboard_snapshots", installation.schema))};
    execute_as_caller(tables_statement, installation, values, 0);
    Candidates found{SPI_processed, nullptr};
    found.list = static_cast<Candidate*>(palloc(sizeof(Candidate) * (found.count + 1)));
    for (std::uint64_t i = 0; i < found.count; ++i) {
        bool is_null;
        const auto read = [&](int column) {
            return SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, column, &is_null);
        };
        found.list[i] = {DatumGetObjectId(read(1)), read_arguments(read(2), DatumGetInt32(read(3))),
                         DatumGetObjectId(read(4)), pstrdup(NameStr(*DatumGetName(read(5)))),
                         DatumGetBool(read(6))};
    }
    return found;
}

// Row-level security of the table itself is its owner's code, which the caller must not run.
bool may_read(Oid relation) {
    return pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
           check_enable_rls(relation, InvalidOid, true) != RLS_ENABLED;
}

// The table, or null where it is none that the history may be read from.
SnapshotTable* open_candidate(const Installation& installation, const Candidate& candidate,
                              const char* dashboard_owner) {
    const bool is_own = is_own_snapshot_table(installation, candidate.relation);
    if (candidate.columns.count < 4 || candidate.is_temporary ||
        (!is_own && !has_rights_of(candidate.owner, dashboard_owner)))
        return nullptr;
    // It may be gone by now; else it stays.
    LockRelationOid(candidate.relation, AccessShareLock);
    if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(candidate.relation)))
        return nullptr;
    if (!is_own && !may_read(candidate.relation)) {
        ereport(WARNING, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                errmsg("watched table \"%s\" is passed over: permission denied", candidate.name),
                errdetail("You lack the right to SELECT from it, or its row-level security hides "
                          "rows from you."));
        return nullptr;
    }
    return open_snapshot_table(installation, candidate.relation, candidate.columns);
}

} // namespace

SnapshotTable* find_history(const Installation& installation, const char* dashboard) {
    Datum values[] = {CStringGetTextDatum(dashboard)};
    execute_as_caller(dashboard_statement, installation, values, 1);
    if (SPI_processed == 0)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
                errmsg("dashboard \"%s\" does not exist", dashboard));
    const char* owner = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);

    const Candidates candidates = find_candidates(installation);
    for (std::uint64_t i = 0; i < candidates.count; ++i) {
        SnapshotTable* table = open_candidate(installation, candidates.list[i], owner);
        if (table != nullptr && has_snapshots(table, dashboard))
            return table;
    }
    return nullptr;
}

} // namespace dashboard_diff
