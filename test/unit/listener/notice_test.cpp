#include "listener/notice.h"

#include "example_delivery.h"
#include "listener/message_text.h"

#include <gtest/gtest.h>

namespace dashboard_diff::listener {
namespace {

TEST(ReadNotice, ReadsWhatTheServerGives) {
    const Notice notice = read_notice(
        R"({"more": 3, "title": "1 dashboard failing: nightly", "policy": "nightly",)"
        R"( "entries": [{"was": null, "issues": [{"message": "none"}], "status": "FAIL",)"
        R"( "summary": "none", "headline": "Sales ↑ is failing", "issue_count": 1}],)"
        R"( "policy_id": 9007199254740993, "window_date": "2026-01-02"})");
    EXPECT_EQ(notice.policy_id, 9007199254740993);
    EXPECT_EQ(notice.policy, "nightly");
    EXPECT_EQ(notice.window_date, "2026-01-02");
    EXPECT_EQ(notice.title, "1 dashboard failing: nightly");
    EXPECT_EQ(notice.more, 3);
    ASSERT_EQ(notice.entries.size(), 1U);
    const NoticeEntry& entry = notice.entries[0];
    EXPECT_EQ(entry.headline, "Sales ↑ is failing");
    EXPECT_EQ(entry.summary, "none");
    EXPECT_EQ(entry.json, R"({"was":null,"issues":[{"message":"none"}],"status":"FAIL",)"
                          R"("summary":"none","headline":"Sales ↑ is failing","issue_count":1})");
    EXPECT_EQ(entry.brief, R"({"was":null,"issue_count":1,"status":"FAIL",)"
                           R"("summary":"none","headline":"Sales ↑ is failing"})");
}

TEST(ReadNotice, TakesWhatIsMissingForEmpty) {
    for (const char* json : {"", "[]", "{}", R"({"entries": 7, "policy_id": "5"})"}) {
        EXPECT_EQ(read_notice(json).policy_id, 0) << json;
        EXPECT_TRUE(read_notice(json).entries.empty()) << json;
    }
    const Notice notice = read_notice(R"({"entries": [7]})");
    ASSERT_EQ(notice.entries.size(), 1U);
    EXPECT_EQ(notice.entries[0].json, "7");
}

TEST(NoticeText, OfOneDashboardIsItsSummary) {
    const MessageText text = message_text(example_notice("x", 1), 1000);
    EXPECT_EQ(text.title, "1 dashboards failing: nightly");
    EXPECT_EQ(text.summary, "12 rows, at least 20 expected");
    EXPECT_EQ(text.origin, "Policy nightly, window of 2026-01-02");
    EXPECT_TRUE(text.lines.empty());
    EXPECT_FALSE(message_text(example_notice("x", 1, "Sales", ""), 1000).summary.empty());
}

TEST(NoticeText, OfSeveralHasALineEach) {
    const MessageText text = message_text(example_notice("x", 3), 1000);
    ASSERT_EQ(text.lines.size(), 3U);
    EXPECT_EQ(text.lines[2], "Sales EU is failing: 12 rows, at least 20 expected");
    EXPECT_EQ(message_text(example_notice("x", 2, "Sales", ""), 1000).lines[0], "Sales is failing");
}

TEST(NoticeText, WhatDoesNotFitIsCounted) {
    Delivery delivery = example_notice("x", 50);
    Notice notice = *delivery.notice;
    notice.more = 7;
    delivery.notice = std::make_shared<const Notice>(std::move(notice));
    // 50 characters a line and 3 around it, but for the 40 that the count may need.
    const MessageText text = message_text(delivery, 40 + 10 * 53);
    ASSERT_EQ(text.lines.size(), 11U);
    EXPECT_EQ(text.lines.back(), "and 47 more");
    EXPECT_EQ(message_text(delivery, 0).lines, (std::vector<std::string>{"and 57 more"}));
}

TEST(NoticeText, NoValueMentionsOrLinks) {
    for (const std::string& value : nasty_values) {
        const MessageText text = message_text(example_notice("x", 2, value, value), 1000);
        for (const char* link : {"@here", "@U0123", "#sales", "://", "www.evil", "evil.com", "\n"})
            EXPECT_EQ(text.lines[0].find(link), std::string::npos) << text.lines[0];
    }
}

TEST(Source, OfADelivery) {
    EXPECT_EQ(example_notice("x").source(), (Source{Source::Kind::policy, 5}));
    EXPECT_EQ(example_delivery("x").source(), (Source{Source::Kind::subscription, 12}));
    EXPECT_FALSE(example_notice("x").is_test());
    EXPECT_FALSE(example_delivery("x").is_test());
}

} // namespace
} // namespace dashboard_diff::listener
