#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace dashboard_diff::listener {

// The URL is not one we send to; what() is the reason in a few words, without the URL.
class TargetError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Refuses what must not be requested: other schemes than https (and http, if allowed), user-info,
// no host, spaces and control characters. Throws TargetError.
void check_target(const std::string& url, bool allow_http);

// Scheme, host and port as written, in lower case: what one connection leads to.
std::string url_origin(std::string_view url);

// Scheme, host and port, and the first 8 hexadecimal digits of the SHA-256 of the whole URL, which
// tell it from others: its path, query or user-info may be its secret.
std::string loggable_url(std::string_view url);

} // namespace dashboard_diff::listener
