#include "listener/http.h"
#include "listener/target_url.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace dashboard_diff::listener {
namespace {

constexpr std::time_t now_then = 1445412480; // Wed, 21 Oct 2015 07:28:00 GMT

std::optional<long> seconds_of(std::string_view value) {
    const auto parsed = parse_retry_after(value, now_then);
    return parsed ? std::optional<long>(parsed->count()) : std::nullopt;
}

TEST(RetryAfter, Seconds) {
    EXPECT_EQ(seconds_of("0"), 0);
    EXPECT_EQ(seconds_of("120"), 120);
    EXPECT_EQ(seconds_of(" 120\t"), 120);
    EXPECT_EQ(seconds_of("86400"), 86400);
    EXPECT_EQ(seconds_of("86401"), 86400);
    EXPECT_EQ(seconds_of("99999999999999999999999999"), 86400);
}

TEST(RetryAfter, Date) {
    EXPECT_EQ(seconds_of("Wed, 21 Oct 2015 07:28:30 GMT"), 30);
    EXPECT_EQ(seconds_of("Wednesday, 21-Oct-15 07:29:00 GMT"), 60);
    EXPECT_EQ(seconds_of("Wed Oct 21 07:29:00 2015"), 60);
    EXPECT_EQ(seconds_of("Tue, 20 Oct 2015 07:28:00 GMT"), 0);
    EXPECT_EQ(seconds_of("Fri, 21 Oct 2033 07:28:00 GMT"), 86400);
}

TEST(RetryAfter, NeitherSecondsNorDate) {
    for (const char* value : {"", " ", "-5", "1.5", "5s", "soon", "12:00", "+5"})
        EXPECT_EQ(seconds_of(value), std::nullopt) << value;
}

std::string refusal(const std::string& url, bool allow_http = true) {
    try {
        check_target(url, allow_http);
        return "";
    } catch (const TargetError& error) {
        return error.what();
    }
}

TEST(Target, Accepts) {
    for (const char* url :
         {"https://example.com", "https://example.com:8443/a/b?c=d@e#f", "HTTPS://EXAMPLE.com/",
          "https://[2606:4700::1111]/x", "https://8.8.8.8/x"})
        EXPECT_EQ(refusal(url, false), "") << url;
    EXPECT_EQ(refusal("http://example.com/"), "");
}

TEST(Target, RefusesSchemes) {
    EXPECT_EQ(refusal("http://example.com/", false),
              "URL is not https, and --allow-http was not given");
    for (const char* url : {"ftp://example.com/", "file://etc/passwd", "gopher://example.com/x",
                            "httpsx://example.com/"})
        EXPECT_NE(refusal(url), "") << url;
}

TEST(Target, RefusesUserInfo) {
    for (const char* url :
         {"https://user@example.com/", "https://user:pw@example.com/", "https://@example.com/",
          "https://:@example.com/", "https://example.com:443@127.0.0.1/"})
        EXPECT_NE(refusal(url), "") << url;
}

TEST(Target, RefusesMalformed) {
    for (const char* url :
         {"", "example.com/x", "/x", "https://", "https:///x", "https:/example.com/",
          "https://u@example.com/", "https://exa mple.com/", "https://example.com/\r\nX: y",
          "https://example.com\\@127.0.0.1/", "https://example.com:99999/", "https://[::1/"})
        EXPECT_NE(refusal(url), "") << url;
}

TEST(UrlOrigin, IsWhatOneConnectionLeadsTo) {
    EXPECT_EQ(url_origin("https://Example.com:8443/a/b?c"), "https://example.com:8443");
    EXPECT_EQ(url_origin("HTTPS://example.com"), "https://example.com");
    EXPECT_EQ(url_origin("https://example.com?x"), "https://example.com");
}

TEST(LoggableUrl, DropsSecrets) {
    // As loggable_target() in the database has it.
    EXPECT_EQ(loggable_url("https://example.com/secret?token=secret"),
              "https://example.com (ea27b205)");
    EXPECT_EQ(loggable_url("https://user:pw@example.com:8443/secret"),
              "https://example.com:8443 (e58cbf6f)");
    EXPECT_EQ(loggable_url("https://example.com"), "https://example.com (100680ad)");
    const auto shown = [](std::string_view url) {
        const std::string text = loggable_url(url);
        return text.substr(0, text.find(' '));
    };
    EXPECT_EQ(shown("https://a@b@example.com"), "https://example.com");
    EXPECT_EQ(shown("https://example.com?x=/a@b"), "https://example.com");
    EXPECT_EQ(shown("https://example.com\\x"), "https://example.com");
    EXPECT_EQ(shown("https://example.com#x"), "https://example.com");
    EXPECT_EQ(shown("user:pw@example.com/a@b"), "example.com");
    EXPECT_EQ(shown(""), "");
}

} // namespace
} // namespace dashboard_diff::listener
