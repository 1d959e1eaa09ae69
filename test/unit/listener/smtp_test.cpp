#include "listener/smtp.h"

#include <gtest/gtest.h>

namespace dashboard_diff::listener {
namespace {

using Stage = SmtpResult::Stage;
using Verdict = Outcome::Verdict;

Outcome judge(Stage stage, int status, const std::string& enhanced = "",
              const std::string& error = "") {
    return judge_smtp({stage, status, enhanced, error, status != 0, {}});
}

TEST(EnhancedStatus, IsTakenFromAReply) {
    EXPECT_EQ(enhanced_status("550 5.1.1 No such user\r\n"), "5.1.1");
    EXPECT_EQ(enhanced_status("451-4.3.0 later\r\n"), "4.3.0");
    EXPECT_EQ(enhanced_status("554 5.7.123"), "5.7.123");
    for (const char* reply : {"", "550", "550 no", "550 4.1.1 x", "550 5.1 x", "550 5.1.1x",
                              "550 5..1 x", "550 5.1234.1 x", "550_5.1.1 x"})
        EXPECT_EQ(enhanced_status(reply), "") << reply;
}

TEST(JudgeSmtp, Accepted) {
    const Outcome outcome = judge(Stage::accepted, 250);
    EXPECT_EQ(outcome.verdict, Verdict::delivered);
    EXPECT_EQ(outcome.http_status, 250);
    EXPECT_TRUE(outcome.reached);
    EXPECT_EQ(outcome.reason, "");
}

TEST(JudgeSmtp, OnlyTheRecipientAndTheMessageAreRefusedForGood) {
    EXPECT_EQ(judge(Stage::recipient, 550, "5.1.1").verdict, Verdict::refused);
    EXPECT_EQ(judge(Stage::recipient, 550, "5.1.1").reason, "SMTP 550 5.1.1 for the recipient");
    EXPECT_EQ(judge(Stage::message, 554).verdict, Verdict::refused);
    EXPECT_EQ(judge(Stage::message, 554).reason, "SMTP 554 for the message");
    EXPECT_EQ(judge(Stage::sender, 553).verdict, Verdict::retry);
    EXPECT_EQ(judge(Stage::connection, 554).verdict, Verdict::retry);
    EXPECT_EQ(judge(Stage::connection, 554).reason, "SMTP 554");
}

TEST(JudgeSmtp, LaterIsLater) {
    for (const Stage stage :
         {Stage::connection, Stage::login, Stage::sender, Stage::recipient, Stage::message})
        EXPECT_EQ(judge(stage, 451).verdict, Verdict::retry);
}

TEST(JudgeSmtp, Login) {
    const Outcome outcome = judge(Stage::login, 535, "5.7.8");
    EXPECT_EQ(outcome.verdict, Verdict::retry);
    EXPECT_EQ(outcome.reason, "the relay refused the login");
    EXPECT_EQ(outcome.http_status, 535);
}

TEST(JudgeSmtp, NoReply) {
    const Outcome outcome = judge(Stage::connection, 0, "", "connection refused");
    EXPECT_EQ(outcome.verdict, Verdict::retry);
    EXPECT_EQ(outcome.reason, "connection refused");
    EXPECT_FALSE(outcome.reached);
}

} // namespace
} // namespace dashboard_diff::listener
