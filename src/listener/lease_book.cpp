#include "listener/lease_book.h"

namespace dashboard_diff::listener {

void LeaseBook::settled(std::int64_t lease) {
    const auto found = left_.find(lease);
    if (--found->second > 0)
        return;
    left_.erase(found);
    ended_.push_back(lease);
}

std::vector<std::int64_t> LeaseBook::open() const {
    std::vector<std::int64_t> leases;
    for (const auto& [lease, deliveries] : left_)
        leases.push_back(lease);
    return leases;
}

} // namespace dashboard_diff::listener
