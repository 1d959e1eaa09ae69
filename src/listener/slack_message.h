#pragma once

#include "listener/delivery.h"
#include "listener/http.h"

#include <string>

namespace dashboard_diff::listener {

// The JSON of chat.postMessage. Slack knows no key by which it would drop a repetition; one can be
// told by the id in the message's metadata, which is the same in every attempt.
std::string slack_api_body(const Delivery& delivery);

// The JSON for an incoming webhook, whose channel is fixed.
std::string slack_webhook_body(const Delivery& delivery);

// What an answer of chat.postMessage means.
Outcome judge_slack_api(const HttpResult& result);

// What an answer of an incoming webhook means. One that is no more ends the subscription whose
// own it is; one of a notification config is the operator's to replace.
Outcome judge_slack_webhook(const HttpResult& result, bool is_of_subscription);

} // namespace dashboard_diff::listener
