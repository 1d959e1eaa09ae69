#include "listener/log.h"

#include <gtest/gtest.h>

#include <string>

namespace dashboard_diff::listener {
namespace {

std::string value(std::string_view text) {
    std::string line;
    append_log_value(line, text);
    return line;
}

TEST(LogValue, PlainStaysPlain) {
    EXPECT_EQ(value("sales-2024_q1.v2"), "sales-2024_q1.v2");
    EXPECT_EQ(value("https://example.com/a,b;c:d"), "https://example.com/a,b;c:d");
}

TEST(LogValue, Quotes) {
    EXPECT_EQ(value(""), "\"\"");
    EXPECT_EQ(value("a b"), "\"a b\"");
    EXPECT_EQ(value("a=b"), "\"a=b\"");
    EXPECT_EQ(value("a\"b"), "\"a\\\"b\"");
    EXPECT_EQ(value("a\\b"), "\"a\\\\b\"");
    EXPECT_EQ(value("Umsätze ↑ 😀"), "\"Umsätze ↑ 😀\"");
}

TEST(LogValue, CannotForgeALine) {
    EXPECT_EQ(value("x\nlevel=info event=delivered"), "\"x\\nlevel=info event=delivered\"");
    EXPECT_EQ(value("a\rb\tc\x1b[2J"), "\"a\\x0db\\x09c\\x1b[2J\"");
    EXPECT_EQ(value(std::string("a\0b", 3)), "\"a\\x00b\"");
    EXPECT_EQ(value("a\x7f"), "\"a\\x7f\"");
    EXPECT_EQ(value("a\xc2\x85z"), "\"a\\xc2\\x85z\"");          // next line
    EXPECT_EQ(value("a\xe2\x80\xa8z"), "\"a\\xe2\\x80\\xa8z\""); // line separator
    EXPECT_EQ(value("a\xe2\x80\xaez"), "\"a\\xe2\\x80\\xaez\""); // right-to-left override
}

TEST(LogValue, InvalidUtf8IsEscaped) {
    EXPECT_EQ(value("\xff"), "\"\\xff\"");
    EXPECT_EQ(value("\xc3"), "\"\\xc3\"");
    EXPECT_EQ(value("\xc0\xaf"), "\"\\xc0\\xaf\"");          // overlong
    EXPECT_EQ(value("\xe2\x80"), "\"\\xe2\\x80\"");          // cut off
    EXPECT_EQ(value("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\""); // surrogate
    EXPECT_EQ(value("\xf5\x80\x80\x80"), "\"\\xf5\\x80\\x80\\x80\"");
}

TEST(LogLine, Format) {
    EXPECT_EQ(format_log_line(Level::info, "delivered",
                              {{"dashboard", "d 1"}, {"subscription", 12L}, {"status", 200}},
                              false),
              "level=info event=delivered dashboard=\"d 1\" subscription=12 status=200\n");
    EXPECT_EQ(format_log_line(Level::warning, "failed", {}, true),
              "<4>level=warning event=failed\n");
    EXPECT_EQ(format_log_line(Level::error, "stopped", {{"n", -1}}, true),
              "<3>level=error event=stopped n=-1\n");
}

} // namespace
} // namespace dashboard_diff::listener
