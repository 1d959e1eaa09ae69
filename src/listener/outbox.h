#pragma once

#include "listener/database.h"
#include "listener/delivery.h"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dashboard_diff::listener {

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

    struct Mark {
        std::string dashboard_id;
        std::int64_t delivery_id = 0;
        Outcome outcome;
    };

    // `worker` names this process in its leases.
    Outbox(Database& database, std::string worker);
    Outbox(const Outbox&) = delete;
    Outbox& operator=(const Outbox&) = delete;

    void set_observer(Observer& observer) { observer_ = &observer; }
    bool ready() const noexcept { return ready_; }

    // The last session failed because the extension is not installed in the database.
    bool extension_missing() const noexcept { return extension_missing_; }

    const std::string& schema() const noexcept { return schema_name_; }
    const std::string& worker() const noexcept { return worker_; }

    // Only while ready. Each callback is called exactly once; nullopt or false: it failed, which
    // is logged, and outbox_unavailable() follows.

    void claim(const std::vector<std::string>& kinds, int max_rows, std::chrono::seconds lease,
               std::function<void(std::optional<std::vector<Delivery>>)> callback);

    // May be repeated for the same marks if it failed.
    void finish(const std::vector<Mark>& marks, std::function<void(bool done)> callback);

    // Gives back every lease of this worker: only when it has no delivery in its hands.
    void release(std::function<void(bool done)> callback);

    // How long until a pending delivery is due, rounded up; zero or less: now; max(): none.
    void next_due(const std::vector<std::string>& kinds,
                  std::function<void(std::optional<std::chrono::milliseconds>)> callback);

    // Goes on with snapshots that inserts left pending, for about so long: how many it worked on, 0
    // where there were none that nobody else was at. What the server refuses does not end the
    // session: deliveries do not depend on it.
    void dispatch_pending(std::chrono::milliseconds time_limit,
                          std::function<void(std::optional<std::int64_t>)> callback);

    // -1: no such subscription.
    void secret_version(std::int64_t subscription_id,
                        std::function<void(std::optional<int>)> callback);

private:
    void begin_session();
    void find_schema();
    void listen();
    void run(const char* what, Statement statement, std::function<void(PgResult)> then,
             std::function<void()> otherwise);
    void on_lost(const std::string& reason);

    Database& database_;
    std::string worker_;
    Observer* observer_ = nullptr;
    std::string schema_name_;
    std::string schema_; // quoted
    bool ready_ = false;
    bool extension_missing_ = false;
};

} // namespace dashboard_diff::listener
