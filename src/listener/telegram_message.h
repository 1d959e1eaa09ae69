#pragma once

#include "listener/delivery.h"
#include "listener/http.h"

#include <string>

namespace dashboard_diff::listener {

// The JSON of sendMessage.
std::string telegram_body(const Delivery& delivery);

// What an answer of sendMessage means.
Outcome judge_telegram(const HttpResult& result);

} // namespace dashboard_diff::listener
