#pragma once

#include "listener/notice.h"
#include "listener/source.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace dashboard_diff::listener {

// What an alert tells. Everybody whose rule is the same is told the same, and shares it.
struct Finding {
    std::string diff;        // JSON; empty but for an alert
    std::string explanation; // JSON; empty but for an alert
    std::string summary;
};

// One alert on its way to one subscriber, or a test, or a notice to one recipient, as claimed from
// the outbox.
struct Delivery {
    std::string dashboard_id;
    std::string dashboard_title; // empty: it has none
    std::int64_t delivery_id = 0;
    std::int64_t alert_id = 0;        // 0: a notice, or a test that somebody asked for
    std::int64_t subscription_id = 0; // 0: a notice
    std::string kind;                 // of the subscriber: names the channel
    std::string target;               // a URL, an e-mail address, a Slack channel, a Telegram chat
    std::optional<std::int64_t> provider_id; // in notification_configs; none: none to be used
    int attempt = 1;                         // counts from 1
    int secret_version = 0;
    std::optional<int> previous_secret_version; // while a rotation's grace lasts
    std::string created_at;                     // of the alert or notice: RFC 3339, UTC
    std::optional<std::int64_t> snapshot_a;
    std::optional<std::int64_t> snapshot_b;
    std::shared_ptr<const Finding> finding; // never null
    std::shared_ptr<const Notice> notice;   // null but for a notice

    bool is_test() const noexcept { return alert_id == 0 && !notice; }
    Source source() const noexcept {
        return notice ? Source{Source::Kind::policy, notice->policy_id}
                      : Source{Source::Kind::subscription, subscription_id};
    }
};

// What became of one attempt.
struct Outcome {
    enum class Verdict {
        delivered,
        retry,   // the server decides when, or that it was tried often enough
        refused, // this one will never be taken; others may
        gone,    // the receiver wants no more: a subscription is switched off
    };

    Verdict verdict = Verdict::retry;
    std::string reason;                              // short, no secrets; empty if delivered
    std::optional<std::chrono::seconds> retry_after; // not before, as the receiver asked
    int http_status = 0;                             // of HTTP or SMTP; 0: there was no answer
    bool reached = false; // false: what lies in between did not let it through
    std::chrono::milliseconds elapsed{0};
};

} // namespace dashboard_diff::listener
