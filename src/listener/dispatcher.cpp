#include "listener/dispatcher.h"

#include "listener/log.h"

#include <algorithm>

namespace dashboard_diff::listener {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto lease_time = 60s;
constexpr auto mark_margin = 5s; // of the lease, for the outcome to reach the server
constexpr auto mark_delay = 2ms;
constexpr std::size_t mark_batch = 256;
constexpr milliseconds recheck = 100ms; // grows while claims come back empty
constexpr auto last_wait = 5s;          // for the server, when all else is done
constexpr auto dispatch_slice = 250ms;  // what a claim may have to wait

} // namespace

Dispatcher::Dispatcher(EventLoop& loop, Outbox& outbox, std::vector<Channel*> channels,
                       Settings settings)
    : loop_(loop),
      outbox_(outbox),
      channels_(std::move(channels)),
      settings_(settings),
      read_ahead_(settings.concurrency),
      pending_(loop, settings.poll, [this] { wake(); }),
      pump_timer_(loop, [this] { pump(); }),
      mark_timer_(loop, [this] { flush_marks(); }),
      due_timer_(loop,
                 [this] {
                     want_claim_ = true;
                     wake();
                 }),
      give_up_timer_(loop, [this] { give_up(); }) {
    for (const Channel* channel : channels_)
        kinds_.push_back(channel->kind());
    outbox_.set_observer(*this);
}

Channel* Dispatcher::channel_for(const std::string& kind) const noexcept {
    const auto serves = [&](const Channel* channel) { return channel->kind() == kind; };
    const auto found = std::ranges::find_if(channels_, serves);
    return found == channels_.end() ? nullptr : *found;
}

void Dispatcher::outbox_ready() {
    log(Level::info, "database_ready",
        {{"schema", outbox_.schema()}, {"worker", outbox_.worker()}});
    was_ready_ = true;
    empty_claims_ = 0;
    flush_marks();      // before a claim could find the same deliveries again
    want_claim_ = true; // what was inserted while nobody listened
    pending_.session_began();
    wake();
}

void Dispatcher::outbox_unavailable() {
    due_timer_.cancel();
    pending_.session_ended();
    ask_due_ = false;
    if (settings_.once && outbox_.extension_missing())
        stop(End::extension_missing);
    else if (settings_.once && !was_ready_)
        stop(End::server_unavailable);
    wake();
}

void Dispatcher::outbox_notified() {
    want_claim_ = true;
    empty_claims_ = 0;
    pending_.notified();
    wake();
}

void Dispatcher::shut_down() {
    if (stopping_)
        return;
    stopping_ = true;
    log(Level::info, "stopping", {{"in_flight", in_flight_}, {"unstarted", backlog_.size()}});
    for (const Claimed& claimed : backlog_)
        held_.erase({claimed.delivery.dashboard_id, claimed.delivery.delivery_id});
    backlog_.clear();
    wake();
}

void Dispatcher::pump() {
    start_deliveries();
    const bool idle = in_flight_ == 0 && backlog_.empty();
    if (!marks_.empty() && (idle || marks_.size() >= mark_batch))
        flush_marks();
    else if (!marks_.empty() && !mark_timer_.armed())
        mark_timer_.arm(mark_delay);
    if (may_claim())
        claim();
    else if (ask_due_ && !want_claim_ && outbox_.ready() && !stopping_)
        ask_next_due();
    // Behind a claim: they take turns.
    if (pending_.wanted() && outbox_.ready() && !stopping_)
        go_on_with_pending();
    end_if_done();
}

void Dispatcher::start_deliveries() {
    drop_stale();
    while (in_flight_ < settings_.concurrency && !backlog_.empty()) {
        const Claimed claimed = std::move(backlog_.front());
        backlog_.pop_front();
        if (in_flight_++ == 0)
            read_ahead_.resume(Clock::now());
        start(claimed);
    }
}

