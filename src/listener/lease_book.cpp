#include "listener/lease_book.h"

namespace dashboard_diff::listener {

void LeaseBook::settled(std::int64_t lease) {
    const auto found = left_.find(lease);
    if (--found->second > 0)
        return;
    left_.erase(found);
    ended_.push_back(lease);
}

} // namespace dashboard_diff::listener
