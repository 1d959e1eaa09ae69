#include "listener/message_text.h"

#include "listener/neutral_text.h"

#include <algorithm>
#include <utility>

namespace dashboard_diff::listener {
namespace {

constexpr std::size_t longest_title = 150;
constexpr std::size_t longest_line = 300; // of one dashboard among others

// "2026-01-02T03:04:05.678901Z" as a person writes it.
std::string minute(const std::string& timestamp) {
    if (timestamp.size() < 16)
        return timestamp;
    return timestamp.substr(0, 10) + " " + timestamp.substr(11, 5) + " UTC";
}

// As many dashboards as there is room for, and how many there are besides.
std::vector<std::string> notice_lines(const Notice& notice, std::size_t longest) {
    constexpr std::size_t bullet = 3;
    constexpr std::size_t room_for_count = 40;
    std::vector<std::string> lines;
    std::size_t left = longest - std::min(longest, room_for_count);
    for (const NoticeEntry& entry : notice.entries) {
        std::string line = neutral_text(
            entry.summary.empty() ? entry.headline : entry.headline + ": " + entry.summary,
            longest_line);
        const std::size_t length = utf16_length(line) + bullet;
        if (length > left)
            break;
        left -= length;
        lines.push_back(std::move(line));
    }
    const std::int64_t more =
        notice.more + static_cast<std::int64_t>(notice.entries.size() - lines.size());
    if (more > 0)
        lines.push_back("and " + std::to_string(more) + " more");
    return lines;
}

MessageText notice_text(const Delivery& delivery, std::size_t longest_text) {
    const Notice& notice = *delivery.notice;
    MessageText message;
    message.title = neutral_text(notice.title, longest_title);
    message.summary = neutral_text(delivery.finding->summary, longest_text);
    if (message.summary.empty())
        message.summary = "Its check said nothing more.";
    message.origin = neutral_text("Policy " + notice.policy + ", window of " + notice.window_date,
                                  longest_title);
    if (notice.entries.size() > 1)
        message.lines = notice_lines(notice, longest_text);
    return message;
}

} // namespace

MessageText message_text(const Delivery& delivery, std::size_t longest_text) {
    if (delivery.notice)
        return notice_text(delivery, longest_text);
    const bool is_test = delivery.is_test();
    const std::string name = neutral_text(
        delivery.dashboard_title.empty() ? delivery.dashboard_id : delivery.dashboard_title,
        longest_title);
    MessageText message;
    message.title = is_test ? "Test: " + name : name + " has changed";
    message.summary = neutral_text(delivery.finding->summary, longest_text);
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
