#pragma once

#include "listener/delivery.h"
#include "listener/http.h"
#include "listener/signature.h"

#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace dashboard_diff::listener {

// The JSON body: the same bytes in every attempt.
std::string webhook_body(const Delivery& delivery);

// The receiver's key to tell a repetition: the same in every attempt, different for every
// delivery, without ".".
std::string webhook_id(const Delivery& delivery);

// Header lines as of Standard Webhooks, and GitHub's signature. `keys`: the current one first,
// then the previous one while a rotation lasts.
std::vector<std::string> webhook_headers(std::string_view id, std::time_t now,
                                         std::string_view body, const std::vector<Bytes>& keys);

// What an answer means.
Outcome judge_webhook(const HttpResult& result);

} // namespace dashboard_diff::listener
