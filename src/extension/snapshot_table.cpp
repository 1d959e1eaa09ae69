#include "extension/snapshot_table.h"

#include "extension/statement.h"

extern "C" {
#include "utils/datum.h"
}

namespace dashboard_diff {

namespace {

HTAB* tables = nullptr;

void forget_table(Datum, Oid relation) {
    HASH_SEQ_STATUS status;
    hash_seq_init(&status, tables);
    while (auto* table = static_cast<SnapshotTable*>(hash_seq_search(&status)))
        if (relation == InvalidOid || relation == table->relation || relation == table->whole)
            table->valid = false;
}

void make_cache() {
    HASHCTL control{};
    control.keysize = sizeof(SnapshotTableKey);
    control.entrysize = sizeof(SnapshotTable);
    tables = hash_create("dashboard_diff snapshot tables", 16, &control, HASH_ELEM | HASH_BLOBS);
    CacheRegisterRelcacheCallback(forget_table, 0);
}

// What a column of a snapshot table is for, and the types it may have, the usual one first.
struct ColumnRule {
    const char* purpose;
    Oid types[3];
};

constexpr ColumnRule column_rules[SnapshotColumnNames::max_count] = {
    {"id", {INT8OID, INT4OID, INT2OID}},
    {"dashboard", {TEXTOID, VARCHAROID, NAMEOID}},
    {"time", {TIMESTAMPTZOID, TIMESTAMPOID, InvalidOid}},
    {"document", {JSONBOID, InvalidOid, InvalidOid}},
    {"definition", {TEXTOID, VARCHAROID, InvalidOid}},
};

AttrNumber find_column(Relation relation, const char* name, const ColumnRule& rule, Oid* type) {
    const TupleDesc columns = RelationGetDescr(relation);
    const int number = SPI_fnumber(columns, name);
    if (number <= 0)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
                errmsg("column \"%s\" of relation \"%s\" does not exist", name,
                       RelationGetRelationName(relation)),
                errdetail("It is named as the %s column of its snapshots.", rule.purpose));
    *type = getBaseType(TupleDescAttr(columns, number - 1)->atttypid);
    for (const Oid allowed : rule.types)
        if (*type == allowed)
            return static_cast<AttrNumber>(number);
    ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
            errmsg("column \"%s\" of relation \"%s\" has the wrong type", name,
                   RelationGetRelationName(relation)),
            errdetail("The %s column must be of type %s, not %s.", rule.purpose,
                      format_type_be(rule.types[0]), format_type_be(*type)));
    pg_unreachable();
}

std::int64_t to_int64(Oid type, Datum id) {
    switch (type) {
    case INT8OID:
        return DatumGetInt64(id);
    case INT4OID:
        return DatumGetInt32(id);
    default:
        return DatumGetInt16(id);
    }
}

TimestampTz to_timestamptz(Oid type, Datum time) {
    return DatumGetTimestampTz(
        type == TIMESTAMPTZOID ? time : DirectFunctionCall1(timestamp_timestamptz, time));
}

// Fills everything but the cache's key.
void fill(SnapshotTable* table, Relation relation, Oid whole, const SnapshotColumnNames& columns) {
    table->valid = true; // until the relation cache says otherwise, be it from now on
    table->relation = RelationGetRelid(relation);
    table->whole = whole;
    table->columns.count = columns.count;
    for (int i = 0; i < columns.count; ++i) {
        namestrcpy(&table->column_names[i], columns.names[i]);
        table->columns.names[i] = NameStr(table->column_names[i]);
        table->numbers[i] =
            find_column(relation, columns.names[i], column_rules[i], &table->types[i]);
    }
    if (columns.count < SnapshotColumnNames::max_count)
        table->numbers[SnapshotColumnNames::max_count - 1] = 0;

    Relation opened = table_open(whole, AccessShareLock);
    table->owner = opened->rd_rel->relowner;
    namestrcpy(&table->schema, get_namespace_name(RelationGetNamespace(opened)));
    namestrcpy(&table->name, RelationGetRelationName(opened));
    table_close(opened, NoLock);
}

// A renamed schema invalidates nothing of the table: the name has to be looked at.
bool is_current(const SnapshotTable* table) {
    if (!table->valid)
        return false;
    const char* schema = get_namespace_name(get_rel_namespace(table->whole));
    return schema != nullptr && strcmp(schema, NameStr(table->schema)) == 0;
}

SnapshotTable* remembered_table(SnapshotTableKey key) {
    if (tables == nullptr)
        make_cache();
    bool found;
    auto* table = static_cast<SnapshotTable*>(hash_search(tables, &key, HASH_ENTER, &found));
    if (!found) {
        *table = SnapshotTable{};
        table->key = key;
    }
    return table;
}

