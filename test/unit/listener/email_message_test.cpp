#include "listener/email_message.h"

#include "example_delivery.h"
#include "listener/signature.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <sstream>
#include <string>

#include <openssl/evp.h>

namespace dashboard_diff::listener {
namespace {

constexpr std::time_t then = 1767323045; // 2026-01-02 03:04:05 UTC

const EmailSender sender{"alerts@example.com", "Dashboards", ""};

std::string headers_of(const std::string& message) {
    return message.substr(0, message.find("\r\n\r\n") + 2);
}

std::string example(const EmailSender& from = sender) {
    return email_message(example_delivery("ana@example.org"), from, then);
}

TEST(EncodedHeader, PlainWhereItIsPlain) {
    EXPECT_EQ(encoded_header("Genes of the week"), "Genes of the week");
    EXPECT_EQ(encoded_header(""), "");
}

TEST(EncodedHeader, WordsOfWholeCharacters) {
    EXPECT_EQ(encoded_header("Umsatz ↑"), "=?UTF-8?B?VW1zYXR6IOKGkQ==?=");
    EXPECT_EQ(encoded_header("a, b"), "=?UTF-8?B?YSwgYg==?=");
    EXPECT_EQ(encoded_header("=?UTF-8?B?eA==?="), "=?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=");
    std::string text = "a";
    for (int i = 0; i < 100; ++i)
        text += "😀";
    std::istringstream words(encoded_header(text));
    std::size_t count = 0;
    for (std::string word; words >> word; ++count) {
        EXPECT_LE(word.size(), 75U);
        EXPECT_TRUE(word.starts_with("=?UTF-8?B?") && word.ends_with("?=")) << word;
        const std::string encoded = word.substr(10, word.size() - 12);
        std::string decoded(encoded.size(), '\0');
        ASSERT_GT(EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                                  reinterpret_cast<const unsigned char*>(encoded.data()),
                                  static_cast<int>(encoded.size())),
                  0);
        EXPECT_NE(decoded[0] & 0xC0, 0x80) << "begins within a character";
    }
    EXPECT_EQ(count, 10U);
}

TEST(EmailMessage, Headers) {
    EXPECT_EQ(headers_of(example()),
              "Date: Fri, 02 Jan 2026 03:04:05 +0000\r\n"
              "From: Dashboards\r\n <alerts@example.com>\r\n"
              "To: ana@example.org\r\n"
              "Subject: Genes of the week has changed\r\n"
              "Message-ID: <msg_9_12_34@example.com>\r\n"
              "Auto-Submitted: auto-generated\r\n"
              "MIME-Version: 1.0\r\n"
              "Content-Type: multipart/alternative; boundary=\"=_part\"\r\n");
}

TEST(EmailMessage, UnsubscribeHeaders) {
    EmailSender from = sender;
    from.unsubscribe = "mailto:stop@example.com";
    EXPECT_NE(example(from).find("\r\nList-Unsubscribe: <mailto:stop@example.com>\r\n"),
              std::string::npos);
    EXPECT_EQ(example(from).find("List-Unsubscribe-Post"), std::string::npos);
    from.unsubscribe = "https://example.com/stop";
    EXPECT_NE(example(from).find("\r\nList-Unsubscribe: <https://example.com/stop>\r\n"
                                 "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"),
              std::string::npos);
    from.unsubscribe = "https://x>\r\nBcc: a@b";
    EXPECT_EQ(example(from).find("List-Unsubscribe"), std::string::npos);
}

TEST(EmailMessage, TheSameIdInEveryAttempt) {
    Delivery retry = example_delivery("ana@example.org");
    retry.attempt = 5;
    EXPECT_NE(email_message(retry, sender, then + 300).find("<msg_9_12_34@example.com>"),
              std::string::npos);
}

TEST(EmailMessage, LinesAreShortAndEndAsSmtpWantsThem) {
    Delivery delivery = example_delivery("ana@example.org", std::string(10000, 'x'));
    delivery.dashboard_title = std::string(10000, 't');
    const std::string message = email_message(delivery, sender, then);
    std::size_t start = 0;
    for (std::size_t end; (end = message.find('\n', start)) != std::string::npos; start = end + 1) {
        ASSERT_GT(end, start);
        EXPECT_EQ(message[end - 1], '\r');
        EXPECT_LT(end - start, 100U);
        EXPECT_NE(message.substr(start, end - start), ".\r");
    }
    EXPECT_EQ(start, message.size());
    EXPECT_TRUE(std::ranges::all_of(message, [](char c) { return c > 0 && c < 0x7F; }));
}

TEST(EmailMessage, ANoticeOfSeveralIsAList) {
    const std::string message =
        email_message(example_notice("ana@example.org", 2, "a<b", "x"), sender, then);
    std::string joined; // lines of base64 as one
    std::ranges::copy_if(message, std::back_inserter(joined),
                         [](char c) { return c != '\r' && c != '\n'; });
    const auto holds = [&](const std::string& text) {
        const Bytes bytes(reinterpret_cast<const unsigned char*>(text.data()), text.size());
        return joined.find(base64(bytes)) != std::string::npos;
    };
    EXPECT_TRUE(holds("2 dashboards failing: nightly\r\n\r\n"
                      "- a<b is failing: x\r\n- a<b is failing: x\r\n\r\n"
                      "Policy nightly, window of 2026-01-02\r\n"));
    EXPECT_TRUE(holds("<!DOCTYPE html>\r\n<html><body style=\"font-family: sans-serif\">\r\n"
                      "<p><b>2 dashboards failing: nightly</b></p>\r\n<ul>\r\n"
                      "<li>a&lt;b is failing: x</li>\r\n<li>a&lt;b is failing: x</li>\r\n</ul>\r\n"
                      "<p style=\"color: #666; font-size: 85%\">"
                      "Policy nightly, window of 2026-01-02</p>\r\n</body></html>\r\n"));
    EXPECT_NE(message.find("Message-ID: <msg_policy_5_34@example.com>"), std::string::npos);
}

TEST(EmailMessage, NoValueAddsAHeader) {
    const std::string names = [] {
        std::string lines;
        std::istringstream headers(headers_of(example()));
        for (std::string line; std::getline(headers, line);)
            if (!line.starts_with(' '))
                lines += line.substr(0, line.find(':')) + "\n";
        return lines;
    }();
    for (const std::string& value : nasty_values) {
        Delivery delivery = example_delivery("ana@example.org", value);
        delivery.dashboard_title = value;
        const std::string headers =
            headers_of(email_message(delivery, {"a@example.com", value, ""}, then));
        std::string lines;
        std::istringstream stream(headers);
        for (std::string line; std::getline(stream, line);)
            if (!line.starts_with(' '))
                lines += line.substr(0, line.find(':')) + "\n";
        EXPECT_EQ(lines, names) << value;
    }
}

TEST(EmailMessage, NoAddressIsTwo) {
    for (const char* address :
         {"", "ana", "@b", "a@", "a@b@c", "a@b,c@d", "a@b\r\nBcc: c@d", "Ana <a@b>", "a b@c"}) {
        EXPECT_THROW(email_message(example_delivery(address), sender, then), AddressError)
            << address;
        EXPECT_THROW(example({address, "", ""}), AddressError) << address;
    }
}

} // namespace
} // namespace dashboard_diff::listener
