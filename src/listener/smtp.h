#pragma once

#include "listener/delivery.h"

#include <chrono>
#include <string>
#include <string_view>

namespace dashboard_diff::listener {

// One mail to one recipient.
struct SmtpRequest {
    std::string url; // smtp:// or smtps://, the host and port of the relay
    bool require_tls = true;
    std::string username;      // empty: no login
    std::string_view password; // is only read while the request is started
    std::string sender;        // of the envelope
    std::string recipient;
    std::string message; // with its headers, lines ended by CRLF
};

struct SmtpResult {
    enum class Stage { connection, login, sender, recipient, message, accepted };

    Stage stage = Stage::connection; // how far it came
    int status = 0;                  // of the reply that decided; 0: there was none
    std::string enhanced_status;     // 5.1.1, where the relay gave one
    std::string error;               // why there was no reply, in a few printable words
    bool replied = false;            // the relay said anything at all
    std::chrono::milliseconds elapsed{0};
};

// The enhanced status code (RFC 3463) of a reply's line, such as "550 5.1.1 No such user"; empty
// if it has none.
std::string_view enhanced_status(std::string_view reply) noexcept;

// What a result means.
Outcome judge_smtp(const SmtpResult& result);

} // namespace dashboard_diff::listener
