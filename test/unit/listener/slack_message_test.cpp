#include "listener/slack_message.h"

#include "example_delivery.h"
#include "listener/json.h"
#include "listener/neutral_text.h"

#include <gtest/gtest.h>

namespace dashboard_diff::listener {
namespace {

using Verdict = Outcome::Verdict;

TEST(SlackBody, OfTheApi) {
    EXPECT_EQ(
        slack_api_body(example_delivery("#sales", "a < b & c")),
        R"({"channel":"#sales","text":"Genes of the week has changed: a &lt; b &amp; c",)"
        R"("blocks":[{"type":"section","text":{"type":"mrkdwn","text":)"
        R"("*Genes of the week has changed*\na &lt; b &amp; c","verbatim":true}},)"
        R"({"type":"context","elements":[{"type":"mrkdwn","text":)"
        R"("Snapshot 3 compared with 2, 2026-01-02 03:04 UTC, subscription 12","verbatim":true}]}],)"
        R"("unfurl_links":false,"unfurl_media":false,"parse":"none","link_names":false,)"
        R"("metadata":{"event_type":"dashboard_alert","event_payload":{"id":"msg_9_12_34"}}})");
}

TEST(SlackBody, OfAnIncomingWebhook) {
    const rapidjson::Document body =
        read_object(slack_webhook_body(example_delivery("https://hooks.slack.com/x")));
    EXPECT_TRUE(body.IsObject());
    EXPECT_FALSE(body.HasMember("channel"));
    EXPECT_FALSE(body.HasMember("metadata"));
    EXPECT_TRUE(member(body, "blocks").IsArray());
}

TEST(SlackBody, NoValueMentionsOrLinks) {
    for (const std::string& value : nasty_values) {
        Delivery delivery = example_delivery("#sales", value);
        delivery.dashboard_title = value;
        const rapidjson::Document body = read_object(slack_api_body(delivery));
        const std::string text(text_of(member(body, "text")));
        const std::string section(
            text_of(member(member(member(body, "blocks")[0], "text"), "text")));
        for (const std::string& part : {text, section})
            EXPECT_EQ(part.find_first_of("<>"), std::string::npos) << part;
    }
}

TEST(SlackBody, ANoticeOfSeveralIsAList) {
    const rapidjson::Document body = read_object(slack_api_body(example_notice("#ops", 2, "a<b")));
    EXPECT_EQ(text_of(member(body, "text")),
              "2 dashboards failing: nightly: a&lt;b: 12 rows, at least 20 expected; and 1 more");
    const rapidjson::Value& blocks = member(body, "blocks");
    ASSERT_EQ(blocks.Size(), 2U);
    EXPECT_EQ(text_of(member(member(blocks[0], "text"), "text")),
              "*2 dashboards failing: nightly*\n"
              "• a&lt;b is failing: 12 rows, at least 20 expected\n"
              "• a&lt;b is failing: 12 rows, at least 20 expected");
    EXPECT_EQ(text_of(member(member(blocks[1], "elements")[0], "text")),
              "Policy nightly, window of 2026-01-02");
    EXPECT_EQ(text_of(member(member(body, "metadata"), "event_type")), "dashboard_health");
}

TEST(SlackBody, ALongNoticeHasSectionsThatFit) {
    for (const char unit : {'x', '&', '@'}) {
        const rapidjson::Document body =
            read_object(slack_api_body(example_notice("#ops", 50, std::string(200, unit))));
        const rapidjson::Value& blocks = member(body, "blocks");
        EXPECT_GT(blocks.Size(), 2U);
        EXPECT_LE(blocks.Size(), 50U);
        std::string all;
        for (rapidjson::SizeType i = 0; i + 1 < blocks.Size(); ++i) {
            const std::string section(text_of(member(member(blocks[i], "text"), "text")));
            EXPECT_LE(utf16_length(section), 3000U);
            all += section + "\n";
        }
        EXPECT_NE(all.find(" more\n"), std::string::npos);
        EXPECT_EQ(all.find_first_of("<>"), std::string::npos);
    }
}

TEST(SlackBody, FitsASection) {
    for (const char unit : {'x', '&', '@'}) {
        const rapidjson::Document body =
            read_object(slack_api_body(example_delivery("#sales", std::string(10000, unit))));
        const std::string section(
            text_of(member(member(member(body, "blocks")[0], "text"), "text")));
        EXPECT_LE(utf16_length(section), 3000U);
        EXPECT_GT(utf16_length(section), 1000U);
    }
}

Outcome api(int status, const std::string& body,
            std::optional<std::chrono::seconds> retry_after = std::nullopt) {
    HttpResult result;
    result.status = status;
    result.body = body;
    result.retry_after = retry_after;
    result.error = status == 0 ? "connection refused" : "";
    return judge_slack_api(result);
}

TEST(JudgeSlackApi, Delivered) {
    EXPECT_EQ(api(200, R"({"ok":true,"ts":"1.2"})").verdict, Verdict::delivered);
    EXPECT_EQ(api(200, R"({"ok":true})").reason, "");
}

TEST(JudgeSlackApi, TheChannelsErrorsAreForGood) {
    for (const char* word : {"channel_not_found", "is_archived"}) {
        const Outcome outcome = api(200, R"({"ok":false,"error":")" + std::string(word) + "\"}");
        EXPECT_EQ(outcome.verdict, Verdict::refused) << word;
        EXPECT_EQ(outcome.reason, "Slack: " + std::string(word));
    }
}

TEST(JudgeSlackApi, TheRestCanBeSetRight) {
    for (const char* word : {"invalid_auth", "token_revoked", "not_in_channel", "missing_scope",
                             "account_inactive", "fatal_error"}) {
        const Outcome outcome = api(200, R"({"ok":false,"error":")" + std::string(word) + "\"}");
        EXPECT_EQ(outcome.verdict, Verdict::retry) << word;
        EXPECT_EQ(outcome.reason, "Slack: " + std::string(word));
    }
}

