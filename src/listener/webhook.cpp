#include "listener/webhook.h"

#include "listener/json.h"

namespace dashboard_diff::listener {
namespace {

bool is_redirect(int status) noexcept {
    return status >= 301 && status <= 308 && status != 304 && status != 305 && status != 306;
}

constexpr std::size_t longest_body = 20000;

// All that is known if it fits, else without issues, and of dashboards as many as do.
std::string notice_body(const Delivery& delivery) {
    const Notice& notice = *delivery.notice;
    const auto body = [&](std::size_t entries, std::string NoticeEntry::*form) {
        rapidjson::StringBuffer buffer;
        JsonWriter writer(buffer);
        writer.StartObject();
        write_text(writer, "type", "dashboard.health");
        write_text(writer, "timestamp", delivery.created_at);
        write_integer(writer, "policy_id", notice.policy_id);
        write_text(writer, "policy", notice.policy);
        write_text(writer, "window_date", notice.window_date);
        write_text(writer, "title", notice.title);
        write_text(writer, "summary", delivery.finding->summary);
        write_name(writer, "dashboards");
        writer.StartArray();
        for (std::size_t i = 0; i < entries; ++i) {
            const std::string& entry = notice.entries[i].*form;
            writer.RawValue(entry.data(), entry.size(), rapidjson::kObjectType);
        }
        writer.EndArray();
        write_integer(writer, "more",
                      notice.more + static_cast<std::int64_t>(notice.entries.size() - entries));
        writer.EndObject();
        return std::string(buffer.GetString(), buffer.GetSize());
    };
    const std::size_t all = notice.entries.size();
    std::string text = body(all, &NoticeEntry::json);
    if (text.size() <= longest_body)
        return text;
    std::size_t fitting = 0;
    std::size_t size = body(0, &NoticeEntry::brief).size();
    while (fitting < all && size + notice.entries[fitting].brief.size() < longest_body)
        size += notice.entries[fitting++].brief.size() + 1; // and a comma
    return body(fitting, &NoticeEntry::brief);
}

std::string alert_body(const Delivery& delivery) {
    const Finding& finding = *delivery.finding;
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    write_text(writer, "type", delivery.is_test() ? "dashboard.test" : "dashboard.alert");
    write_text(writer, "timestamp", delivery.created_at);
    write_text(writer, "dashboard_id", delivery.dashboard_id);
    write_integer(writer, "snapshot_a", delivery.snapshot_a);
    write_integer(writer, "snapshot_b", delivery.snapshot_b);
    const std::size_t head = buffer.GetSize();
    write_text(writer, "summary", finding.summary);
    writer.EndObject();

    // What is long is JSON already, as the server sent it: digits and all stay what they are.
    const std::string_view written(buffer.GetString(), buffer.GetSize());
    std::string body;
    body.reserve(written.size() + finding.diff.size() + finding.explanation.size() + 40);
    body += written.substr(0, head);
    body += ",\"diff\":";
    body += finding.diff.empty() ? "null" : finding.diff;
    body += ",\"explanation\":";
    body += finding.explanation.empty() ? "null" : finding.explanation;
    body += written.substr(head);
    return body;
}

} // namespace

std::string webhook_body(const Delivery& delivery) {
    return delivery.notice ? notice_body(delivery) : alert_body(delivery);
}

std::string webhook_id(const Delivery& delivery) {
    if (delivery.notice)
        return "msg_policy_" + std::to_string(delivery.notice->policy_id) + "_" +
               std::to_string(delivery.delivery_id);
    return "msg_" + std::to_string(delivery.alert_id) + "_" +
           std::to_string(delivery.subscription_id) + "_" + std::to_string(delivery.delivery_id);
}

std::vector<std::string> webhook_headers(std::string_view id, std::time_t now,
                                         std::string_view body, const std::vector<Bytes>& keys) {
    const std::string timestamp = std::to_string(now);
    std::string signatures;
    for (const Bytes key : keys) {
        signatures += signatures.empty() ? "v1," : " v1,";
        signatures += base64(hmac_sha256(key, {id, ".", timestamp, ".", body}));
    }
    return {
        "Content-Type: application/json",
        "webhook-id: " + std::string(id),
        "webhook-timestamp: " + timestamp,
        "webhook-signature: " + signatures,
        "X-Hub-Signature-256: sha256=" + hex(hmac_sha256(keys.at(0), {body})),
    };
}

Outcome judge_webhook(const HttpResult& result) {
    Outcome outcome;
    outcome.http_status = result.status;
    outcome.elapsed = result.elapsed;
    outcome.reached = result.status != 0 || result.refused;
    if (result.status == 0) {
        outcome.reason = result.error;
        return outcome;
    }
    if (result.status >= 200 && result.status < 300) {
        outcome.verdict = Outcome::Verdict::delivered;
        return outcome;
    }
    outcome.reason = "HTTP " + std::to_string(result.status);
    if (is_redirect(result.status))
        outcome.reason += " (redirects are not followed)";
    else if (result.status == 410)
        outcome.verdict = Outcome::Verdict::gone;
    else if (result.status == 429 || result.status == 503)
        outcome.retry_after = result.retry_after;
    return outcome;
}

} // namespace dashboard_diff::listener
