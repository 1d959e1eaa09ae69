#include "listener/webhook.h"

#include "example_delivery.h"
#include "listener/json.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace dashboard_diff::listener {
namespace {

Delivery example() {
    Delivery delivery;
    delivery.dashboard_id = "sales \"EU\"";
    delivery.delivery_id = 34;
    delivery.alert_id = 9;
    delivery.subscription_id = 12;
    delivery.created_at = "2026-01-02T03:04:05.678901Z";
    delivery.snapshot_a = 9007199254740993; // more than a double holds
    delivery.snapshot_b = 9007199254740994;
    delivery.finding = std::make_shared<const Finding>(
        Finding{R"({"rows": [1.10, 12345678901234567890.5]})", "[]", "Umsatz ↑\n\"12 %\" \x01"});
    return delivery;
}

std::string header(const std::vector<std::string>& headers, const std::string& name) {
    const auto found = std::ranges::find_if(
        headers, [&](const std::string& line) { return line.starts_with(name + ": "); });
    return found == headers.end() ? "" : found->substr(name.size() + 2);
}

TEST(WebhookBody, HoldsEverythingExactly) {
    EXPECT_EQ(webhook_body(example()),
              R"({"type":"dashboard.alert","timestamp":"2026-01-02T03:04:05.678901Z",)"
              R"("dashboard_id":"sales \"EU\"","snapshot_a":9007199254740993,)"
              R"("snapshot_b":9007199254740994,"diff":{"rows": [1.10, 12345678901234567890.5]},)"
              R"("explanation":[],"summary":"Umsatz ↑\n\"12 %\" \u0001"})");
}

TEST(WebhookBody, AttemptsDoNotShow) {
    Delivery retry = example();
    retry.attempt = 7;
    retry.secret_version = 3;
    EXPECT_EQ(webhook_body(retry), webhook_body(example()));
}

TEST(WebhookBody, NullsAreNull) {
    Delivery delivery = example();
    delivery.snapshot_a.reset();
    delivery.finding = std::make_shared<const Finding>(Finding{"", "null", ""});
    const std::string body = webhook_body(delivery);
    EXPECT_NE(body.find(R"("snapshot_a":null,)"), std::string::npos);
    EXPECT_NE(body.find(R"("diff":null,"explanation":null,"summary":"")"), std::string::npos);
}

TEST(WebhookBody, TestsSaySo) {
    Delivery delivery = example();
    delivery.alert_id = 0;
    EXPECT_TRUE(webhook_body(delivery).starts_with(R"({"type":"dashboard.test",)"));
}

TEST(WebhookBody, OfANotice) {
    EXPECT_EQ(webhook_body(example_notice("https://example.com", 2, "Sales \"EU\"", "none")),
              R"({"type":"dashboard.health","timestamp":"2026-01-02T03:04:05.678901Z",)"
              R"("policy_id":5,"policy":"nightly","window_date":"2026-01-02",)"
              R"("title":"2 dashboards failing: nightly",)"
              R"("summary":"Sales \"EU\": none; and 1 more","dashboards":[)"
              R"({"dashboard_id":"b1","issues":[{"message":"none"}]},)"
              R"({"dashboard_id":"b2","issues":[{"message":"none"}]}],"more":0})");
}

TEST(WebhookBody, OfANoticeFitsTwentyKilobytes) {
    const auto body_of = [](std::size_t dashboards, std::size_t length) {
        return webhook_body(example_notice("x", dashboards, "Sales", std::string(length, 'x')));
    };
    // First the issues go, then dashboards, which are counted.
    const std::string without_issues = body_of(50, 500);
    EXPECT_EQ(without_issues.find("issues"), std::string::npos);
    EXPECT_EQ(member(read_object(without_issues), "dashboards").Size(), 50U);
    const std::string cut = body_of(2000, 1);
    EXPECT_LE(cut.size(), 20000U);
    EXPECT_GT(cut.size(), 19950U);
    const rapidjson::Document document = read_object(cut);
    EXPECT_EQ(member(document, "dashboards").Size() +
                  static_cast<unsigned>(member(document, "more").GetInt()),
              2000U);
    EXPECT_GT(member(document, "dashboards").Size(), 500U);
}

TEST(WebhookId, OfANotice) {
    EXPECT_EQ(webhook_id(example_notice("x")), "msg_policy_5_34");
}

