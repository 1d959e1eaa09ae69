#include "extension/snapshot_table.h"

namespace dashboard_diff {

namespace {

HTAB* tables = nullptr;
LocalTransactionId swept_in = InvalidLocalTransactionId;

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

// Fills everything but the cache's key.
void fill(SnapshotTable* table, const Installation& installation, Relation relation, Oid whole,
          const SnapshotColumnNames& columns) {
    table->valid = true; // until the relation cache says otherwise, be it from now on
    table->schema = {};  // not current before all is filled
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
    table->is_own = is_own_snapshot_table(installation, whole);
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

// Entries of tables that have changed or are gone. In a transaction they may be in use.
void sweep() {
    const LocalTransactionId transaction = current_local_transaction();
    if (transaction == swept_in)
        return;
    swept_in = transaction;
    HASH_SEQ_STATUS status;
    hash_seq_init(&status, tables);
    while (auto* table = static_cast<SnapshotTable*>(hash_seq_search(&status))) {
        if (table->valid)
            continue;
        forget_plans(table);
        SnapshotTableKey key = table->key;
        hash_search(tables, &key, HASH_REMOVE, nullptr);
    }
}

SnapshotTable* remembered_table(SnapshotTableKey key) {
    if (tables == nullptr)
        make_cache();
    sweep();
    bool found;
    auto* table = static_cast<SnapshotTable*>(hash_search(tables, &key, HASH_ENTER, &found));
    if (!found) {
        *table = SnapshotTable{};
        table->key = key;
    }
    return table;
}

} // namespace

bool is_own_snapshot_table(const Installation& installation, Oid relation) {
    return relation == get_relname_relid("dashboard_snapshots", installation.schema);
}

SnapshotTable* find_snapshot_table(const Installation& installation, const TriggerData* trigger) {
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
    fill(table, installation, trigger->tg_relation, whole, columns);
    return table;
}

SnapshotTable* open_snapshot_table(const Installation& installation, Oid relation,
                                   const SnapshotColumnNames& columns) {
    SnapshotTable* table = remembered_table({InvalidOid, relation});
    if (is_current(table) && same_names(table->columns, columns))
        return table;
    forget_plans(table);
    Relation opened = try_table_open(relation, AccessShareLock);
    if (opened == nullptr)
        return nullptr;
    fill(table, installation, opened, relation, columns);
    table_close(opened, NoLock);
    return table;
}

void check_snapshot_columns(Relation relation, const SnapshotColumnNames& columns) {
    for (int i = 0; i < columns.count; ++i) {
        Oid type;
        (void)find_column(relation, columns.names[i], column_rules[i], &type);
    }
}

} // namespace dashboard_diff
