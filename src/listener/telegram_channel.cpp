#include "listener/telegram_channel.h"

#include "listener/target_url.h"
#include "listener/telegram_message.h"

#include <algorithm>

namespace dashboard_diff::listener {
namespace {

constexpr const char* telegram_api = "https://api.telegram.org";

// It becomes part of the URL.
void check_token(std::string_view token) {
    const auto is_fit = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == ':' || c == '_' || c == '-';
    };
    if (!std::ranges::all_of(token, is_fit))
        throw ProviderError("the credentials are no bot token");
}

} // namespace

std::string TelegramChannel::gate(const Delivery& delivery) const {
    const Provider* bot = providers_.look_up(kind(), delivery.provider_id);
    return "telegram " + std::to_string(bot == nullptr ? 0 : bot->id());
}

void TelegramChannel::send(const Delivery& delivery, Done done) {
    const Provider& bot = providers_.find(kind(), delivery.provider_id);
    check_token(bot.secret());
    HttpRequest request;
    request.url =
        bot.setting("api_url", telegram_api) + "/bot" + std::string(bot.secret()) + "/sendMessage";
    check_target(request.url, allow_http_);
    request.headers = {"Content-Type: application/json"};
    request.body = telegram_body(delivery);
    request.keep_body = true;
    http_.post(std::move(request), [done = std::move(done)](const HttpResult& result) {
        done(judge_telegram(result));
    });
}

} // namespace dashboard_diff::listener
