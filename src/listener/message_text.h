#pragma once

#include "listener/delivery.h"

#include <cstddef>
#include <string>

namespace dashboard_diff::listener {

// What a person reads of an alert, in parts that every channel lays out in its own way. All of them
// are neutral (neutral_text.h), one line each, and need no more than escaping.
struct MessageText {
    std::string title;   // "Sales EU has changed"
    std::string summary; // what has changed; never empty
    std::string origin;  // which snapshots and which subscription
};

// `longest_summary` in UTF-16 units.
MessageText message_text(const Delivery& delivery, std::size_t longest_summary);

} // namespace dashboard_diff::listener
