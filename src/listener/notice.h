#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dashboard_diff::listener {

// What a notice says of one dashboard.
struct NoticeEntry {
    std::string headline; // "Sales EU is failing"
    std::string summary;  // of the check; may be empty
    std::string json;     // all that is known
    std::string brief;    // the same without the issues
};

// The health of dashboards after a window of checks, the worst first.
struct Notice {
    std::int64_t policy_id = 0;
    std::string policy;      // its name
    std::string window_date; // ISO
    std::string title;
    std::vector<NoticeEntry> entries;
    std::int64_t more = 0; // dashboards without an entry
};

// Reads what claim_deliveries() gives. What is not there, or not as it should be, is empty.
Notice read_notice(std::string_view json);

} // namespace dashboard_diff::listener
