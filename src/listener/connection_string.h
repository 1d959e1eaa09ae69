#pragma once

#include <string>

namespace dashboard_diff::listener {

// What libpq takes as dbname: `key=value` pairs, a URI, or a bare database name.

// Throws std::invalid_argument with libpq's reason, without what could be a password.
void check_connection_string(const std::string& text);

bool holds_password(const std::string& text);

// As `key=value` pairs, passwords as asterisks; a bare name as it is. For valid ones.
std::string connection_string_without_secrets(const std::string& text);

} // namespace dashboard_diff::listener
