#pragma once

#include "listener/breaker.h"
#include "listener/channel.h"

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace dashboard_diff::listener {

// One receiver: what it gets, it gets one after the other.
struct Endpoint {
    std::string kind;
    std::string target;
    bool operator==(const Endpoint&) const = default;
};

// A delivery in our hands, not yet sent.
struct Claimed {
    Delivery delivery;
    Channel* channel = nullptr;
    std::int64_t lease = 0;
    bool parked = false; // in the outbox
    Clock::time_point claimed_at{};
};

// Decides which delivery is sent next, so that no endpoint delays another: one request at a time to
// each of them; a breaker for each, and one for what lies in between (a host, a provider); their
// pace. What cannot begin soon is handed back, to be parked in the outbox: little waits here.
class Lanes {
public:
    struct Settings {
        unsigned concurrency = 32; // requests in flight that have not yet shown to be slow
    };

    explicit Lanes(Settings settings) : settings_(settings) {}
    Lanes(const Lanes&) = delete;
    Lanes& operator=(const Lanes&) = delete;

    // Takes a delivery, or leaves it as it is and returns false: it has to be parked, and parked()
    // to be called then.
    bool admit(Claimed& claimed, Clock::time_point now);

    // The next delivery to send, which counts as in flight from then on.
    std::optional<Claimed> next(Clock::time_point now);

    // What came of it.
    void finished(const Endpoint& endpoint, const Outcome& outcome, Clock::time_point now);

    // Those that have waited for too long; the same holds for them. With `all`, all that have not
    // begun.
    std::vector<Claimed> hand_back(Clock::time_point now, bool all = false);

    // What was to be parked for the endpoint is.
    void parked(const Endpoint& endpoint, Clock::time_point now);

    // More is parked for the endpoint in the outbox; false: no more.
    void set_parked(const Endpoint& endpoint, bool more);

    // Endpoints that can take something that is parked for them, in turns, and how much. Each is
    // named once, until set_parked().
    struct Wish {
        Endpoint endpoint;
        std::size_t deliveries;
    };
    std::vector<Wish> wanting_parked(Clock::time_point now, std::size_t most);
    bool wants_parked(Clock::time_point now) const;
    bool has_parked(const Endpoint& endpoint) const;

    // Something is parked for an endpoint that is not out of order.
    bool has_parked_to_send() const;
    bool may_note_parked() const noexcept { return parked_.size() < most_parked; }

    // When to look again, if nothing else happens; nullopt: there is nothing to wait for.
    std::optional<Duration> next_look(Clock::time_point now) const;

    unsigned in_flight() const noexcept { return in_flight_; }
    std::size_t waiting() const noexcept { return waiting_; }

private:
    static constexpr std::size_t most_parked =
        4096; // endpoints remembered to have something parked

    struct Gate {
        Breaker breaker;
        unsigned in_flight = 0;
        unsigned slow = 0;
        std::size_t waiting = 0;
        bool proven = false;            // the last request through it came through
        Clock::time_point next_start{}; // as the pace allows
        unsigned lanes = 0;
    };

    struct Lane {
        const Endpoint* endpoint = nullptr;
        Gate* gate = nullptr; // null until something was claimed for it
        Pace pace;
        Breaker breaker;
        std::deque<Claimed> waiting;
        bool in_flight = false;
        bool slow = false;   // what is in flight
        bool queued = false; // in ready_ or blocked_
        bool has_parked = false;
        std::size_t parking = 0; // that are yet to be parked
        bool asked = false;      // for what is parked
        bool listed = false;     // in parked_
        Clock::time_point started_at{};
        Clock::time_point not_before{};
        Clock::time_point used_at{};
        std::optional<Duration> usual_time; // of an attempt
    };

    Lane& lane_for(const Endpoint& endpoint);
    void enter(Lane& lane, const Claimed& claimed);
    void queue(Lane& lane);
    void note_parked(Lane& lane);
    void look_at_blocked(Clock::time_point now);
    void mark_slow(Clock::time_point now);
    bool has_slot() const noexcept;
    bool can_take_parked(const Lane& lane, Clock::time_point now) const;
    Clock::time_point ready_at(const Lane& lane, Clock::time_point now) const;
    unsigned share(const Gate& gate) const noexcept;
    bool is_stuck(const Gate& gate) const noexcept;
    bool has_room(const Lane& lane, Clock::time_point now) const;
    static std::size_t room(const Lane& lane) noexcept;
    Claimed begin(Lane& lane, Clock::time_point now);
    void forget_if_idle(Lane& lane, Clock::time_point now);

    Settings settings_;
    struct HashEndpoint {
        std::size_t operator()(const Endpoint& endpoint) const noexcept {
            return std::hash<std::string>()(endpoint.target);
        }
    };
    // Nodes stay in place: they are pointed to.
    std::unordered_map<Endpoint, Lane, HashEndpoint> lanes_;
    std::unordered_map<std::string, Gate> gates_; // by kind and gate
    std::deque<Lane*> ready_;                     // have something waiting, and nothing in flight
    std::deque<Lane*> blocked_; // the same, but could not begin when they were looked at
    std::deque<Lane*> running_; // in flight and not slow, in the order of their starts
    std::deque<Lane*> parked_;  // may have something parked, in turns
    Clock::time_point look_at_blocked_at_{};
    unsigned in_flight_ = 0;
    unsigned slow_ = 0;
    std::size_t waiting_ = 0;
};

} // namespace dashboard_diff::listener
