#include "listener/providers.h"

#include "listener/seal.h"

#include <gtest/gtest.h>

namespace dashboard_diff::listener {
namespace {

SecretKey zero_key() {
    return sealing_key(SecretKey());
}

ProviderRow row(std::int64_t id, const std::string& type, const std::string& secret = "token",
                const std::string& settings = "{}") {
    return {id, type, settings,
            secret.empty() ? "" : seal(zero_key(), credentials_purpose(id), secret)};
}

std::string reason(const Providers& providers, std::string_view kind,
                   std::optional<std::int64_t> id) {
    try {
        return std::string(providers.find(kind, id).secret());
    } catch (const ProviderError& error) {
        return std::string("error: ") + error.what();
    }
}

TEST(Providers, TheOneThatIsNamed) {
    Providers providers(zero_key());
    EXPECT_FALSE(providers.any("slack"));
    providers.replace({row(3, "SMTP", "a"), row(4, "SLACK", "b"), row(5, "SLACK", "c")});
    EXPECT_TRUE(providers.any("slack"));
    EXPECT_TRUE(providers.any("email"));
    EXPECT_FALSE(providers.any("telegram"));
    EXPECT_FALSE(providers.any("webhook"));
    EXPECT_EQ(reason(providers, "slack", 4), "b");
    EXPECT_EQ(reason(providers, "slack", 5), "c");
    EXPECT_EQ(reason(providers, "email", 3), "a");
    // Those that there are may be others'.
    EXPECT_EQ(providers.look_up("slack", std::nullopt), nullptr);
    EXPECT_EQ(providers.look_up("telegram", 4), nullptr);
}

TEST(Providers, SayWhyThereIsNone) {
    Providers providers(zero_key());
    providers.replace({row(4, "SLACK", ""), row(5, "SMTP")});
    EXPECT_EQ(reason(providers, "telegram", std::nullopt),
              "error: there is no active notification config of type TELEGRAM that the owner may "
              "send through");
    EXPECT_EQ(reason(providers, "slack", 5),
              "error: notification config 5 is not active, or not of type SLACK");
    EXPECT_EQ(reason(providers, "slack", 4), "error: notification config 4 has no credentials");
    ProviderRow moved = row(5, "SLACK");
    moved.id = 6;
    providers.replace({moved});
    EXPECT_EQ(reason(providers, "slack", 6),
              "error: credentials of notification config 6: sealed for another row or with another "
              "key file");
}

TEST(Providers, ChangesAreSeen) {
    Providers providers(zero_key());
    const ProviderRow first = row(4, "SLACK", "old");
    providers.replace({first, row(5, "SLACK")});
    EXPECT_EQ(reason(providers, "slack", 4), "old");
    providers.replace({first});
    EXPECT_EQ(reason(providers, "slack", 4), "old");
    EXPECT_EQ(reason(providers, "slack", 5).substr(0, 6), "error:");
    providers.replace({row(4, "SLACK", "new")});
    EXPECT_EQ(reason(providers, "slack", 4), "new");
    providers.replace({});
    EXPECT_FALSE(providers.any("slack"));
}

TEST(Providers, Settings) {
    Providers providers(zero_key());
    providers.replace({row(1, "SMTP", "x", R"({"host": "h", "port": 25, "odd": [1]})"),
                       row(2, "SMTP", "x", "not JSON")});
    const Provider& provider = providers.find("email", 1);
    EXPECT_EQ(provider.setting("host"), "h");
    EXPECT_EQ(provider.setting("port", "587"), "25");
    EXPECT_EQ(provider.setting("security", "starttls"), "starttls");
    EXPECT_EQ(provider.setting("odd"), "");
    EXPECT_EQ(providers.find("email", 2).setting("host"), "");
}

} // namespace
} // namespace dashboard_diff::listener