void Dispatcher::drop_stale() {
    const Clock::time_point now = Clock::now();
    std::size_t dropped = 0;
    while (!backlog_.empty() && backlog_.front().start_before < now) {
        const Delivery& delivery = backlog_.front().delivery;
        held_.erase({delivery.dashboard_id, delivery.delivery_id});
        backlog_.pop_front();
        ++dropped;
    }
    if (dropped > 0)
        log(Level::warning, "lease_too_short_to_start", {{"deliveries", dropped}});
}

void Dispatcher::start(const Claimed& claimed) {
    const Delivery& delivery = claimed.delivery;
    const Attempt attempt{{delivery.dashboard_id, delivery.delivery_id},
                          delivery.subscription_id,
                          delivery.attempt,
                          delivery.target,
                          claimed.channel};
    try {
        claimed.channel->send(
            delivery, [this, attempt](Outcome outcome) { finished(attempt, std::move(outcome)); });
    } catch (const std::exception& error) {
        Outcome outcome;
        outcome.reason = error.what();
        finished(attempt, std::move(outcome));
    }
}

void Dispatcher::finished(const Attempt& attempt, Outcome outcome) {
    const Clock::time_point now = Clock::now();
    read_ahead_.count_finished(now);
    if (--in_flight_ == 0)
        read_ahead_.pause(now);
    if (outcome.verdict == Outcome::Verdict::delivered) {
        log(Level::info, "delivered",
            {{"dashboard", attempt.key.dashboard_id},
             {"subscription", attempt.subscription_id},
             {"delivery", attempt.key.delivery_id},
             {"attempt", attempt.number},
             {"status", outcome.http_status},
             {"ms", outcome.elapsed.count()}});
    } else {
        const std::string target = attempt.channel->loggable_target(attempt.target);
        log(Level::warning, outcome.verdict == Outcome::Verdict::gone ? "gone" : "failed",
            {{"dashboard", attempt.key.dashboard_id},
             {"subscription", attempt.subscription_id},
             {"delivery", attempt.key.delivery_id},
             {"attempt", attempt.number},
             {"status", outcome.http_status},
             {"ms", outcome.elapsed.count()},
             {"target", target},
             {"reason", outcome.reason}});
    }
    marks_.push_back({attempt.key.dashboard_id, attempt.key.delivery_id, std::move(outcome)});
    wake();
}

void Dispatcher::flush_marks() {
    mark_timer_.cancel();
    if (marks_.empty() || !marking_.empty() || !outbox_.ready())
        return; // marked() or outbox_ready() comes back to it
    marking_ = std::exchange(marks_, {});
    outbox_.finish(marking_, [this](bool done) { marked(done); });
}

void Dispatcher::marked(bool done) {
    marks_failed_ = !done;
    if (done) {
        give_up_timer_.cancel();
        for (const Outbox::Mark& mark : marking_)
            held_.erase({mark.dashboard_id, mark.delivery_id});
    } else {
        marks_.insert(marks_.begin(), std::make_move_iterator(marking_.begin()),
                      std::make_move_iterator(marking_.end()));
    }
    marking_.clear();
    wake();
}

bool Dispatcher::may_claim() const noexcept {
    // At half a read-ahead, so that claims stay few and large.
    return want_claim_ && !claiming_ && !stopping_ && !marks_failed_ && outbox_.ready() &&
           backlog_.size() * 2 <= read_ahead();
}

void Dispatcher::claim() {
    if (orphans_possible_ && nothing_held()) {
        // Whatever is leased to us by now is what we do not know of.
        outbox_.release([this](bool done) { orphans_possible_ = !done; });
    }
    const unsigned taken = in_flight_ + static_cast<unsigned>(backlog_.size());
    const int max_rows = static_cast<int>(settings_.concurrency + read_ahead() - taken);
    want_claim_ = false;
    claiming_ = true;
    ask_due_ = false;
    // The lease counts from before the question: the server cannot have begun it earlier.
    outbox_.claim(kinds_, max_rows, lease_time,
                  [this, asked = Clock::now(), max_rows](auto deliveries) {
                      claimed(std::move(deliveries), asked, max_rows);
                  });
}

