#include "listener/dispatcher.h"

#include "listener/log.h"

#include <algorithm>

namespace dashboard_diff::listener {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto report_delay = 10ms;
constexpr std::size_t report_batch = 512;
constexpr milliseconds recheck = 100ms; // grows while claims come back empty
constexpr auto last_wait = 5s;          // for the server, when all else is done
constexpr auto dispatch_slice = 250ms;  // what a claim may have to wait
constexpr int endpoints_at_once = 256;
constexpr auto stale_answer = 15s; // then what was leased by it may be another's by now

} // namespace

Dispatcher::Dispatcher(EventLoop& loop, Outbox& outbox, std::vector<Channel*> channels,
                       Settings settings, Refresh refresh)
    : loop_(loop),
      outbox_(outbox),
      channels_(std::move(channels)),
      settings_(settings),
      refresh_(std::move(refresh)),
      lanes_({.concurrency = settings.concurrency}),
      read_ahead_(settings.concurrency),
      pending_(loop, settings.poll, [this] { wake(); }),
      liveness_(loop, outbox,
                [this] {
                    want_claim_ = true; // what was taken back
                    wake();
                }),
      pump_timer_(loop, [this] { pump(); }),
      throttle_timer_(loop, [this] { pump(); }),
      report_timer_(loop, [this] { flush_report(); }),
      due_timer_(loop,
                 [this] {
                     want_claim_ = true;
                     wake();
                 }),
      look_timer_(loop, [this] { look_again(); }),
      poll_timer_(loop, [this] { poll(); }),
      give_up_timer_(loop, [this] { give_up(); }) {
    outbox_.set_observer(*this);
}

Channel* Dispatcher::channel_for(const std::string& kind) const noexcept {
    const auto serves = [&](const Channel* channel) { return channel->kind() == kind; };
    const auto found = std::ranges::find_if(channels_, serves);
    return found == channels_.end() ? nullptr : *found;
}

std::vector<std::string> Dispatcher::kinds() const {
    std::vector<std::string> kinds;
    for (const Channel* channel : channels_)
        if (channel->available())
            kinds.push_back(channel->kind());
    return kinds;
}

void Dispatcher::outbox_ready() {
    log(Level::info, "database_ready",
        {{"schema", outbox_.schema()}, {"worker", outbox_.worker()}});
    was_ready_ = true;
    empty_claims_ = 0;
    reach_.reset();
    flush_report(); // before a claim could find the same deliveries again
    poll();         // what was inserted while nobody listened
    pending_.session_began();
    wake();
}

void Dispatcher::outbox_unavailable() {
    due_timer_.cancel();
    poll_timer_.cancel();
    liveness_.session_ended();
    pending_.session_ended();
    ask_due_ = false;
    if (settings_.once && outbox_.extension_missing())
        stop(End::extension_missing);
    else if (settings_.once && outbox_.permission_denied() && nothing_held())
        stop(End::permission_denied);
    else if (settings_.once && !was_ready_)
        stop(End::server_unavailable);
    wake();
}

void Dispatcher::outbox_notified() {
    notified_ = true;
    want_claim_ = true;
    empty_claims_ = 0;
    pending_.notified();
    wake();
}

void Dispatcher::shut_down() {
    if (stopping_)
        return;
    stopping_ = true;
    log(Level::info, "stopping",
        {{"in_flight", lanes_.in_flight()}, {"unstarted", lanes_.waiting()}});
    hand_back(true);
    wake();
}

// Regularly, whatever is heard of: a notification is only a hint.
void Dispatcher::poll() {
    poll_timer_.arm(settings_.poll);
    want_claim_ = true;
    refreshing_ = true;
    refresh_([this] {
        refreshing_ = false;
        want_list_ = true;
        wake();
    });
    liveness_.show(!nothing_held() || claiming_);
    wake();
}

void Dispatcher::list_parked() {
    lists_.asked(Clock::now());
    listing_ = true;
    want_list_ = false;
    outbox_.parked_endpoints(kinds(), listed_up_to_, endpoints_at_once,
                             [this](std::optional<std::vector<Endpoint>> endpoints) {
                                 listing_ = false;
                                 lists_.answered(Clock::now());
                                 if (!endpoints)
                                     return;
                                 for (const Endpoint& endpoint : *endpoints)
                                     lanes_.set_parked(endpoint, true);
                                 const bool more = endpoints->size() == endpoints_at_once;
                                 listed_up_to_ = more ? endpoints->back() : Endpoint();
                                 if (more && outbox_.ready())
                                     list_parked();
                                 want_claim_ = want_claim_ || !endpoints->empty();
                                 wake();
                             });
}

