#pragma once

#include "listener/channel.h"
#include "listener/lanes.h"

#include <cstdint>
#include <string>

namespace dashboard_diff::listener {

struct DeliveryKey {
    std::string dashboard_id;
    std::int64_t delivery_id = 0;
    bool operator==(const DeliveryKey&) const = default;
};

// What is still needed of a delivery once it is sent.
struct Attempt {
    explicit Attempt(const Claimed& claimed);

    DeliveryKey key;
    Source source;
    int number;
    Endpoint endpoint;
    const Channel* channel;
    std::int64_t lease;
};

// One line in the log.
void log_attempt(const Attempt& attempt, const Outcome& outcome);

} // namespace dashboard_diff::listener