bool same_names(const SnapshotColumnNames& a, const SnapshotColumnNames& b) {
    if (a.count != b.count)
        return false;
    for (int i = 0; i < a.count; ++i)
        if (strcmp(a.names[i], b.names[i]) != 0)
            return false;
    return true;
}

void forget_plans(SnapshotTable* table) {
    table->valid = false;
    for (SPIPlanPtr& plan : table->plans) {
        if (plan != nullptr)
            SPI_freeplan(plan);
        plan = nullptr;
    }
}

// The text of a query: its condition and order over the table t.
char* query_text(const SnapshotTable* table, SnapshotQuery query) {
    const SnapshotColumnNames& c = table->columns;
    const char* id = quote_identifier(c.id());
    const char* time = quote_identifier(c.captured_at());
    const char* forwards = psprintf("t.%s, t.%s", time, id);
    const char* backwards = psprintf("t.%s DESC, t.%s DESC LIMIT 1", time, id);
    const char* condition = "";
    const char* order = backwards;
    switch (query) {
    case SnapshotQuery::latest:
        condition = psprintf("AND t.%s IS NOT NULL", time); // which would sort as the latest
        break;
    case SnapshotQuery::later:
        condition = psprintf("AND (t.%s, t.%s) > ($2, $3) AND t.xmin <> $4", time, id);
        break;
    case SnapshotQuery::preceding:
        condition = psprintf("AND (t.%s, t.%s) < ($2, $3)", time, id);
        break;
    case SnapshotQuery::by_id:
        condition = psprintf("AND t.%s = $2", id);
        break;
    case SnapshotQuery::earliest:
        condition = psprintf("AND t.%s >= $2", time);
        order = psprintf("%s LIMIT 1", forwards);
        break;
    case SnapshotQuery::last_before:
        condition = psprintf("AND t.%s < $2", time);
        break;
    case SnapshotQuery::history:
        condition = psprintf("AND t.%s >= $2", time);
        order = forwards;
        break;
    case SnapshotQuery::count:
        break;
    }
    const char* definition =
        c.definition() == nullptr ? "NULL" : psprintf("t.%s", quote_identifier(c.definition()));
    return psprintf("SELECT t.%s, t.%s, t.%s, %s::text FROM %s t WHERE t.%s = $1 %s ORDER BY %s",
                    id, time, quote_identifier(c.content()), definition,
                    quote_qualified_identifier(NameStr(table->schema), NameStr(table->name)),
                    quote_identifier(c.dashboard()), condition, order);
}

} // namespace

SnapshotTable* find_snapshot_table(const TriggerData* trigger) {
    const Trigger* definition = trigger->tg_trigger;
    SnapshotTable* table = remembered_table({definition->tgoid, InvalidOid});
    if (is_current(table))
        return table;
    forget_plans(table);
    if (definition->tgnargs < 4 || definition->tgnargs > SnapshotColumnNames::max_count)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("trigger \"%s\" needs four or five arguments, not %d", definition->tgname,
                       definition->tgnargs),
                errdetail("They name the table's id, dashboard, time and document columns, in "
                          "this order, and if there is one the column that tells how the "
                          "dashboard is made."));
    SnapshotColumnNames columns{definition->tgnargs, {}};
    for (int i = 0; i < columns.count; ++i)
        columns.names[i] = definition->tgargs[i];
    // A partition's rows are compared with those of the whole table.
    Oid whole = RelationGetRelid(trigger->tg_relation);
    if (definition->tgisclone)
        whole = llast_oid(get_partition_ancestors(whole));
    fill(table, trigger->tg_relation, whole, columns);
    return table;
}

SnapshotTable* open_snapshot_table(Oid relation, const SnapshotColumnNames& columns) {
    SnapshotTable* table = remembered_table({InvalidOid, relation});
    if (is_current(table) && same_names(table->columns, columns))
        return table;
    forget_plans(table);
    Relation opened = table_open(relation, AccessShareLock);
    fill(table, opened, relation, columns);
    table_close(opened, NoLock);
    return table;
}

void check_snapshot_columns(Relation relation, const SnapshotColumnNames& columns) {
    for (int i = 0; i < columns.count; ++i) {
        Oid type;
        (void)find_column(relation, columns.names[i], column_rules[i], &type);
    }
}