void Dispatcher::look_again() {
    hand_back(false);
    want_claim_ = want_claim_ || lanes_.wants_parked(Clock::now());
    wake();
}

void Dispatcher::pump() {
    start_deliveries();
    const bool idle = lanes_.in_flight() == 0 && lanes_.waiting() == 0;
    if (leases_.has_ended())
        std::ranges::copy(leases_.take_ended(), std::back_inserter(report_.ended_leases));
    if (!report_.empty() && (idle || report_.marks.size() >= report_batch))
        flush_report();
    else if (!report_.empty() && !report_timer_.armed())
        report_timer_.arm(report_delay);
    if (may_claim() && (backlog_ || is_time(claims_)))
        claim();
    else if (ask_due_ && !want_claim_ && !refreshing_ && outbox_.ready() && !stopping_ &&
             is_time(questions_))
        ask_next_due();
    if (want_list_ && !listing_ && !refreshing_ && outbox_.ready() && !stopping_ &&
        lanes_.may_note_parked() && is_time(lists_))
        list_parked();
    // Behind a claim: they take turns.
    if (pending_.wanted() && outbox_.ready() && !stopping_ && is_time(slices_))
        go_on_with_pending();
    const auto next_look = lanes_.next_look(Clock::now());
    next_look ? look_timer_.arm(*next_look) : look_timer_.cancel();
    liveness_.keep(!nothing_held() || claiming_);
    end_if_done();
}

void Dispatcher::start_deliveries() {
    const bool was_idle = lanes_.in_flight() == 0;
    while (std::optional<Claimed> claimed = lanes_.next(Clock::now()))
        start(*claimed);
    if (was_idle && lanes_.in_flight() > 0)
        read_ahead_.resume(Clock::now());
}

void Dispatcher::start(const Claimed& claimed) {
    const Attempt attempt(claimed);
    try {
        claimed.channel->send(claimed.delivery, [this, attempt](Outcome outcome) {
            finished(attempt, std::move(outcome));
        });
    } catch (const std::exception& error) {
        Outcome outcome;
        outcome.reason = error.what();
        outcome.reached = true; // nothing is known of what lies in between
        finished(attempt, std::move(outcome));
    }
}

void Dispatcher::finished(const Attempt& attempt, Outcome outcome) {
    const Clock::time_point now = Clock::now();
    lanes_.finished(attempt.endpoint, outcome, now);
    read_ahead_.count_finished(now);
    if (lanes_.in_flight() == 0)
        read_ahead_.pause(now);
    log_attempt(attempt, outcome);
    report_.marks.push_back(
        {attempt.key.dashboard_id, attempt.key.delivery_id, attempt.number, std::move(outcome)});
    leases_.settled(attempt.lease);
    want_claim_ = want_claim_ || lanes_.has_parked(attempt.endpoint);
    wake();
}

void Dispatcher::hand_back(bool all) {
    for (const Claimed& claimed : lanes_.hand_back(Clock::now(), all))
        give_back(claimed);
}

// What was not begun goes to where it is in nobody's way.
void Dispatcher::give_back(const Claimed& claimed) {
    const Delivery& delivery = claimed.delivery;
    if (stopping_)
        held_.erase({delivery.dashboard_id, delivery.delivery_id});
    else
        report_.parked.push_back(
            {delivery.dashboard_id, delivery.delivery_id, {delivery.kind, delivery.target}});
    leases_.settled(claimed.lease);
}

void Dispatcher::flush_report() {
    report_timer_.cancel();
    if (report_.empty() || !reporting_.empty() || !outbox_.ready())
        return; // reported() or outbox_ready() comes back to it
    reporting_ = std::exchange(report_, {});
    outbox_.report(reporting_, [this](bool done) { reported(done); });
}

