#pragma once

#include "listener/database.h"
#include "listener/delivery.h"
#include "listener/lanes.h"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dashboard_diff::listener {

// A row of delivery_providers(), as it is.
struct ProviderRow {
    std::int64_t id = 0;
    std::string type;
    std::string settings;    // JSON
    std::string credentials; // sealed; empty: none
    bool operator==(const ProviderRow&) const = default;
};

// The extension's outbox: every statement the listener sends is here. A statement that fails
// ends the session, and with it whatever stale knowledge it had; a new one follows by itself.
class Outbox {
public:
    // Told from the event loop.
    class Observer {
    public:
        virtual ~Observer() = default;
        virtual void outbox_ready() = 0; // LISTEN is committed, statements may be sent
        virtual void outbox_unavailable() = 0;
        virtual void outbox_notified() = 0; // there may be something to do
    };

    struct Claim {
        std::vector<std::string> kinds;
        int max_rows = 0;
        std::optional<Duration> reach; // only what became due within this time
        std::vector<Lanes::Wish> parked;
    };

    struct Claimed {
        Delivery delivery;
        std::int64_t lease = 0;
        bool parked = false;
        Duration due_for{};
    };

    struct Mark {
        std::string dashboard_id;
        std::int64_t delivery_id = 0;
        int attempt = 0;
        Outcome outcome;
    };

    struct Parked {
        std::string dashboard_id;
        std::int64_t delivery_id = 0;
        Endpoint endpoint;
    };

    // What the server has to be told, as one: outcomes, what has to wait, and leases that end by
    // it.
    struct Report {
        std::vector<Mark> marks;
        std::vector<Parked> parked;
        std::vector<std::int64_t> ended_leases;
        bool empty() const noexcept {
            return marks.empty() && parked.empty() && ended_leases.empty();
        }
    };

    // `worker` names this process in its leases. With poll_only it does not LISTEN, which a
    // connection pooler may not allow.
    Outbox(Database& database, std::string worker, bool poll_only = false);
    Outbox(const Outbox&) = delete;
    Outbox& operator=(const Outbox&) = delete;

    void set_observer(Observer& observer) { observer_ = &observer; }
    bool ready() const noexcept { return ready_; }

    // The last session failed because the extension is not installed in the database.
    bool extension_missing() const noexcept { return extension_missing_; }

    // Something in the last session failed because the role lacks a right.
    bool permission_denied() const noexcept { return permission_denied_; }

    const std::string& schema() const noexcept { return schema_name_; }
    const std::string& worker() const noexcept { return worker_; }

    // Only while ready. Each callback is called exactly once; nullopt or false: it failed, which
    // is logged, and outbox_unavailable() follows.

    // Where a row makes the claim fail, it is set aside, and the others are claimed.
    void claim(const Claim& claim,
               std::function<void(std::optional<std::vector<Claimed>>)> callback);

    // May be repeated for the same report if it failed.
    void report(const Report& report, std::function<void(bool done)> callback);

    // A sign of life; the callback gets the other workers that hold leases.
    void seen(std::function<void(std::optional<std::vector<std::string>>)> callback);

    // Gives back every lease of this worker that is not kept, or of one that is known to be gone.
    void release(const std::string& worker, const std::vector<std::int64_t>& kept,
                 std::function<void(bool done)> callback);

    // Endpoints for which something is parked, in their order, after the given one.
    void parked_endpoints(const std::vector<std::string>& kinds, const Endpoint& after,
                          int max_rows,
                          std::function<void(std::optional<std::vector<Endpoint>>)> callback);

    // How long until a pending delivery is due, rounded up; zero or less: now; max(): none.
    void next_due(const std::vector<std::string>& kinds, std::optional<Duration> reach,
                  std::function<void(std::optional<std::chrono::milliseconds>)> callback);

    // Goes on with snapshots that inserts left pending, for about so long: how many it worked on, 0
    // where there were none that nobody else was at. What the server refuses does not end the
    // session: deliveries do not depend on it.
    void dispatch_pending(std::chrono::milliseconds time_limit,
                          std::function<void(std::optional<std::int64_t>)> callback);

    // -1: there is no such source.
    void secret_version(const Source& source, std::function<void(std::optional<int>)> callback);

    // The active notification configs. What the server refuses does not end the session: webhooks
    // need none.
    void providers(std::function<void(std::optional<std::vector<ProviderRow>>)> callback);

private:
    void begin_session();
    void find_schema();
    void listen();
    void set_aside_unreadable(const Claim& claim, const std::string& error,
                              std::function<void(std::optional<std::vector<Claimed>>)> callback);
    void fail(const char* what, const PgResult& result);
    void run(const char* what, Statement statement, std::function<void(PgResult)> then,
             std::function<void()> otherwise);
    void on_lost();

    Database& database_;
    std::string worker_;
    bool poll_only_;
    Observer* observer_ = nullptr;
    std::string schema_name_;
    std::string schema_; // quoted
    bool ready_ = false;
    bool extension_missing_ = false;
    bool providers_unreadable_ = false; // as was logged
    bool permission_denied_ = false;
};

} // namespace dashboard_diff::listener
