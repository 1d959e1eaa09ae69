#include "extension/rights.h"

namespace dashboard_diff {

bool has_rights_of(Oid member, const char* role_name) {
    const Oid role = role_name != nullptr ? get_role_oid(role_name, true) : InvalidOid;
    return OidIsValid(role) ? has_privs_of_role(member, role) : superuser_arg(member);
}

} // namespace dashboard_diff