void Dispatcher::reported(bool done) {
    reports_failed_ = !done;
    Outbox::Report sent = std::exchange(reporting_, {});
    if (done) {
        give_up_timer_.cancel();
        for (const Outbox::Mark& mark : sent.marks)
            held_.erase({mark.dashboard_id, mark.delivery_id});
        for (const Outbox::Parked& parked : sent.parked) {
            held_.erase({parked.dashboard_id, parked.delivery_id});
            lanes_.parked(parked.endpoint, Clock::now());
        }
        want_claim_ = want_claim_ || !sent.parked.empty();
        ask_due_ = ask_due_ || !settings_.once; // a failure has made something due later
    } else {
        std::ranges::move(report_.marks, std::back_inserter(sent.marks));
        std::ranges::move(report_.parked, std::back_inserter(sent.parked));
        std::ranges::move(report_.ended_leases, std::back_inserter(sent.ended_leases));
        report_ = std::move(sent);
    }
    wake();
}

// What is leased to us besides these we cannot know of.
std::vector<std::int64_t> Dispatcher::known_leases() const {
    std::vector<std::int64_t> leases = leases_.open();
    for (const Outbox::Report* report : {&report_, &reporting_})
        leases.insert(leases.end(), report->ended_leases.begin(), report->ended_leases.end());
    return leases;
}

bool Dispatcher::may_claim() const noexcept {
    // At half a read-ahead, so that claims stay few and large.
    return want_claim_ && !claiming_ && !stopping_ && !reports_failed_ && !refreshing_ &&
           outbox_.ready() && lanes_.waiting() * 2 <= read_ahead_.size(slice_time_);
}

// If it is not, it will be looked at again when it is.
bool Dispatcher::is_time(const Throttle& throttle) {
    const Duration wait = throttle.next() - Clock::now();
    if (wait <= Duration::zero())
        return true;
    if (!throttle_timer_.armed())
        throttle_timer_.arm(wait);
    return false;
}

void Dispatcher::claim() {
    if (orphans_possible_)
        outbox_.release(outbox_.worker(), known_leases(),
                        [this](bool done) { orphans_possible_ = !done; });
    const Clock::time_point now = Clock::now();
    const std::size_t taken = lanes_.in_flight() + lanes_.waiting();
    const std::size_t most = settings_.concurrency + read_ahead_.size(slice_time_);
    Outbox::Claim claim;
    claim.kinds = kinds();
    claim.max_rows = static_cast<int>(std::max<std::size_t>(most, taken + 1) - taken + extra_rows_);
    claim.reach = reach_.reach(now);
    claim.parked = lanes_.wanting_parked(now, endpoints_at_once);
    claims_.asked(now);
    want_claim_ = false;
    claiming_ = true;
    ask_due_ = false;
    outbox_.claim(
        claim, [this, claim, now](auto deliveries) { claimed(std::move(deliveries), claim, now); });
}

void Dispatcher::claimed(std::optional<std::vector<Outbox::Claimed>> deliveries,
                         const Outbox::Claim& asked, Clock::time_point asked_at) {
    claiming_ = false;
    const Clock::time_point now = Clock::now();
    claims_.answered(now);
    if (!deliveries) {
        for (const Lanes::Wish& wish : asked.parked)
            lanes_.set_parked(wish.endpoint, true);
        want_claim_ = true;
        orphans_possible_ = true;
        return;
    }
    give_up_timer_.cancel();
    drained_ = deliveries->empty();
    // Another listener took it all, and may have had to park most of it.
    want_list_ = want_list_ || (notified_ && drained_ && lanes_.in_flight() == 0);
    notified_ = false;
    // They come sorted by what they tell.
    std::ranges::sort(*deliveries, [](const Outbox::Claimed& a, const Outbox::Claimed& b) {
        return a.due_for != b.due_for ? a.due_for > b.due_for
                                      : a.delivery.delivery_id < b.delivery.delivery_id;
    });
    empty_claims_ = drained_ ? empty_claims_ + 1 : 0;

    std::size_t not_parked = 0;
    std::optional<Duration> oldest;
    std::vector<std::size_t> got(asked.parked.size());
    for (Outbox::Claimed& claimed : *deliveries) {
        leases_.took(claimed.lease);
        if (!claimed.parked) {
            ++not_parked;
            oldest = std::max(oldest.value_or(claimed.due_for), claimed.due_for);
            continue;
        }
        const auto wish = std::ranges::find_if(asked.parked, [&](const Lanes::Wish& w) {
            return w.endpoint.target == claimed.delivery.target &&
                   w.endpoint.kind == claimed.delivery.kind;
        });
        ++got[static_cast<std::size_t>(wish - asked.parked.begin())];
    }
    for (std::size_t i = 0; i < got.size(); ++i)
        lanes_.set_parked(asked.parked[i].endpoint, got[i] == asked.parked[i].deliveries);
    // An answer can lie in the socket for long while this process is stopped.
    const Clock::time_point claimed_at = now - asked_at < stale_answer ? now : asked_at;
    const std::size_t waited = lanes_.waiting();
    for (Outbox::Claimed& claimed : *deliveries)
        take(claimed, claimed_at);
    // Those behind them are looked for in larger steps.
    const bool mostly_parked = (lanes_.waiting() - waited) * 2 < deliveries->size();
    extra_rows_ = mostly_parked ? std::min<std::size_t>(extra_rows_ * 2 + 64, 1024) : 0;

    const bool full = not_parked >= static_cast<std::size_t>(asked.max_rows);
    reach_.claimed(asked_at, now, asked.reach, full ? oldest : std::nullopt);
    backlog_ = full;
    if (full || (settings_.once && !drained_))
        want_claim_ = true;
    else
        ask_due_ = !settings_.once;
    wake();
}

