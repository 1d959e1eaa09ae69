// Columns that are the extension's to choose: ids, which keys are derived from, and bookkeeping,
// which decides what is compared and sent. Whoever is granted the right to write a table writes all
// its other columns.

#include "extension/guard.h"
#include "extension/restore.h"

extern "C" {
#include "executor/executor.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
}

namespace dashboard_diff {

namespace {

AttrNumber find_column(const TriggerData* trigger, const char* name) {
    const int number = SPI_fnumber(RelationGetDescr(trigger->tg_relation), name);
    if (number <= 0)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
                errmsg("column \"%s\" of relation \"%s\" does not exist", name,
                       RelationGetRelationName(trigger->tg_relation)));
    return static_cast<AttrNumber>(number);
}

// What an insert that leaves the column out gets.
Datum evaluate_default(Relation relation, AttrNumber column, bool* is_null) {
    auto* expression = reinterpret_cast<Expr*>(build_column_default(relation, column));
    *is_null = expression == nullptr;
    if (expression == nullptr)
        return 0;
    ExprContext* context = CreateStandaloneExprContext();
    const Datum value = ExecEvalExprSwitchContext(
        ExecInitExpr(expression_planner(expression), nullptr), context, is_null);
    return value; // the context goes with the row
}

HeapTuple reset_columns(const TriggerData* trigger) {
    const Trigger* definition = trigger->tg_trigger;
    const int count = definition->tgnargs;
    auto* numbers = static_cast<int*>(palloc(sizeof(int) * static_cast<std::size_t>(count)));
    auto* values = static_cast<Datum*>(palloc(sizeof(Datum) * static_cast<std::size_t>(count)));
    auto* nulls = static_cast<bool*>(palloc(sizeof(bool) * static_cast<std::size_t>(count)));
    for (int i = 0; i < count; ++i) {
        const AttrNumber column = find_column(trigger, definition->tgargs[i]);
        numbers[i] = column;
        values[i] = evaluate_default(trigger->tg_relation, column, &nulls[i]);
    }
    return heap_modify_tuple_by_cols(trigger->tg_trigtuple, RelationGetDescr(trigger->tg_relation),
                                     count, numbers, values, nulls);
}

void refuse_update(const TriggerData* trigger) {
    const Trigger* definition = trigger->tg_trigger;
    for (int i = 0; i < definition->tgnargs; ++i) {
        const AttrNumber column = find_column(trigger, definition->tgargs[i]);
        if (bms_is_member(column - FirstLowInvalidHeapAttributeNumber, trigger->tg_updatedcols))
            ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("permission denied to write column \"%s\" of table \"%s\"",
                           definition->tgargs[i], RelationGetRelationName(trigger->tg_relation)),
                    errdetail("Its values are chosen by dashboard_diff."));
    }
}

Datum keep_columns(FunctionCallInfo fcinfo) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("dashboard_kept_columns: must be called as trigger"));
    const auto* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
    const bool is_insert = TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
    if (!TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
        (is_insert ? !TRIGGER_FIRED_FOR_ROW(trigger->tg_event)
                   : !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
                         !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event)))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("dashboard_kept_columns: must be fired BEFORE INSERT FOR EACH ROW or "
                       "BEFORE UPDATE FOR EACH STATEMENT"));
    const bool is_own = is_own_table(trigger->tg_relation->rd_rel->relowner);
    if (is_insert)
        return PointerGetDatum(is_own ? trigger->tg_trigtuple : reset_columns(trigger));
    if (!is_own)
        refuse_update(trigger);
    return PointerGetDatum(nullptr);
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_kept_columns) {
    return guarded([&] { return keep_columns(fcinfo); });
}

} // namespace dashboard_diff
