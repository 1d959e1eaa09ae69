#include "listener/email_channel.h"

#include "listener/email_message.h"

#include <ctime>

namespace dashboard_diff::listener {
namespace {

constexpr const char* starttls = "starttls";

} // namespace

std::string relay_url(const Provider& provider) {
    const std::string host = provider.setting("host");
    const bool is_tls = provider.setting("security", starttls) == "tls";
    const bool is_ipv6 = host.find(':') != std::string::npos;
    return (is_tls ? "smtps://" : "smtp://") + (is_ipv6 ? "[" + host + "]" : host) + ":" +
           provider.setting("port", is_tls ? "465" : "587");
}

std::string EmailChannel::gate(const Delivery& delivery) const {
    const Provider* relay = providers_.look_up(kind(), delivery.provider_id);
    return relay == nullptr ? "no relay" : relay_url(*relay);
}

void EmailChannel::send(const Delivery& delivery, Done done) {
    const Provider& relay = providers_.find(kind(), delivery.provider_id);
    const EmailSender sender{relay.setting("from"), relay.setting("from_name"),
                             relay.setting("unsubscribe")};
    SmtpRequest request;
    request.url = relay_url(relay);
    request.require_tls = relay.setting("security", starttls) != "none";
    const bool login = relay.has_secret() || !relay.setting("username").empty();
    if (!request.require_tls && !allow_plain_)
        throw ProviderError("the relay is not to use TLS, and --allow-http was not given");
    if (!request.require_tls && login)
        throw ProviderError("a login is only sent by TLS");
    if (login) {
        request.username = relay.setting("username", sender.address);
        request.password = relay.secret();
    }
    request.sender = sender.address;
    request.recipient = delivery.target;
    request.message = email_message(delivery, sender, std::time(nullptr));
    smtp_.send(std::move(request),
               [done = std::move(done)](const SmtpResult& result) { done(judge_smtp(result)); });
}

} // namespace dashboard_diff::listener
