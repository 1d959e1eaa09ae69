#include "extension/snapshot_table.h"

#include "extension/statement.h"

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
    control.keysize = sizeof(Oid);
    control.entrysize = sizeof(SnapshotTable);
    tables = hash_create("dashboard_diff snapshot tables", 16, &control, HASH_ELEM | HASH_BLOBS);
    CacheRegisterRelcacheCallback(forget_table, 0);
}

bool is_one_of(Oid type, Oid a, Oid b, Oid c) {
    return type == a || type == b || type == c;
}

AttrNumber find_column(Relation relation, const char* name, const char* purpose, Oid a, Oid b,
                       Oid c, Oid* type) {
    const TupleDesc columns = RelationGetDescr(relation);
    const int number = SPI_fnumber(columns, name);
    if (number <= 0)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
                errmsg("column \"%s\" of relation \"%s\" does not exist", name,
                       RelationGetRelationName(relation)),
                errdetail("It is named as the %s column of the trigger.", purpose));
    *type = getBaseType(TupleDescAttr(columns, number - 1)->atttypid);
    if (!is_one_of(*type, a, b, c))
        ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
                errmsg("column \"%s\" of relation \"%s\" has the wrong type", name,
                       RelationGetRelationName(relation)),
                errdetail("The %s column must be of type %s, not %s.", purpose, format_type_be(a),
                          format_type_be(*type)));
    return static_cast<AttrNumber>(number);
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

SPIPlanPtr prepare_kept(const char* text, int count, Oid* types) {
    const SPIPlanPtr plan = SPI_prepare(text, count, types);
    if (plan == nullptr || SPI_keepplan(plan) != 0)
        elog(ERROR, "could not prepare statement: %s", SPI_result_code_string(SPI_result));
    return plan;
}

void prepare_plans(SnapshotTable* table, Relation relation, char** names) {
    const char* id = quote_identifier(names[0]);
    const char* dashboard = quote_identifier(names[1]);
    const char* captured_at = quote_identifier(names[2]);
    const char* content = quote_identifier(names[3]);
    const char* definition =
        table->definition == 0 ? "NULL::text" : psprintf("t.%s::text", quote_identifier(names[4]));
    const char* name =
        quote_qualified_identifier(NameStr(table->schema), RelationGetRelationName(relation));
    Oid types[] = {table->dashboard_type, table->captured_at_type, table->id_type, XIDOID};

    table->later_plan =
        prepare_kept(psprintf("SELECT 1 FROM %s t WHERE t.%s = $1 AND (t.%s, t.%s) > ($2, $3) "
                              "LIMIT 1",
                              name, dashboard, captured_at, id),
                     3, types);
    table->baseline_plan =
        prepare_kept(psprintf("SELECT b.id, b.content, b.definition FROM ("
                              "(SELECT t.%1$s AS id, t.%4$s AS content, %5$s AS definition"
                              " FROM %6$s t WHERE t.%2$s = $1"
                              " AND (t.%3$s, t.%1$s) > ($2, $3) AND t.xmin <> $4"
                              " ORDER BY t.%3$s DESC, t.%1$s DESC LIMIT 1) UNION ALL "
                              "(SELECT t.%1$s, t.%4$s, %5$s FROM %6$s t WHERE t.%2$s = $1"
                              " AND (t.%3$s, t.%1$s) < ($2, $3)"
                              " ORDER BY t.%3$s DESC, t.%1$s DESC LIMIT 1)) b LIMIT 1",
                              id, dashboard, captured_at, content, definition, name),
                     4, types);
}

void fill(SnapshotTable* table, const TriggerData* trigger) {
    const Trigger* definition = trigger->tg_trigger;
    if (definition->tgnargs < 4 || definition->tgnargs > 5)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("trigger \"%s\" needs four or five arguments, not %d", definition->tgname,
                       definition->tgnargs),
                errdetail("They name the table's id, dashboard, time and document columns, in "
                          "this order, and if there is one the column that tells how the "
                          "dashboard is made."));
    char** names = definition->tgargs;
    table->valid = true; // until the relation cache says otherwise, be it from now on
    table->relation = RelationGetRelid(trigger->tg_relation);

    Oid content_type;
    Relation relation = trigger->tg_relation;
    table->id = find_column(relation, names[0], "id", INT8OID, INT4OID, INT2OID, &table->id_type);
    table->dashboard = find_column(relation, names[1], "dashboard", TEXTOID, VARCHAROID, NAMEOID,
                                   &table->dashboard_type);
    table->captured_at = find_column(relation, names[2], "time", TIMESTAMPTZOID, TIMESTAMPOID,
                                     InvalidOid, &table->captured_at_type);
    table->content = find_column(relation, names[3], "document", JSONBOID, InvalidOid, InvalidOid,
                                 &content_type);

    table->definition = 0;
    if (definition->tgnargs == 5) {
        Oid definition_type;
        table->definition = find_column(relation, names[4], "definition", TEXTOID, VARCHAROID,
                                        InvalidOid, &definition_type);
    }

    // A partition's rows are compared with those of the whole table.
    table->whole = table->relation;
    if (definition->tgisclone)
        table->whole = llast_oid(get_partition_ancestors(table->relation));
    relation = table_open(table->whole, AccessShareLock);
    table->owner = relation->rd_rel->relowner;
    namestrcpy(&table->schema, get_namespace_name(RelationGetNamespace(relation)));
    prepare_plans(table, relation, names);
    table_close(relation, NoLock);
}

