#pragma once

#include "listener/delivery.h"

#include <cstddef>
#include <string>
#include <vector>

namespace dashboard_diff::listener {

// What a person reads of a delivery, in parts that every channel lays out in its own way. All of
// them are neutral (neutral_text.h), one line each, and need no more than escaping.
struct MessageText {
    std::string title;   // "Sales EU has changed"
    std::string summary; // what has changed; never empty
    std::string origin;  // which snapshots and which subscription
    // To stand in place of the summary where several dashboards are told of: one each.
    std::vector<std::string> lines;
};

// `longest_text`, in UTF-16 units, is for the summary, and for the lines with 3 more for each.
MessageText message_text(const Delivery& delivery, std::size_t longest_text);

} // namespace dashboard_diff::listener
