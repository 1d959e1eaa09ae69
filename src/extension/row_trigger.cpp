#include "extension/row_trigger.h"

namespace dashboard_diff {

TriggerData* called_for_row(FunctionCallInfo fcinfo, const char* name) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("%s: must be called as trigger", name));
    auto* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
    if (!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("%s: must be fired FOR EACH ROW", name));
    return trigger;
}

TriggerData* called_before_row(FunctionCallInfo fcinfo, const char* name) {
    TriggerData* trigger = called_for_row(fcinfo, name);
    if (!TRIGGER_FIRED_BEFORE(trigger->tg_event))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("%s: must be fired BEFORE ... FOR EACH ROW", name));
    return trigger;
}

HeapTuple new_row(const TriggerData* trigger) {
    return TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple
                                                      : trigger->tg_trigtuple;
}

const char* column_text(const TriggerData* trigger, const char* column) {
    const TupleDesc columns = RelationGetDescr(trigger->tg_relation);
    return SPI_getvalue(new_row(trigger), columns, SPI_fnumber(columns, column));
}

} // namespace dashboard_diff