StoredSnapshot read_inserted_snapshot(const SnapshotTable* table, const TriggerData* trigger,
                                      const char** dashboard) {
    const TupleDesc columns = RelationGetDescr(trigger->tg_relation);
    const auto read = [&](AttrNumber number) {
        bool is_null;
        const Datum value = SPI_getbinval(trigger->tg_trigtuple, columns, number, &is_null);
        if (is_null)
            ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                    errmsg("column \"%s\" of relation \"%s\" must not be null",
                           NameStr(TupleDescAttr(columns, number - 1)->attname),
                           RelationGetRelationName(trigger->tg_relation)),
                    errdetail("It is part of a dashboard's snapshot."));
        return value;
    };

    StoredSnapshot row{};
    row.found = true;
    row.id_datum = read(table->id());
    row.id = to_int64(table->id_type(), row.id_datum);
    const Datum name = read(table->dashboard());
    *dashboard = table->dashboard_type() == NAMEOID ? pstrdup(NameStr(*DatumGetName(name)))
                                                    : TextDatumGetCString(name);
    row.captured_at_datum = read(table->captured_at());
    row.captured_at = to_timestamptz(table->captured_at_type(), row.captured_at_datum);
    if (TIMESTAMP_NOT_FINITE(row.captured_at))
        ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                errmsg("column \"%s\" of relation \"%s\" must not be infinite",
                       NameStr(TupleDescAttr(columns, table->captured_at() - 1)->attname),
                       RelationGetRelationName(trigger->tg_relation)),
                errdetail("It is the time of a dashboard's snapshot."));
    row.content = read(table->content());
    if (table->definition() != 0)
        row.definition = SPI_getvalue(trigger->tg_trigtuple, columns, table->definition());
    return row;
}

SPIPlanPtr snapshot_plan(SnapshotTable* table, SnapshotQuery query) {
    SPIPlanPtr& plan = table->plans[static_cast<int>(query)];
    if (plan != nullptr)
        return plan;
    Oid types[] = {table->dashboard_type(), table->captured_at_type(), table->id_type(), XIDOID};
    int count = 2;
    switch (query) {
    case SnapshotQuery::latest:
        count = 1;
        break;
    case SnapshotQuery::later:
        count = 4;
        break;
    case SnapshotQuery::preceding:
        count = 3;
        break;
    case SnapshotQuery::by_id:
        types[1] = table->id_type();
        break;
    default:
        types[1] = TIMESTAMPTZOID;
    }
    const SPIPlanPtr prepared = SPI_prepare(query_text(table, query), count, types);
    if (prepared == nullptr || SPI_keepplan(prepared) != 0)
        elog(ERROR, "could not prepare statement: %s", SPI_result_code_string(SPI_result));
    plan = prepared;
    return plan;
}

StoredSnapshot read_found_snapshot(const SnapshotTable* table, HeapTuple row, TupleDesc columns) {
    StoredSnapshot snapshot{};
    snapshot.found = true;
    bool is_null;
    snapshot.id_datum = SPI_getbinval(row, columns, 1, &is_null);
    snapshot.id = to_int64(table->id_type(), snapshot.id_datum);
    snapshot.captured_at_datum = SPI_getbinval(row, columns, 2, &is_null);
    snapshot.captured_at = to_timestamptz(table->captured_at_type(), snapshot.captured_at_datum);
    const Datum content = SPI_getbinval(row, columns, 3, &is_null);
    // A null document cannot be compared with: as if the snapshot were not there.
    snapshot.found = !is_null;
    if (!is_null)
        snapshot.content = datumCopy(content, false, -1);
    snapshot.definition = SPI_getvalue(row, columns, 4);
    return snapshot;
}

StoredSnapshot find_snapshot(SnapshotTable* table, SnapshotQuery query, Datum* values,
                             ::Snapshot snapshot, bool read_only) {
    execute_as(table->owner, snapshot_plan(table, query), values, nullptr, snapshot, read_only, 1);
    StoredSnapshot found{};
    if (SPI_processed > 0)
        found = read_found_snapshot(table, SPI_tuptable->vals[0], SPI_tuptable->tupdesc);
    SPI_freetuptable(SPI_tuptable);
    return found;
}

Datum dashboard_datum(const SnapshotTable* table, const char* dashboard) {
    if (table->dashboard_type() == NAMEOID)
        return DirectFunctionCall1(namein, CStringGetDatum(dashboard));
    return CStringGetTextDatum(dashboard);
}

Datum snapshot_id_datum(const SnapshotTable* table, std::int64_t id) {
    switch (table->id_type()) {
    case INT8OID:
        return Int64GetDatum(id);
    case INT4OID:
        return Int32GetDatum(id == static_cast<std::int32_t>(id) ? static_cast<std::int32_t>(id)
                                                                 : 0);
    default:
        return Int16GetDatum(id == static_cast<std::int16_t>(id) ? static_cast<std::int16_t>(id)
                                                                 : 0);
    }
}

} // namespace dashboard_diff
