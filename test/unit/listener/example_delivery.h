#pragma once

#include "listener/delivery.h"

#include <memory>
#include <string>
#include <utility>

namespace dashboard_diff::listener {

// An alert for somebody who is told by mail or chat.
inline Delivery
example_delivery(const std::string& target,
                 const std::string& summary = "score of EGFR +31.3 %; 1 new: KRAS") {
    Delivery delivery;
    delivery.dashboard_id = "genes";
    delivery.dashboard_title = "Genes of the week";
    delivery.delivery_id = 34;
    delivery.alert_id = 9;
    delivery.subscription_id = 12;
    delivery.target = target;
    delivery.created_at = "2026-01-02T03:04:05.678901Z";
    delivery.snapshot_a = 2;
    delivery.snapshot_b = 3;
    delivery.finding = std::make_shared<const Finding>(Finding{"{}", "{}", summary});
    return delivery;
}

// What a policy has to tell of so many dashboards, each of that title, of which its check said
// that.
inline Delivery example_notice(const std::string& target, std::size_t dashboards = 2,
                               const std::string& title = "Sales EU",
                               const std::string& summary = "12 rows, at least 20 expected") {
    Notice notice;
    notice.policy_id = 5;
    notice.policy = "nightly";
    notice.window_date = "2026-01-02";
    notice.title = std::to_string(dashboards) + " dashboards failing: nightly";
    for (std::size_t i = 1; i <= dashboards; ++i) {
        const std::string start = R"({"dashboard_id":"b)" + std::to_string(i) + "\"";
        notice.entries.push_back({title + " is failing", summary,
                                  start + R"(,"issues":[{"message":")" + summary + R"("}]})",
                                  start + "}"});
    }
    Delivery delivery;
    delivery.dashboard_id = "b1";
    delivery.delivery_id = 34;
    delivery.target = target;
    delivery.secret_version = 1;
    delivery.created_at = "2026-01-02T03:04:05.678901Z";
    delivery.finding = std::make_shared<const Finding>(
        Finding{"", "", dashboards == 1 ? summary : title + ": " + summary + "; and 1 more"});
    delivery.notice = std::make_shared<const Notice>(std::move(notice));
    return delivery;
}

// What rows may hold to get at the readers of a message.
inline const std::string nasty_values[] = {
    "<!channel>",
    "<!everyone|x>",
    "<@U0123>",
    "@here",
    "@ana",
    "#sales",
    "/start",
    "$USD",
    "http://evil",
    "https://evil.example/a?b=c",
    "www.evil.com",
    "evil.com",
    "ana@evil.com",
    "mailto:ana@evil.com",
    "javascript:alert(1)",
    "http://1.2.3.4/",
    "1.2.3.4",
    "\\\\evil\\share",
    "[x](http://y)",
    "<http://evil|ok>",
    "</code><a href=\"http://evil\">x</a>",
    "</b></i></p><script>alert(1)</script>",
    "&lt;!channel&gt;",
    "\u202Emoc.live\u202C",
    "a\r\nBcc: x@evil.com",
    "a\u2028b\u0085c",
    "\xFF\xC0\xAF",
    "＠here ＃x evil。com",
};

} // namespace dashboard_diff::listener
