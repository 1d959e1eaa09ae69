#pragma once

#include "listener/channel.h"
#include "listener/http_client.h"
#include "listener/providers.h"

namespace dashboard_diff::listener {

// Delivers to subscribers of the kind "telegram" by a bot.
class TelegramChannel : public Channel {
public:
    // `http` and `providers` must outlive it.
    TelegramChannel(HttpClient& http, const Providers& providers, bool allow_http)
        : http_(http), providers_(providers), allow_http_(allow_http) {}

    std::string kind() const override { return "telegram"; }
    bool available() const override { return providers_.any(kind()); }
    Pace pace() const noexcept override {
        return {.target_gap = std::chrono::seconds(1), .starts_per_second = 30};
    }
    std::string gate(const Delivery& delivery) const override;
    void send(const Delivery& delivery, Done done) override;
    std::string loggable_target(const std::string& target) const override { return target; }

private:
    HttpClient& http_;
    const Providers& providers_;
    bool allow_http_;
};

} // namespace dashboard_diff::listener
