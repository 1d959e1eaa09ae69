#pragma once

#include "listener/delivery.h"

#include <memory>
#include <string>

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