TEST(WebhookId, ConstantUniqueAndWithoutDot) {
    Delivery delivery = example();
    EXPECT_EQ(webhook_id(delivery), "msg_9_12_34");
    delivery.attempt = 2;
    EXPECT_EQ(webhook_id(delivery), "msg_9_12_34");
    delivery.delivery_id = 35;
    EXPECT_NE(webhook_id(delivery), "msg_9_12_34");
}

// The example that the libraries of Standard Webhooks test themselves with.
TEST(WebhookHeaders, StandardWebhooksVector) {
    // base64: MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
    const std::vector<unsigned char> key = {0x31, 0xf2, 0x90, 0xf6, 0xbf, 0x06, 0x29, 0x8a,
                                            0xab, 0x4f, 0x08, 0xd4, 0x3c, 0x3f, 0x08, 0x2c,
                                            0xf6, 0x48, 0xa3, 0x62, 0xda, 0x2d, 0xa4, 0xb0};
    ASSERT_EQ(base64(key), "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    const auto headers = webhook_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                                         R"({"test": 2432232314})", {key});
    EXPECT_EQ(header(headers, "webhook-id"), "msg_p5jXN8AQM9LWM0D4loKWxJek");
    EXPECT_EQ(header(headers, "webhook-timestamp"), "1614265330");
    EXPECT_EQ(header(headers, "webhook-signature"),
              "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    EXPECT_EQ(header(headers, "Content-Type"), "application/json");
}

// The example in GitHub's documentation.
TEST(WebhookHeaders, GithubVector) {
    const std::string secret = "It's a Secret to Everybody";
    const Bytes key(reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
    EXPECT_EQ(header(webhook_headers("m", 1, "Hello, World!", {key}), "X-Hub-Signature-256"),
              "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
}

TEST(WebhookHeaders, RotationSignsWithBothCurrentFirst) {
    const std::vector<unsigned char> current(32, 1);
    const std::vector<unsigned char> previous(32, 2);
    const auto signature = [](const std::vector<Bytes>& keys) {
        return header(webhook_headers("m", 1, "{}", keys), "webhook-signature");
    };
    EXPECT_EQ(signature({current, previous}), signature({current}) + " " + signature({previous}));
    EXPECT_EQ(header(webhook_headers("m", 1, "{}", {current, previous}), "X-Hub-Signature-256"),
              header(webhook_headers("m", 1, "{}", {current}), "X-Hub-Signature-256"));
}

Outcome judge(int status, std::optional<std::chrono::seconds> retry_after = std::nullopt) {
    HttpResult result;
    result.status = status;
    result.retry_after = retry_after;
    return judge_webhook(result);
}

TEST(JudgeWebhook, OnlyTwoHundredsAreSuccess) {
    for (const int status : {200, 201, 204, 299}) {
        EXPECT_EQ(judge(status).verdict, Outcome::Verdict::delivered) << status;
        EXPECT_EQ(judge(status).reason, "");
    }
    for (const int status : {300, 302, 307, 400, 404, 408, 429, 500, 503, 599})
        EXPECT_EQ(judge(status).verdict, Outcome::Verdict::retry) << status;
    EXPECT_EQ(judge(503).reason, "HTTP 503");
    EXPECT_EQ(judge(302).reason, "HTTP 302 (redirects are not followed)");
    EXPECT_EQ(judge(304).reason, "HTTP 304");
    EXPECT_EQ(judge(410).verdict, Outcome::Verdict::gone);
}

TEST(JudgeWebhook, RetryAfterCountsFor429And503) {
    using std::chrono::seconds;
    EXPECT_EQ(judge(429, seconds(7)).retry_after, seconds(7));
    EXPECT_EQ(judge(503, seconds(7)).retry_after, seconds(7));
    EXPECT_EQ(judge(500, seconds(7)).retry_after, std::nullopt);
    EXPECT_EQ(judge(200, seconds(7)).retry_after, std::nullopt);
    EXPECT_EQ(judge(429).retry_after, std::nullopt);
}

TEST(JudgeWebhook, NoAnswer) {
    HttpResult result;
    result.error = "connection refused";
    const Outcome outcome = judge_webhook(result);
    EXPECT_EQ(outcome.verdict, Outcome::Verdict::retry);
    EXPECT_EQ(outcome.reason, "connection refused");
    EXPECT_EQ(outcome.http_status, 0);
}

} // namespace
} // namespace dashboard_diff::listener
