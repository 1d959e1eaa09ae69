#pragma once

#include "listener/channel.h"
#include "listener/providers.h"
#include "listener/smtp_client.h"

namespace dashboard_diff::listener {

// Delivers to subscribers of the kind "email" through a mail relay.
class EmailChannel : public Channel {
public:
    // `smtp` and `providers` must outlive it. Without `allow_plain` mails leave by TLS only.
    EmailChannel(SmtpClient& smtp, const Providers& providers, bool allow_plain)
        : smtp_(smtp), providers_(providers), allow_plain_(allow_plain) {}

    std::string kind() const override { return "email"; }
    bool available() const override { return providers_.any(kind()); }
    Pace pace() const noexcept override { return {.at_once = 4}; }
    std::string gate(const Delivery& delivery) const override;
    void send(const Delivery& delivery, Done done) override;
    std::string loggable_target(const std::string& target) const override { return target; }

private:
    SmtpClient& smtp_;
    const Providers& providers_;
    bool allow_plain_;
};

// Where the relay is, as a URL: smtp://host:port, or smtps:// for TLS from the start on.
std::string relay_url(const Provider& provider);

} // namespace dashboard_diff::listener