// A renamed schema invalidates nothing of the table: the name has to be looked at.
bool is_current(const SnapshotTable* table) {
    if (!table->valid || table->baseline_plan == nullptr)
        return false;
    const char* schema = get_namespace_name(get_rel_namespace(table->whole));
    return schema != nullptr && strcmp(schema, NameStr(table->schema)) == 0;
}

} // namespace

SnapshotTable* find_snapshot_table(const TriggerData* trigger) {
    if (tables == nullptr)
        make_cache();
    bool found;
    auto* table = static_cast<SnapshotTable*>(
        hash_search(tables, &trigger->tg_trigger->tgoid, HASH_ENTER, &found));
    if (!found) {
        const Oid key = table->trigger;
        *table = SnapshotTable{};
        table->trigger = key;
    }
    if (!is_current(table)) {
        table->valid = false;
        if (table->later_plan != nullptr)
            SPI_freeplan(table->later_plan);
        if (table->baseline_plan != nullptr)
            SPI_freeplan(table->baseline_plan);
        table->later_plan = nullptr;
        table->baseline_plan = nullptr;
        fill(table, trigger);
    }
    return table;
}

SnapshotRow read_snapshot_row(const SnapshotTable* table, const TriggerData* trigger) {
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

    SnapshotRow row{};
    row.id_datum = read(table->id);
    row.id = to_int64(table->id_type, row.id_datum);
    row.dashboard_datum = read(table->dashboard);
    row.dashboard = table->dashboard_type == NAMEOID
                        ? pstrdup(NameStr(*DatumGetName(row.dashboard_datum)))
                        : TextDatumGetCString(row.dashboard_datum);
    row.captured_at_datum = read(table->captured_at);
    row.captured_at = DatumGetTimestampTz(
        table->captured_at_type == TIMESTAMPTZOID
            ? row.captured_at_datum
            : DirectFunctionCall1(timestamp_timestamptz, row.captured_at_datum));
    if (TIMESTAMP_NOT_FINITE(row.captured_at))
        ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                errmsg("column \"%s\" of relation \"%s\" must not be infinite",
                       NameStr(TupleDescAttr(columns, table->captured_at - 1)->attname),
                       RelationGetRelationName(trigger->tg_relation)),
                errdetail("It is the time of a dashboard's snapshot."));
    row.content = read(table->content);
    if (table->definition != 0)
        row.definition = SPI_getvalue(trigger->tg_trigtuple, columns, table->definition);
    return row;
}

void lock_dashboard(Oid schema, const char* dashboard) {
    // The advisory lock space, but of a class of its own that no SQL function can take.
    constexpr std::uint16_t lock_class = 0xDD;
    LOCKTAG tag;
    const std::uint32_t hash = DatumGetUInt32(hash_any(
        reinterpret_cast<const unsigned char*>(dashboard), static_cast<int>(strlen(dashboard))));
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, schema, hash, lock_class);
    (void)LockAcquire(&tag, ExclusiveLock, false, false);
}

bool is_backfill(SnapshotTable* table, const SnapshotRow& row, ::Snapshot statement_snapshot) {
    Datum values[] = {row.dashboard_datum, row.captured_at_datum, row.id_datum};
    execute_as(table->owner, table->later_plan, values, nullptr, statement_snapshot, true, 1);
    return SPI_processed > 0;
}

Baseline find_baseline(SnapshotTable* table, const SnapshotRow& row) {
    Datum values[] = {row.dashboard_datum, row.captured_at_datum, row.id_datum,
                      TransactionIdGetDatum(GetCurrentTransactionId())};
    execute_as(table->owner, table->baseline_plan, values, nullptr, latest_snapshot(), false, 1);
    Baseline baseline{};
    if (SPI_processed == 0)
        return baseline;
    bool is_null;
    const Datum id = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
    baseline.content = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &is_null);
    baseline.found = !is_null;
    baseline.definition = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3);
    baseline.id = to_int64(table->id_type, id);
    return baseline;
}

} // namespace dashboard_diff
