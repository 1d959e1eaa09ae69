#include "listener/target_url.h"

#include "listener/signature.h"

#include <algorithm>
#include <memory>

#include <curl/curl.h>

namespace dashboard_diff::listener {
namespace {

std::string part_of(CURLU* url, CURLUPart which) {
    char* raw = nullptr;
    if (curl_url_get(url, which, &raw, 0) != CURLUE_OK)
        return {};
    const std::unique_ptr<char, decltype(&curl_free)> part(raw, curl_free);
    return part.get();
}

// Start and end of what lies between "://" and the path.
std::pair<std::size_t, std::size_t> authority_of(std::string_view url) noexcept {
    const std::size_t scheme_end = url.find("://");
    const std::size_t start = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
    return {start, std::min(url.find_first_of("/\\?#", start), url.size())};
}

// Scheme, a host of letters, digits, dots and dashes, perhaps a port, then nothing that a parser
// could take for anything else: most URLs are of this kind, and there is only one way to read them.
bool is_plain(std::string_view url, std::string_view scheme) noexcept {
    if (!url.starts_with(scheme))
        return false;
    url.remove_prefix(scheme.size());
    const std::string_view authority = url.substr(0, url.find_first_of("/?#"));
    const std::string_view host = authority.substr(0, authority.find(':'));
    const std::string_view port = authority.substr(std::min(host.size() + 1, authority.size()));
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto is_host = [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '.' ||
               c == '-';
    };
    return !host.empty() && std::ranges::all_of(host, is_host) &&
           std::ranges::all_of(port, is_digit) && port.size() <= 4 &&
           (port.empty() ? authority == host : port != "0");
}

} // namespace

void check_target(const std::string& url, bool allow_http) {
    const auto is_unfit = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte <= ' ' || byte == 0x7F || c == '\\';
    };
    if (std::ranges::any_of(url, is_unfit))
        throw TargetError("invalid URL");
    if (is_plain(url, "https://") || (allow_http && is_plain(url, "http://")))
        return;
    // curl's own parser, so that what is checked is what will be requested.
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
    if (!parsed)
        throw std::bad_alloc();
    if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
            CURLUE_OK ||
        part_of(parsed.get(), CURLUPART_HOST).empty())
        throw TargetError("invalid URL");
    const std::string scheme = part_of(parsed.get(), CURLUPART_SCHEME);
    if (scheme != "https" && scheme != "http")
        throw TargetError("URL is not https");
    if (scheme == "http" && !allow_http)
        throw TargetError("URL is not https, and --allow-http was not given");
    // curl takes one to three slashes; with two it is certain what the host is.
    const auto [start, end] = authority_of(url);
    if (url.compare(scheme.size(), 3, "://") != 0 || start == end)
        throw TargetError("invalid URL");
    if (std::string_view(url).substr(start, end - start).find('@') != std::string_view::npos)
        throw TargetError("URL with user name or password");
}

std::string url_origin(std::string_view url) {
    std::string origin(url.substr(0, authority_of(url).second));
    for (char& c : origin)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return origin;
}

std::string loggable_url(std::string_view url) {
    const auto [start, end] = authority_of(url);
    const std::string_view authority = url.substr(start, end - start);
    const std::size_t at = authority.rfind('@'); // npos + 1 is 0: all of it
    std::string text(url.substr(0, start));
    text += authority.substr(at + 1);
    text += " (";
    text += hex(sha256(url)).substr(0, 8);
    text += ')';
    return text;
}

} // namespace dashboard_diff::listener
