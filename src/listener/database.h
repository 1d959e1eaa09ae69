#pragma once

#include "listener/event_loop.h"
#include "listener/pg_result.h"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <libpq-fe.h>

namespace dashboard_diff::listener {

// A statement with its bound parameters, in text form; nullopt is null.
struct Statement {
    std::string sql;
    std::vector<std::optional<std::string>> parameters;
};

// One asynchronous connection that comes back by itself: at once when one that was of use is
// lost, else after pauses that grow from 0.1 s to 10 s. A connection that is silent is asked
// whether it lives. Only the look-up of the server's host name can hold up the loop (libpq does it
// in PQconnectStart).
class Database {
public:
    using Callback = std::function<void(PgResult)>;

    struct Events {
        std::function<void()> connected;                            // statements may be sent
        std::function<void(const std::string& reason)> lost;        // or could not be made
        std::function<void(std::string_view channel)> notification; // may come at any time
    };

    // `conninfo`: anything libpq takes as dbname; empty leaves all to its environment.
    Database(EventLoop& loop, std::string conninfo);
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database();

    void set_events(Events events) { events_ = std::move(events); }

    // Gets one line for people whenever there is something else to say of the connection.
    void set_status_handler(std::function<void(const std::string& status)> handler) {
        tell_status_ = std::move(handler);
    }

    // Starts to connect. Call once.
    void start() { connect(); }

    // Statements run one after the other. The callback is called exactly once, from the event
    // loop; if the connection breaks, with the reason. Only between `connected` and `lost`.
    void execute(Statement statement, Callback callback);

    // Drops the connection and makes a new one: for a session that cannot go on. If that
    // happens again and again, the pauses grow.
    void give_up_session(const std::string& reason);

    // Tells that the session is of use: if it is lost, a new one is made at once.
    void confirm_session();

    // Throws std::runtime_error.
    std::string quote_identifier(const std::string& name) const;

private:
    enum class State { disconnected, connecting, open };

    struct Pending {
        Statement statement;
        Callback callback;
    };

    struct Finish {
        void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
    };

    void connect();
    void advance_connect();
    void wait_for(std::uint32_t events);
    void on_io();
    void read_results();
    void read_notifications();
    void send_next();
    void flush();
    void fail_soon() noexcept;
    void on_silence();
    void lose(const std::string& reason);
    void report_failure(const std::string& reason);
    void schedule_reconnect();

    EventLoop& loop_;
    std::string conninfo_;
    Events events_;
    std::function<void(const std::string&)> tell_status_ = [](const std::string&) {};
    std::unique_ptr<PGconn, Finish> connection_;
    State state_ = State::disconnected;
    int fd_ = -1;                   // as watched
    std::uint32_t waiting_for_ = 0; // events as watched
    std::deque<Pending> pending_;   // the first is with the server if sent_
    bool sent_ = false;
    std::optional<PgResult> result_; // of the statement that is with the server
    unsigned failures_ = 0;          // in a row, of a connection or its session
    bool confirmed_ = false;
    std::string last_reason_;   // of a failure
    std::string failing_since_; // empty: the last session was of use
    Clock::time_point connected_at_{};
    Timer silence_; // connect timeout, answer overdue, or time for a heartbeat
    Timer reconnect_;
};

} // namespace dashboard_diff::listener
