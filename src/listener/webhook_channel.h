#pragma once

#include "listener/channel.h"
#include "listener/http_client.h"
#include "listener/signature.h"

#include <map>
#include <utility>

namespace dashboard_diff::listener {

// Delivers to webhooks by signed POST requests.
class WebhookChannel : public Channel {
public:
    // `http` must outlive it.
    WebhookChannel(HttpClient& http, WebhookKeys keys, bool allow_http)
        : http_(http), master_keys_(std::move(keys)), allow_http_(allow_http) {}

    std::string kind() const override { return "webhook"; }
    std::string gate(const Delivery& delivery) const override;
    void send(const Delivery& delivery, Done done) override;
    std::string loggable_target(const std::string& target) const override;

private:
    Bytes key(const Source& source, int secret_version);

    HttpClient& http_;
    WebhookKeys master_keys_;
    bool allow_http_;
    std::map<std::pair<Source, int>, SecretKey> keys_; // derived ones, by what they are for
};

} // namespace dashboard_diff::listener
