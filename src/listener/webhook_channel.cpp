#include "listener/webhook_channel.h"

#include "listener/target_url.h"
#include "listener/webhook.h"

#include <ctime>

namespace dashboard_diff::listener {

namespace {

constexpr std::size_t cached_keys = 16384; // 2 MB

}

Bytes WebhookChannel::key(const Source& source, int secret_version) {
    const std::pair name(source, secret_version);
    auto found = keys_.find(name);
    if (found == keys_.end()) {
        found = keys_.emplace(name, master_keys_.key(source, secret_version)).first;
    }
    return found->second.bytes();
}

void WebhookChannel::send(const Delivery& delivery, Done done) {
    check_target(delivery.target, allow_http_);
    if (keys_.size() >= cached_keys)
        keys_.clear();
    std::vector<Bytes> keys = {key(delivery.source(), delivery.secret_version)};
    if (delivery.previous_secret_version)
        keys.push_back(key(delivery.source(), *delivery.previous_secret_version));
    HttpRequest request;
    request.url = delivery.target;
    request.body = webhook_body(delivery);
    request.headers = webhook_headers(webhook_id(delivery), std::time(nullptr), request.body, keys);
    http_.post(std::move(request),
               [done = std::move(done)](const HttpResult& result) { done(judge_webhook(result)); });
}

std::string WebhookChannel::gate(const Delivery& delivery) const {
    return url_origin(delivery.target);
}

std::string WebhookChannel::loggable_target(const std::string& target) const {
    return loggable_url(target);
}

} // namespace dashboard_diff::listener
