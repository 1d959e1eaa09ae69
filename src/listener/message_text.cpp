#include "listener/message_text.h"

#include "listener/neutral_text.h"

namespace dashboard_diff::listener {
namespace {

constexpr std::size_t longest_title = 150;

// "2026-01-02T03:04:05.678901Z" as a person writes it.
std::string minute(const std::string& timestamp) {
    if (timestamp.size() < 16)
        return timestamp;
    return timestamp.substr(0, 10) + " " + timestamp.substr(11, 5) + " UTC";
}

} // namespace

MessageText message_text(const Delivery& delivery, std::size_t longest_summary) {
    const bool is_test = delivery.alert_id == 0;
    const std::string name = neutral_text(
        delivery.dashboard_title.empty() ? delivery.dashboard_id : delivery.dashboard_title,
        longest_title);
    MessageText message;
    message.title = is_test ? "Test: " + name : name + " has changed";
    message.summary = neutral_text(delivery.finding->summary, longest_summary);
    if (message.summary.empty())
        message.summary = is_test ? "This is a test. Alerts of this dashboard will arrive here."
                                  : "What changed met your rule.";
    if (delivery.snapshot_a && delivery.snapshot_b)
        message.origin = "Snapshot " + std::to_string(*delivery.snapshot_b) + " compared with " +
                         std::to_string(*delivery.snapshot_a) + ", ";
    message.origin +=
        minute(delivery.created_at) + ", subscription " + std::to_string(delivery.subscription_id);
    return message;
}

} // namespace dashboard_diff::listener
