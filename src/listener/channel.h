#pragma once

#include "listener/delivery.h"

#include <functional>
#include <string>

namespace dashboard_diff::listener {

// A way to reach subscribers of one kind.
class Channel {
public:
    using Done = std::function<void(Outcome)>;

    virtual ~Channel() = default;

    // The subscriber_kind it serves.
    virtual std::string kind() const = 0;

    // No attempt takes longer.
    virtual std::chrono::seconds longest_attempt() const noexcept = 0;

    // Starts one attempt. `done` is called exactly once, later, from the event loop.
    // An exception says that nothing was sent; it counts as a failed attempt.
    virtual void send(const Delivery& delivery, Done done) = 0;

    // The target as it may be logged: without what could be a secret.
    virtual std::string loggable_target(const std::string& target) const = 0;
};

} // namespace dashboard_diff::listener