TEST(JudgeSlackApi, RateLimits) {
    using std::chrono::seconds;
    EXPECT_EQ(api(429, "", seconds(7)).retry_after, seconds(7));
    EXPECT_EQ(api(200, R"({"ok":false,"error":"ratelimited"})", seconds(7)).retry_after,
              seconds(7));
    EXPECT_EQ(api(429, "").verdict, Verdict::retry);
}

TEST(JudgeSlackApi, OnlyWordsOfSlacksGetIntoTheReason) {
    for (const char* body : {R"({"ok":false,"error":"<b>secret</b>"})", R"({"ok":false,"error":7})",
                             R"({"ok":false})", R"({"ok":false,"error":""})"})
        EXPECT_EQ(api(200, body).reason, "Slack: unknown error") << body;
    EXPECT_EQ(api(200, R"({"ok":false,"error":")" + std::string(65, 'a') + "\"}").reason,
              "Slack: unknown error");
    for (const std::string& body : {std::string(), std::string("ok"), std::string("[]"),
                                    std::string(R"({"ok":"true"})"), std::string(60000, '[')}) {
        EXPECT_EQ(api(200, body).reason, "not an answer of Slack");
        EXPECT_EQ(api(200, body).verdict, Verdict::retry);
    }
    EXPECT_EQ(api(503, "secret").reason, "HTTP 503");
    EXPECT_EQ(api(0, "").reason, "connection refused");
    EXPECT_FALSE(api(0, "").reached);
    EXPECT_TRUE(api(503, "").reached);
}

Outcome hook(int status, const std::string& body, bool own = true) {
    HttpResult result;
    result.status = status;
    result.body = body;
    return judge_slack_webhook(result, own);
}

TEST(JudgeSlackWebhook, Answers) {
    EXPECT_EQ(hook(200, "ok").verdict, Verdict::delivered);
    EXPECT_EQ(hook(404, "no_service").verdict, Verdict::gone);
    EXPECT_EQ(hook(404, "no_service").reason, "HTTP 404, Slack: no_service");
    EXPECT_EQ(hook(410, "channel_is_archived").verdict, Verdict::gone);
    EXPECT_EQ(hook(404, "no_service", false).verdict, Verdict::retry);
    EXPECT_EQ(hook(403, "<html>secret").reason, "HTTP 403, Slack: unknown error");
    EXPECT_EQ(hook(403, "action_prohibited").verdict, Verdict::retry);
    EXPECT_EQ(hook(429, "rate_limited").reason, "HTTP 429");
    EXPECT_EQ(hook(500, "rollup_error").reason, "HTTP 500");
}

} // namespace
} // namespace dashboard_diff::listener
