#include "listener/telegram_message.h"

#include "example_delivery.h"
#include "listener/json.h"
#include "listener/neutral_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace dashboard_diff::listener {
namespace {

using Verdict = Outcome::Verdict;

std::string text_in(const Delivery& delivery) {
    return std::string(text_of(member(read_object(telegram_body(delivery)), "text")));
}

TEST(TelegramBody, HoldsWhatTheBotApiWants) {
    EXPECT_EQ(telegram_body(example_delivery("-100123", "a < b")),
              R"({"chat_id":"-100123","text":"<b>Genes of the week has changed</b>\na &lt; b\n)"
              R"(<i>Snapshot 3 compared with 2, 2026-01-02 03:04 UTC, subscription 12</i>",)"
              R"("parse_mode":"HTML","link_preview_options":{"is_disabled":true}})");
}

TEST(TelegramBody, NoValueAddsATag) {
    for (const std::string& value : nasty_values) {
        Delivery delivery = example_delivery("1", value);
        delivery.dashboard_title = value;
        EXPECT_EQ(std::ranges::count(text_in(delivery), '<'), 4) << value;
    }
}

TEST(TelegramBody, ANoticeOfSeveralIsAList) {
    EXPECT_EQ(text_in(example_notice("1", 2, "a < b")),
              "<b>2 dashboards failing: nightly</b>\n"
              "• a &lt; b is failing: 12 rows, at least 20 expected\n"
              "• a &lt; b is failing: 12 rows, at least 20 expected\n"
              "<i>Policy nightly, window of 2026-01-02</i>");
    EXPECT_EQ(text_in(example_notice("1", 1)), "<b>1 dashboards failing: nightly</b>\n"
                                               "12 rows, at least 20 expected\n"
                                               "<i>Policy nightly, window of 2026-01-02</i>");
}

TEST(TelegramBody, ANoticeFitsAMessage) {
    const std::string text =
        text_in(example_notice("1", 50, std::string(200, 'x'), std::string(1000, 'y')));
    EXPECT_LE(utf16_length(text), 4096U);
    EXPECT_GT(utf16_length(text), 3000U);
    EXPECT_NE(text.find("\n• and 39 more\n"), std::string::npos) << text;
}

TEST(TelegramBody, NoValueOfANoticeAddsATag) {
    for (const std::string& value : nasty_values)
        EXPECT_EQ(std::ranges::count(text_in(example_notice("1", 3, value, value)), '<'), 4)
            << value;
}

TEST(TelegramBody, FitsAMessage) {
    for (const std::string& unit : {std::string("x"), std::string("<"), std::string("😀")}) {
        std::string summary;
        for (int i = 0; i < 10000; ++i)
            summary += unit;
        Delivery delivery = example_delivery("1", summary);
        delivery.dashboard_title = summary;
        std::string text = text_in(delivery);
        for (const std::string& entity : {std::string("&lt;")}) // counts as one
            for (std::size_t at; (at = text.find(entity)) != std::string::npos;)
                text.replace(at, entity.size(), "x");
        EXPECT_LE(utf16_length(text), 4096U) << unit;
        EXPECT_GT(utf16_length(text), 3000U) << unit;
    }
}

Outcome judge(int status, const std::string& body) {
    HttpResult result;
    result.status = status;
    result.body = body;
    return judge_telegram(result);
}

TEST(JudgeTelegram, Delivered) {
    EXPECT_EQ(judge(200, R"({"ok":true,"result":{}})").verdict, Verdict::delivered);
    EXPECT_EQ(judge(200, "<html>").reason, "not an answer of Telegram");
    EXPECT_EQ(judge(200, "<html>").verdict, Verdict::retry);
}

TEST(JudgeTelegram, WaitsAsLongAsItIsTold) {
    using std::chrono::seconds;
    EXPECT_EQ(judge(429, R"({"ok":false,"parameters":{"retry_after":35}})").retry_after,
              seconds(35));
    EXPECT_EQ(judge(429, R"({"ok":false,"parameters":{"retry_after":99999999}})").retry_after,
              seconds(86400));
    EXPECT_EQ(judge(429, R"({"ok":false,"parameters":{"retry_after":-1}})").retry_after,
              seconds(0));
    EXPECT_EQ(judge(429, R"({"parameters":7})").retry_after, std::nullopt);
    EXPECT_EQ(judge(429, "").verdict, Verdict::retry);
}

TEST(JudgeTelegram, WhoWantsNoMore) {
    const Outcome outcome =
        judge(403, R"({"ok":false,"description":"Forbidden: bot was blocked by the user"})");
    EXPECT_EQ(outcome.verdict, Verdict::gone);
    EXPECT_EQ(outcome.reason, "the bot may not write to the chat any more");
}

TEST(JudgeTelegram, WhatIsRefused) {
    const Outcome unknown =
        judge(400, R"({"ok":false,"description":"Bad Request: chat not found"})");
    EXPECT_EQ(unknown.verdict, Verdict::refused);
    EXPECT_EQ(unknown.reason, "there is no such chat, or the bot is not in it");
    const Outcome moved = judge(
        400,
        R"({"ok":false,"description":"x","parameters":{"migrate_to_chat_id":-1001234567890}})");
    EXPECT_EQ(moved.verdict, Verdict::refused);
    EXPECT_EQ(moved.reason, "the chat is now -1001234567890");
    EXPECT_EQ(judge(400, R"({"description":"secret"})").reason, "HTTP 400");
}

TEST(JudgeTelegram, WhatCanBeSetRight) {
    for (const int status : {401, 404}) {
        EXPECT_EQ(judge(status, "").verdict, Verdict::retry);
        EXPECT_EQ(judge(status, "").reason, "the bot token is not valid");
    }
    EXPECT_EQ(judge(502, "secret").verdict, Verdict::retry);
    EXPECT_EQ(judge(502, "secret").reason, "HTTP 502");
}

} // namespace
} // namespace dashboard_diff::listener
