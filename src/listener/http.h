#pragma once

#include <chrono>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dashboard_diff::listener {

// A POST.
struct HttpRequest {
    std::string url;                  // one that check_target() passed
    std::vector<std::string> headers; // "Name: value"
    std::string body;
    bool keep_body = false; // of the answer: only where it is needed to judge it
};

struct HttpResult {
    int status = 0;       // of the final answer; 0: there was none
    std::string error;    // why there was none, in a few printable words
    bool refused = false; // it was not sent: the address is not one to send to
    std::optional<std::chrono::seconds> retry_after;
    std::string body; // of the answer, if asked for: never logged, never stored
    std::chrono::milliseconds elapsed{0};
};

// Value of a Retry-After header: seconds or an HTTP date. Times in the past are zero, more than
// a day is a day; nullopt if it is neither.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::time_t now);

} // namespace dashboard_diff::listener
