#pragma once

#include "listener/delivery.h"

#include <functional>
#include <string>

namespace dashboard_diff::listener {

// What a receiver, or the service in between, can be expected to take.
struct Pace {
    std::chrono::milliseconds target_gap{0}; // between the starts of two for one target
    unsigned starts_per_second = 0;          // through one gate; 0: as many as there are
    unsigned at_once = 0;                    // in flight through one gate; 0: as many as there are
};

// A way to reach subscribers of one kind.
class Channel {
public:
    using Done = std::function<void(Outcome)>;

    virtual ~Channel() = default;

    // The subscriber_kind it serves.
    virtual std::string kind() const = 0;

    // False while nothing could be sent at all: deliveries of the kind are then left in the outbox.
    virtual bool available() const { return true; }

    virtual Pace pace() const noexcept { return {}; }

    // What lies between us and the target and may fail for many targets at once: a host, a
    // provider. Deliveries through a gate that cannot be reached wait for one that tries it.
    virtual std::string gate(const Delivery& delivery) const = 0;

    // Starts one attempt. `done` is called exactly once, later, from the event loop.
    // An exception says that nothing was sent; it counts as a failed attempt.
    virtual void send(const Delivery& delivery, Done done) = 0;

    // The target as it may be logged: without what could be a secret.
    virtual std::string loggable_target(const std::string& target) const = 0;
};

} // namespace dashboard_diff::listener
