#include "listener/slack_channel.h"

#include "listener/slack_message.h"
#include "listener/target_url.h"

#include <algorithm>

namespace dashboard_diff::listener {
namespace {

constexpr const char* slack_api = "https://slack.com/api";

bool is_url(std::string_view text) noexcept {
    return text.find("://") != std::string_view::npos;
}

void check_token(std::string_view token) {
    if (std::ranges::any_of(token, [](char c) { return c <= ' ' || c > '~'; }))
        throw ProviderError("the credentials are neither a token nor an incoming webhook's URL");
}

} // namespace

std::string SlackChannel::gate(const Delivery& delivery) const {
    if (is_url(delivery.target))
        return url_origin(delivery.target);
    const Provider* workspace = providers_.look_up(kind(), delivery.provider_id);
    return "slack " + std::to_string(workspace == nullptr ? 0 : workspace->id());
}

void SlackChannel::send(const Delivery& delivery, Done done) {
    HttpRequest request;
    request.headers = {"Content-Type: application/json; charset=utf-8"};
    request.keep_body = true;
    const bool is_own_webhook = is_url(delivery.target);
    const Provider* workspace =
        is_own_webhook ? nullptr : &providers_.find(kind(), delivery.provider_id);
    const bool is_webhook = is_own_webhook || is_url(workspace->secret());
    if (is_webhook) {
        request.url = is_own_webhook ? delivery.target : std::string(workspace->secret());
        request.body = slack_webhook_body(delivery);
    } else {
        check_token(workspace->secret());
        request.url = workspace->setting("api_url", slack_api) + "/chat.postMessage";
        request.body = slack_api_body(delivery);
        request.headers.push_back("Authorization: Bearer " + std::string(workspace->secret()));
    }
    check_target(request.url, allow_http_);
    http_.post(std::move(request), [done = std::move(done), is_webhook,
                                    is_own_webhook](const HttpResult& result) {
        done(is_webhook ? judge_slack_webhook(result, is_own_webhook) : judge_slack_api(result));
    });
}

std::string SlackChannel::loggable_target(const std::string& target) const {
    return is_url(target) ? loggable_url(target) : target;
}

} // namespace dashboard_diff::listener
