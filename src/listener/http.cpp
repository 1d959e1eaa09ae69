#include "listener/http.h"

#include <algorithm>
#include <charconv>

#include <curl/curl.h>

namespace dashboard_diff::listener {

std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::time_t now) {
    using std::chrono::seconds;
    constexpr seconds longest = std::chrono::hours(24);
    constexpr std::string_view blank = " \t\r\n";
    const std::size_t first = value.find_first_not_of(blank);
    if (first == std::string_view::npos)
        return std::nullopt;
    value = value.substr(first, value.find_last_not_of(blank) - first + 1);
    if (value.find_first_not_of("0123456789") == std::string_view::npos) {
        seconds::rep count = 0;
        const auto parsed = std::from_chars(value.data(), value.data() + value.size(), count);
        const bool too_large = parsed.ec == std::errc::result_out_of_range;
        return too_large ? longest : std::min(seconds(count), longest);
    }
    // The date parser takes much that is no date: an HTTP date begins with a day's name.
    const bool letter =
        (value[0] >= 'A' && value[0] <= 'Z') || (value[0] >= 'a' && value[0] <= 'z');
    const std::time_t when = letter ? curl_getdate(std::string(value).c_str(), nullptr) : -1;
    if (when == -1)
        return std::nullopt;
    return std::clamp(seconds(when - now), seconds(0), longest);
}

} // namespace dashboard_diff::listener
