#pragma once

#include "listener/attempt.h"
#include "listener/channel.h"
#include "listener/claim_reach.h"
#include "listener/event_loop.h"
#include "listener/lanes.h"
#include "listener/lease_book.h"
#include "listener/liveness.h"
#include "listener/outbox.h"
#include "listener/pending_work.h"
#include "listener/read_ahead.h"
#include "listener/throttle.h"

#include <functional>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace dashboard_diff::listener {

// Decides what to claim and when, hands deliveries to their channels, and reports what came of
// them. In between, it has the server finish what inserts left pending: their deliveries come of
// it.
//
// A delivery is in one of three places, and its key in held_ for as long: the lanes (claimed, not
// started), in flight, or the report (attempted or to be parked, not yet known to the server).
// Whatever happens sets a flag or a timer and calls for one pump(), which does all that can be
// done; so the order of events does not matter.
class Dispatcher final : private Outbox::Observer {
public:
    struct Settings {
        unsigned concurrency = 32;
        std::chrono::seconds poll{10};
        bool once = false;
    };

    // Why the dispatcher stopped the event loop.
    enum class End {
        done,
        outcomes_lost,      // the server was not there to take them
        server_unavailable, // or refused a statement; with `once` only
        extension_missing,  // with `once` only
        permission_denied,  // with `once` only
    };

    // Reads what the channels need to know of, then calls `done`.
    using Refresh = std::function<void(std::function<void()> done)>;

    // `channels` must outlive it. `refresh` is called at the start of a session and at each poll,
    // and nothing is claimed meanwhile.
    Dispatcher(EventLoop& loop, Outbox& outbox, std::vector<Channel*> channels, Settings settings,
               Refresh refresh);

    // Stops to claim; ends once what is in flight is finished and marked.
    void shut_down();

    End end() const noexcept { return end_; }

private:
    struct HashKey {
        std::size_t operator()(const DeliveryKey& key) const noexcept {
            return std::hash<std::int64_t>()(key.delivery_id);
        }
    };

    void outbox_ready() override;
    void outbox_unavailable() override;
    void outbox_notified() override;

    void pump();
    void start_deliveries();
    void start(const Claimed& claimed);
    void finished(const Attempt& attempt, Outcome outcome);
    void hand_back(bool all);
    void give_back(const Claimed& claimed);
    void flush_report();
    void reported(bool done);
    bool may_claim() const noexcept;
    bool is_time(const Throttle& throttle);
    void claim();
    void claimed(std::optional<std::vector<Outbox::Claimed>> deliveries, const Outbox::Claim& asked,
                 Clock::time_point asked_at);
    void take(Outbox::Claimed& claimed, Clock::time_point claimed_at);
    void go_on_with_pending();
    void ask_next_due();
    void arm_due_timer(std::chrono::milliseconds due);
    void poll();
    void list_parked();
    void look_again();
    void end_if_done();
    void give_up();
    void stop(End end);

    Channel* channel_for(const std::string& kind) const noexcept;
    std::vector<std::string> kinds() const;
    std::vector<std::int64_t> known_leases() const;
    bool nothing_held() const noexcept { return held_.empty(); }
    void wake() noexcept { pump_timer_.arm(Duration::zero()); }

    EventLoop& loop_;
    Outbox& outbox_;
    std::vector<Channel*> channels_;
    Settings settings_;
    Refresh refresh_;

    Lanes lanes_;
    Outbox::Report report_;    // to be sent
    Outbox::Report reporting_; // with the server
    LeaseBook leases_;
    std::unordered_set<DeliveryKey, HashKey> held_;
    ReadAhead read_ahead_;
    ClaimReach reach_;
    PendingWork pending_;
    Liveness liveness_;
    Throttle claims_{5};
    Throttle slices_{10};    // of pending work, when there was none
    Throttle lists_{20};     // of what is parked
    Throttle questions_{10}; // when something will be due
    Duration slice_time_{0}; // that pending work takes each time, if there is any
    Endpoint listed_up_to_;  // of the endpoints that have something parked

    bool want_claim_ = false;       // something may be due
    bool claiming_ = false;         // a claim is with the server
    bool notified_ = false;         // and something was heard of before it
    bool ask_due_ = false;          // nothing is due now: find out when something will be
    bool reports_failed_ = false;   // no claims until the server takes reports again
    bool orphans_possible_ = false; // a lost claim may have leased what we do not know of
    bool drained_ = false;          // the last claim came back empty
    bool backlog_ = false;          // it left something that was due
    std::size_t extra_rows_ = 0;    // to claim, since most of the last ones had to be parked
    bool want_list_ = false;        // of the endpoints that have something parked
    bool listing_ = false;
    bool refreshing_ = false;
    bool was_ready_ = false;
    bool stopping_ = false;
    bool releasing_ = false; // at the end
    bool released_ = false;
    unsigned empty_claims_ = 0; // in a row, though something was said to be due
    End end_ = End::done;

    Timer pump_timer_;
    Timer throttle_timer_;
    Timer report_timer_;
    Timer due_timer_;
    Timer look_timer_;
    Timer poll_timer_;
    Timer give_up_timer_;
};

} // namespace dashboard_diff::listener
