// The schema keeps its name, but for superusers. Bodies of functions name it, and some run with the
// rights of the extension's owner: whoever owns the schema, be it as the database's owner, must not
// put another one in its place.

#include "extension/guard.h"
#include "extension/statement.h"

extern "C" {
#include "commands/event_trigger.h"
#include "nodes/parsenodes.h"
}

namespace dashboard_diff {

namespace {

Datum refuse_renaming(FunctionCallInfo fcinfo) {
    if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("dashboard_keep_schema: must be called as event trigger"));
    const Node* command = reinterpret_cast<EventTriggerData*>(fcinfo->context)->parsetree;
    if (superuser() || !IsA(command, RenameStmt))
        return 0;
    const auto* rename = reinterpret_cast<const RenameStmt*>(command);
    if (rename->renameType == OBJECT_SCHEMA && get_namespace_oid(rename->subname, true) ==
                                                   find_installation(fcinfo->flinfo->fn_oid).schema)
        ereport(ERROR, errcode(ERRCODE_OBJECT_IN_USE),
                errmsg("schema \"%s\" cannot be renamed", rename->subname),
                errdetail("The extension dashboard_diff is installed in it: only superusers may."));
    return 0;
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_keep_schema) {
    return guarded([&] { return refuse_renaming(fcinfo); });
}

} // namespace dashboard_diff