void Dispatcher::take(Outbox::Claimed& claimed, Clock::time_point claimed_at) {
    Channel* channel = channel_for(claimed.delivery.kind);
    Claimed ours{std::move(claimed.delivery), channel, claimed.lease, claimed.parked, claimed_at};
    // One whose lease ran out before its outcome was reported: the outcome stands.
    const bool known =
        !held_.insert({ours.delivery.dashboard_id, ours.delivery.delivery_id}).second;
    if (known || ours.channel == nullptr) {
        leases_.settled(ours.lease);
        return;
    }
    // The release gives back what comes after the end.
    if (stopping_ || !lanes_.admit(ours, Clock::now()))
        give_back(ours);
}

void Dispatcher::go_on_with_pending() {
    pending_.asked();
    slices_.asked(Clock::now());
    outbox_.dispatch_pending(dispatch_slice, [this, asked = Clock::now()](auto snapshots) {
        pending_.answered(snapshots);
        const bool worked = snapshots.value_or(0) > 0;
        slice_time_ = worked ? Clock::now() - asked : Duration::zero();
        if (!worked)
            slices_.answered(Clock::now());
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
    questions_.asked(Clock::now());
    outbox_.next_due(kinds(), reach_.reach(Clock::now()), [this](std::optional<milliseconds> due) {
        questions_.answered(Clock::now());
        if (due)
            arm_due_timer(*due);
    });
}

void Dispatcher::arm_due_timer(milliseconds due) {
    // Something that is due but not to be had: look again, at growing distance.
    const milliseconds soonest = recheck * (1U << std::min(empty_claims_, 10U));
    const milliseconds poll = settings_.poll;
    due_timer_.arm(std::min(std::max(due, empty_claims_ > 0 ? soonest : milliseconds(0)), poll));
}

void Dispatcher::end_if_done() {
    if (settings_.once && drained_ && !want_claim_ && !claiming_ && !listing_ &&
        !liveness_.asking() && nothing_held() && report_.empty() && reporting_.empty() &&
        !lanes_.has_parked_to_send() && pending_.done()) {
        stop(!pending_.failed()            ? End::done
             : outbox_.permission_denied() ? End::permission_denied
                                           : End::server_unavailable);
        return;
    }
    const bool server_missed = settings_.once && was_ready_ && !outbox_.ready();
    if ((!stopping_ && !server_missed) || lanes_.in_flight() > 0)
        return;
    if (stopping_ && nothing_held() && (released_ || !outbox_.ready())) {
        stop(End::done); // leases that could not be given back end by themselves
        return;
    }
    if (!give_up_timer_.armed())
        give_up_timer_.arm(last_wait);
    if (outbox_.ready() && nothing_held() && !claiming_ && !releasing_) {
        releasing_ = true;
        outbox_.release(outbox_.worker(), {}, [this](bool done) {
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
