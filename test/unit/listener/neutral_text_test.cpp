#include "listener/neutral_text.h"

#include "example_delivery.h"
#include "listener/message_text.h"

#include <gtest/gtest.h>

#include <string>

namespace dashboard_diff::listener {
namespace {

constexpr const char* joiner = "\u2060";

std::string neutral(std::string_view text) {
    return neutral_text(text, 1000);
}

// With the joiners made visible.
std::string shown(std::string_view text) {
    std::string result = neutral(text);
    for (std::size_t at; (at = result.find(joiner)) != std::string::npos;)
        result.replace(at, 3, "|");
    return result;
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// What linkers look for: a name after a sign, a scheme, two parts of a host's name.
bool looks_like_link(std::string_view text) {
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        const char before = i == 0 ? ' ' : text[i - 1];
        const char after = text[i + 1];
        const bool is_sign = std::string_view("@#/\\").find(text[i]) != std::string_view::npos;
        if ((is_sign && (is_letter(after) || after == text[i])) ||
            (text[i] == '.' && is_letter(before) && is_letter(after)) ||
            (text[i] == ':' && is_letter(before) && (is_letter(after) || after == '/')))
            return true;
    }
    return false;
}

TEST(NeutralText, LeavesWordsAndNumbersAlone) {
    for (const char* text :
         {"", "a", "score of EGFR +31.3 %; 1 new: KRAS", "0.8→0.9 (+12.5 %)", "12:30, -1.5e9",
          "Umsatz ↑ 東京 😀", "a_b-c (d) [e] 'f' \"g\" h? i! *j* k, l.", "100 $ and $5"})
        EXPECT_EQ(neutral(text), text);
}

TEST(NeutralText, JoinersStandWhereSomethingWouldBegin) {
    EXPECT_EQ(shown("@here x@y.com"), "@|here x@|y.|com");
    EXPECT_EQ(shown("http://evil.com/a"), "http:|/|/|evil.|com/|a");
    EXPECT_EQ(shown("#sales /start $USD"), "#|sales /|start $|USD");
    EXPECT_EQ(shown("1.2 and 1.2.3.4 and 5.6"), "1.2 and 1.2.|3.|4 and 5.6");
    EXPECT_EQ(shown("javascript:alert mailto:a"), "javascript:|alert mailto:|a");
    EXPECT_EQ(shown("\\\\evil\\share"), "\\|\\|evil\\|share");
    EXPECT_EQ(shown("evil。com ＠here"), "evil。|com ＠|here");
}

TEST(NeutralText, OneLineInOneDirection) {
    EXPECT_EQ(neutral(" a\r\n\tb \u2028 c\u0085d\u3000 "), "a b c d");
    EXPECT_EQ(neutral("\u202Eab\u202C\u200B\u2060c\uFEFF\u00AD\u2066d\x7F"), "abcd");
    EXPECT_EQ(neutral(std::string("a\0b", 3)), "a b");
    EXPECT_EQ(neutral("\U000E0041x"), "x");
    EXPECT_EQ(neutral("\u200B \u200B"), "");
    // What is left out does not hide what would begin.
    EXPECT_EQ(shown("@\u200Bhere"), "@|here");
}

TEST(NeutralText, BrokenUtf8BecomesValid) {
    EXPECT_EQ(neutral("\xFF"), "\uFFFD");
    EXPECT_EQ(neutral("a\xC3"), "a\uFFFD");
    EXPECT_EQ(neutral("\xC3x"), "\uFFFDx");
    EXPECT_EQ(neutral("\xC0\xAF"), "\uFFFD\uFFFD");
    EXPECT_EQ(neutral("\xE0\x80\xAF"), "\uFFFD\uFFFD\uFFFD");
    EXPECT_EQ(neutral("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
    EXPECT_EQ(neutral("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
    EXPECT_EQ(neutral("\xF0\x9F\x98"), "\uFFFD\uFFFD\uFFFD");
}

TEST(NeutralText, CutToTheLengthThatChatsCount) {
    EXPECT_EQ(neutral_text("abcdef", 6), "abcdef");
    EXPECT_EQ(neutral_text("abcdefg", 6), "abcde…");
    EXPECT_EQ(neutral_text("😀😀😀", 6), "😀😀😀");
    EXPECT_EQ(neutral_text("😀😀😀😀", 6), "😀😀…");
    EXPECT_EQ(neutral_text("abc  ", 3), "abc");
    for (const std::string& unit : {std::string("x"), std::string("ä"), std::string("😀"),
                                    std::string("@"), std::string(". ")}) {
        std::string text;
        for (int i = 0; i < 10000; ++i)
            text += unit;
        for (const std::size_t longest : {1U, 2U, 3U, 10U, 999U})
            EXPECT_LE(utf16_length(neutral_text(text, longest)), longest) << unit;
    }
}

TEST(NeutralText, NothingNastyIsLeft) {
    EXPECT_TRUE(looks_like_link("a http://evil") && looks_like_link("evil.com") &&
                looks_like_link("@here") && looks_like_link("mailto:a"));
    for (const std::string& value : nasty_values) {
        const std::string text = neutral("before " + value + " after");
        EXPECT_FALSE(looks_like_link(text)) << text;
        EXPECT_EQ(text.find_first_of("\r\n\t"), std::string::npos) << text;
        EXPECT_EQ(neutral(text), text); // nothing more to do
        const std::string escaped = escape_markup(text);
        EXPECT_EQ(escaped.find_first_of("<>"), std::string::npos) << escaped;
    }
}

TEST(EscapeMarkup, EntitiesStayText) {
    EXPECT_EQ(escape_markup("a<b>&amp;\"'"), "a&lt;b&gt;&amp;amp;\"'");
}

TEST(MessageText, SaysWhatAPersonReads) {
    const MessageText text = message_text(example_delivery("x"), 1000);
    EXPECT_EQ(text.title, "Genes of the week has changed");
    EXPECT_EQ(text.summary, "score of EGFR +31.3 %; 1 new: KRAS");
    EXPECT_EQ(text.origin, "Snapshot 3 compared with 2, 2026-01-02 03:04 UTC, subscription 12");
}

TEST(MessageText, WithoutTitleSnapshotsAndSummary) {
    Delivery delivery = example_delivery("x", "");
    delivery.dashboard_title.clear();
    delivery.snapshot_a.reset();
    EXPECT_EQ(message_text(delivery, 1000).title, "genes has changed");
    EXPECT_EQ(message_text(delivery, 1000).summary, "What changed met your rule.");
    EXPECT_EQ(message_text(delivery, 1000).origin, "2026-01-02 03:04 UTC, subscription 12");
}

TEST(MessageText, TestsSaySo) {
    Delivery delivery = example_delivery("x", "");
    delivery.alert_id = 0;
    EXPECT_EQ(message_text(delivery, 1000).title, "Test: Genes of the week");
    EXPECT_EQ(message_text(delivery, 1000).summary,
              "This is a test. Alerts of this dashboard will arrive here.");
}

TEST(MessageText, LongOnesAreCut) {
    Delivery delivery = example_delivery("x", std::string(10000, 's'));
    delivery.dashboard_title = std::string(10000, 't');
    EXPECT_LT(message_text(delivery, 1000).title.size(), 200U);
    EXPECT_EQ(utf16_length(message_text(delivery, 1000).summary), 1000U);
}

} // namespace
} // namespace dashboard_diff::listener