void Dispatcher::claimed(std::optional<std::vector<Delivery>> deliveries, Clock::time_point asked,
                         int max_rows) {
    claiming_ = false;
    if (!deliveries) {
        want_claim_ = true;
        orphans_possible_ = true;
        return;
    }
    give_up_timer_.cancel();
    drained_ = deliveries->empty();
    empty_claims_ = drained_ ? empty_claims_ + 1 : 0;
    if (stopping_) {
        wake(); // the release gives them back
        return;
    }
    drop_stale();
    for (Delivery& delivery : *deliveries) {
        Channel* channel = channel_for(delivery.kind);
        if (channel == nullptr)
            continue;
        // One whose lease ran out before its outcome was marked: the outcome stands.
        if (!held_.insert({delivery.dashboard_id, delivery.delivery_id}).second)
            continue;
        const Clock::time_point start_before =
            asked + lease_time - channel->longest_attempt() - mark_margin;
        backlog_.push_back({std::move(delivery), channel, start_before});
    }
    const bool full = deliveries->size() >= static_cast<std::size_t>(max_rows);
    if (full || (settings_.once && !drained_))
        want_claim_ = true;
    else
        ask_due_ = !settings_.once;
    wake();
}

void Dispatcher::go_on_with_pending() {
    pending_.asked();
    outbox_.dispatch_pending(dispatch_slice, [this, asked = Clock::now()](auto snapshots) {
        pending_.answered(snapshots);
        const bool worked = snapshots.value_or(0) > 0;
        slice_time_ = worked ? Clock::now() - asked : Duration::zero();
        if (worked) {
            const auto elapsed = std::chrono::duration_cast<milliseconds>(slice_time_);
            log(Level::info, "dispatched", {{"snapshots", *snapshots}, {"ms", elapsed.count()}});
            want_claim_ = true; // what came of it
            empty_claims_ = 0;
        }
        wake();
    });
}

void Dispatcher::ask_next_due() {
    ask_due_ = false;
    arm_due_timer(milliseconds::max()); // the backstop, should there be no answer
    outbox_.next_due(kinds_, [this](std::optional<milliseconds> due) {
        if (due)
            arm_due_timer(*due);
    });
}

void Dispatcher::arm_due_timer(milliseconds due) {
    // Something that is due but not to be had, such as a row another listener is at: look again,
    // at growing distance.
    const milliseconds soonest = recheck * (1U << std::min(empty_claims_, 10U));
    const milliseconds poll = settings_.poll;
    due_timer_.arm(std::min(std::max(due, empty_claims_ > 0 ? soonest : milliseconds(0)), poll));
}

void Dispatcher::end_if_done() {
    if (settings_.once && drained_ && !want_claim_ && !claiming_ && nothing_held() &&
        pending_.done()) {
        stop(pending_.failed() ? End::server_unavailable : End::done);
        return;
    }
    const bool server_missed = settings_.once && was_ready_ && !outbox_.ready();
    if ((!stopping_ && !server_missed) || in_flight_ > 0)
        return;
    if (stopping_ && nothing_held() && (released_ || !outbox_.ready())) {
        stop(End::done); // leases that could not be given back end by themselves
        return;
    }
    if (!give_up_timer_.armed())
        give_up_timer_.arm(last_wait);
    if (outbox_.ready() && nothing_held() && !claiming_ && !releasing_) {
        releasing_ = true;
        outbox_.release([this](bool done) {
            releasing_ = false;
            released_ = done;
            wake();
        });
    }
}

void Dispatcher::give_up() {
    stop(!nothing_held() ? End::outcomes_lost : stopping_ ? End::done : End::server_unavailable);
}

void Dispatcher::stop(End end) {
    end_ = end;
    loop_.stop();
}

} // namespace dashboard_diff::listener
