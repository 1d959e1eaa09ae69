#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace dashboard_diff::listener {

// One alert on its way to one subscriber, as claimed from the outbox.
struct Delivery {
    std::string dashboard_id;
    std::int64_t delivery_id = 0;
    std::int64_t alert_id = 0;
    std::int64_t subscription_id = 0;
    std::string kind;   // of the subscriber: names the channel
    std::string target; // for a webhook its URL
    int attempt = 1;    // counts from 1
    int secret_version = 0;
    std::optional<int> previous_secret_version; // while a rotation's grace lasts
    std::string created_at;                     // of the alert: RFC 3339, UTC
    std::optional<std::int64_t> snapshot_a;
    std::optional<std::int64_t> snapshot_b;
    std::string diff;        // JSON
    std::string explanation; // JSON
    std::string summary;
};

// What became of one attempt.
struct Outcome {
    enum class Verdict {
        delivered,
        retry, // the server decides when, or that it was tried often enough
        gone,  // the receiver wants no more: the subscription ends
    };

    Verdict verdict = Verdict::retry;
    std::string reason;                              // short, no secrets; empty if delivered
    std::optional<std::chrono::seconds> retry_after; // not before, as the receiver asked
    int http_status = 0;                             // 0: there was no answer
    std::chrono::milliseconds elapsed{0};
};

} // namespace dashboard_diff::listener
