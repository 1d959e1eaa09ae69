#pragma once

#include "listener/channel.h"
#include "listener/http_client.h"
#include "listener/providers.h"

namespace dashboard_diff::listener {

// Delivers to subscribers of the kind "slack": to a channel by a bot's token, or by an incoming
// webhook, which is the subscriber itself or the credentials of its notification config.
class SlackChannel : public Channel {
public:
    // `http` and `providers` must outlive it.
    SlackChannel(HttpClient& http, const Providers& providers, bool allow_http)
        : http_(http), providers_(providers), allow_http_(allow_http) {}

    std::string kind() const override { return "slack"; }
    Pace pace() const noexcept override { return {.target_gap = std::chrono::seconds(1)}; }
    std::string gate(const Delivery& delivery) const override;
    void send(const Delivery& delivery, Done done) override;
    std::string loggable_target(const std::string& target) const override;

private:
    HttpClient& http_;
    const Providers& providers_;
    bool allow_http_;
};

} // namespace dashboard_diff::listener
