#include "listener/lanes.h"

#include <algorithm>

namespace dashboard_diff::listener {
namespace {

using namespace std::chrono_literals;

constexpr Duration slow_after = 1s;   // then a request gives its slot to another
constexpr unsigned most_slow = 256;   // in flight
constexpr Duration longest_wait = 2s; // of what is claimed, before it is handed back
constexpr Duration look_interval = 250ms;
constexpr Duration unknown_wait = 50ms;  // for what does not say when it ends
constexpr Duration work_at_hand = 500ms; // that may wait in a lane
constexpr std::size_t most_waiting = 64;
constexpr std::size_t first_waiting = 16; // of an endpoint that nothing is known of
constexpr Duration remembered = 10min;    // what an idle endpoint did
constexpr std::size_t most_idle = 16384;
constexpr std::size_t most_idle_gates = 4096;

bool has_waited_too_long(const Claimed& claimed, Clock::time_point now) noexcept {
    return claimed.claimed_at + longest_wait < now;
}

} // namespace

Lanes::Lane& Lanes::lane_for(const Endpoint& endpoint) {
    const auto [found, is_new] = lanes_.try_emplace(endpoint);
    if (is_new)
        found->second.endpoint = &found->first;
    return found->second;
}

void Lanes::enter(Lane& lane, const Claimed& claimed) {
    if (lane.gate != nullptr)
        return;
    lane.gate = &gates_[claimed.delivery.kind + ' ' + claimed.channel->gate(claimed.delivery)];
    ++lane.gate->lanes;
    lane.pace = claimed.channel->pace();
}

std::size_t Lanes::room(const Lane& lane) noexcept {
    if (lane.gate == nullptr || lane.breaker.is_open() || lane.gate->breaker.is_open())
        return 1;
    const Duration time = std::max<Duration>(lane.usual_time.value_or(work_at_hand / first_waiting),
                                             lane.pace.target_gap);
    const auto fits = static_cast<std::size_t>(work_at_hand / std::max<Duration>(time, 1us));
    return std::clamp<std::size_t>(fits, 1, most_waiting);
}

bool Lanes::admit(Claimed& claimed, Clock::time_point now) {
    Lane& lane = lane_for({claimed.delivery.kind, claimed.delivery.target});
    enter(lane, claimed);
    lane.used_at = now;
    // What is parked goes first: the endpoint hears of things in their order.
    const bool overtakes = lane.has_parked && !claimed.parked;
    if (overtakes || !has_room(lane, now)) {
        ++lane.parking;
        note_parked(lane);
        forget_if_idle(lane, now);
        return false;
    }
    lane.waiting.push_back(std::move(claimed));
    ++waiting_;
    ++lane.gate->waiting;
    queue(lane);
    return true;
}

void Lanes::queue(Lane& lane) {
    if (lane.queued || lane.in_flight || lane.waiting.empty())
        return;
    lane.queued = true;
    ready_.push_back(&lane);
}

// Requests that may be in flight through a gate, besides those that are slow: never all that there
// can be, and few as long as it is not known to work.
unsigned Lanes::share(const Gate& gate) const noexcept {
    const unsigned quarter = std::max(1U, settings_.concurrency / 4);
    return gate.proven ? std::max(quarter, settings_.concurrency - quarter) : quarter;
}

bool Lanes::is_stuck(const Gate& gate) const noexcept {
    return gate.slow >= std::max(4U, settings_.concurrency / 4);
}

bool Lanes::has_room(const Lane& lane, Clock::time_point now) const {
    const Gate& gate = *lane.gate;
    if (lane.waiting.size() >= room(lane) || is_stuck(gate) ||
        (!gate.proven && gate.waiting >= share(gate)))
        return false;
    return lane.in_flight || ready_at(lane, now) <= now + longest_wait;
}

Clock::time_point Lanes::ready_at(const Lane& lane, Clock::time_point now) const {
    Clock::time_point ready = lane.not_before;
    if (lane.breaker.is_open())
        ready = std::max(ready, lane.breaker.next_probe());
    if (const Gate* gate = lane.gate) {
        ready = std::max(ready, gate->next_start);
        if (gate->breaker.is_open())
            ready = std::max(ready, gate->breaker.next_probe());
        const bool full = (lane.pace.at_once > 0 && gate->in_flight >= lane.pace.at_once) ||
                          is_stuck(*gate) || gate->in_flight - gate->slow >= share(*gate) ||
                          !gate->breaker.permits(std::max(now, ready), gate->in_flight);
        if (full)
            ready = std::max(ready, now + unknown_wait);
    }
    return ready;
}

bool Lanes::has_slot() const noexcept {
    return in_flight_ - slow_ < settings_.concurrency && slow_ < most_slow;
}

void Lanes::mark_slow(Clock::time_point now) {
    while (!running_.empty() && running_.front()->started_at + slow_after <= now) {
        Lane& lane = *running_.front();
        running_.pop_front();
        lane.slow = true;
        ++lane.gate->slow;
        ++slow_;
    }
}

void Lanes::look_at_blocked(Clock::time_point now) {
    if (blocked_.empty() || now < look_at_blocked_at_)
        return;
    look_at_blocked_at_ = now + look_interval;
    // In front: they have waited longer.
    ready_.insert(ready_.begin(), blocked_.begin(), blocked_.end());
    blocked_.clear();
}

std::optional<Claimed> Lanes::next(Clock::time_point now) {
    mark_slow(now);
    look_at_blocked(now);
    while (has_slot() && !ready_.empty()) {
        Lane& lane = *ready_.front();
        ready_.pop_front();
        const Clock::time_point ready = ready_at(lane, now);
        // What has waited for too long, be it that this process was stopped, is left to
        // hand_back(): another may have it by now.
        if (ready <= now && !has_waited_too_long(lane.waiting.front(), now))
            return begin(lane, now);
        look_at_blocked_at_ = std::min(blocked_.empty() ? ready : look_at_blocked_at_, ready);
        blocked_.push_back(&lane);
    }
    return std::nullopt;
}

Claimed Lanes::begin(Lane& lane, Clock::time_point now) {
    Claimed claimed = std::move(lane.waiting.front());
    lane.waiting.pop_front();
    --waiting_;
    --lane.gate->waiting;
    lane.queued = false;
    lane.in_flight = true;
    lane.started_at = now;
    lane.not_before = now + lane.pace.target_gap;
    ++lane.gate->in_flight;
    if (lane.pace.starts_per_second > 0)
        lane.gate->next_start = now + Duration(1s) / lane.pace.starts_per_second;
    ++in_flight_;
    running_.push_back(&lane);
    return claimed;
}

void Lanes::finished(const Endpoint& endpoint, const Outcome& outcome, Clock::time_point now) {
    Lane& lane = lanes_.at(endpoint);
    Gate& gate = *lane.gate;
    // Those behind the gate may begin now, if it was what they waited for.
    if (lane.pace.at_once > 0 || gate.slow > 0 || gate.breaker.is_troubled() ||
        gate.in_flight >= share(gate))
        look_at_blocked_at_ = now;
    if (lane.slow) {
        --slow_;
        --gate.slow;
    } else {
        std::erase(running_, &lane);
    }
    --in_flight_;
    --gate.in_flight;
    lane.in_flight = lane.slow = false;
    lane.used_at = now;
    const Duration time = now - lane.started_at;
    lane.usual_time = lane.usual_time ? (*lane.usual_time * 3 + time) / 4 : time;

    outcome.reached ? gate.breaker.succeeded() : gate.breaker.failed(now);
    gate.proven = outcome.reached;
    if (outcome.verdict == Outcome::Verdict::delivered)
        lane.breaker.succeeded();
    else if (outcome.verdict == Outcome::Verdict::retry)
        lane.breaker.failed(now);
    if (outcome.retry_after) {
        // For the endpoint's others: not for long, since it is asked again by itself.
        const Duration wait = std::min<Duration>(*outcome.retry_after, Breaker::longest_pause);
        lane.not_before = std::max(lane.not_before, now + wait);
    }
    queue(lane);
    forget_if_idle(lane, now);
}

std::vector<Claimed> Lanes::hand_back(Clock::time_point now, bool all) {
    std::vector<Claimed> back;
    for (auto next = lanes_.begin(); next != lanes_.end();) {
        Lane& lane = (next++)->second; // forgetting it leaves the next one in place
        while (!lane.waiting.empty() && (all || is_stuck(*lane.gate) ||
                                         has_waited_too_long(lane.waiting.front(), now))) {
            ++lane.parking;
            note_parked(lane);
            back.push_back(std::move(lane.waiting.front()));
            lane.waiting.pop_front();
            --waiting_;
            --lane.gate->waiting;
        }
        if (lane.waiting.empty() && std::exchange(lane.queued, false)) {
            std::erase(ready_, &lane);
            std::erase(blocked_, &lane);
        }
        forget_if_idle(lane, now);
    }
    // What is known of a gate is kept for the next one, as long as there are few.
    if (gates_.size() > most_idle_gates)
        std::erase_if(gates_, [](const auto& gate) { return gate.second.lanes == 0; });
    return back;
}

void Lanes::note_parked(Lane& lane) {
    if (!lane.listed) {
        if (!may_note_parked())
            return; // it will be heard of again, once there is room
        lane.listed = true;
        parked_.push_back(&lane);
    }
    lane.has_parked = true;
}

void Lanes::parked(const Endpoint& endpoint, Clock::time_point now) {
    Lane& lane = lanes_.at(endpoint);
    --lane.parking;
    forget_if_idle(lane, now);
}

void Lanes::set_parked(const Endpoint& endpoint, bool more) {
    Lane& lane = lane_for(endpoint);
    lane.asked = false;
    if (more)
        note_parked(lane);
    else
        lane.has_parked = lane.parking > 0;
}

bool Lanes::can_take_parked(const Lane& lane, Clock::time_point now) const {
    if (lane.asked || !lane.has_parked || lane.parking > 0)
        return false;
    const std::size_t most = room(lane);
    if (lane.waiting.size() * 2 > most || lane.waiting.size() == most)
        return false;
    // To a slow one what it can take at once, and no sooner.
    if (lane.in_flight)
        return most > 1 && now - lane.started_at < slow_after;
    return ready_at(lane, now) <= now + look_interval;
}

bool Lanes::wants_parked(Clock::time_point now) const {
    return std::ranges::any_of(parked_,
                               [&](const Lane* lane) { return can_take_parked(*lane, now); });
}

bool Lanes::has_parked(const Endpoint& endpoint) const {
    const auto found = lanes_.find(endpoint);
    return found != lanes_.end() && found->second.has_parked;
}

std::vector<Lanes::Wish> Lanes::wanting_parked(Clock::time_point now, std::size_t most) {
    std::vector<Wish> wanting;
    for (std::size_t left = parked_.size(); left > 0 && wanting.size() < most; --left) {
        Lane& lane = *parked_.front();
        parked_.pop_front();
        if (!lane.has_parked && !lane.asked) {
            lane.listed = false;
            forget_if_idle(lane, now);
            continue;
        }
        parked_.push_back(&lane);
        if (!can_take_parked(lane, now))
            continue;
        lane.asked = true;
        wanting.push_back({*lane.endpoint, room(lane) - lane.waiting.size()});
    }
    return wanting;
}

bool Lanes::has_parked_to_send() const {
    return std::ranges::any_of(parked_, [](const Lane* lane) {
        const bool out_of_order =
            lane->breaker.is_open() || (lane->gate != nullptr && lane->gate->breaker.is_open());
        return lane->asked || (lane->has_parked && !out_of_order);
    });
}

std::optional<Duration> Lanes::next_look(Clock::time_point now) const {
    if (in_flight_ == 0 && waiting_ == 0 && parked_.empty())
        return std::nullopt;
    if (blocked_.empty())
        return look_interval;
    return std::clamp<Duration>(look_at_blocked_at_ - now, 1ms, look_interval);
}

void Lanes::forget_if_idle(Lane& lane, Clock::time_point now) {
    if (lane.in_flight || lane.queued || lane.listed || lane.parking > 0 || !lane.waiting.empty())
        return;
    const bool matters = lane.breaker.is_troubled() || lane.not_before > now;
    if (matters && now - lane.used_at < remembered && lanes_.size() <= most_idle)
        return;
    if (lane.gate != nullptr)
        --lane.gate->lanes;
    lanes_.erase(lanes_.find(*lane.endpoint));
}

} // namespace dashboard_diff::listener
