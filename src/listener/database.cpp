#include "listener/database.h"

#include "listener/log.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <ctime>
#include <random>
#include <stdexcept>

#include <sys/epoll.h>

namespace dashboard_diff::listener {
namespace {

using namespace std::chrono_literals;

constexpr Duration connect_timeout = 10s;
constexpr Duration heartbeat_after = 10s;
constexpr Duration answer_overdue = 20s; // past the session's statement_timeout
constexpr Duration heartbeat_overdue = 5s;
constexpr auto first_pause = 100ms;
constexpr auto longest_pause = 10'000ms;
constexpr const char* heartbeat_sql = "SELECT 1";
constexpr unsigned log_every = 256; // failures in a row; half an hour at the longest pause

void log_notice(void*, const char* message) {
    log(Level::warning, "server_notice", {{"message", one_line(message)}});
}

std::string utc_time() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text.data();
}

} // namespace

Database::Database(EventLoop& loop, std::string conninfo)
    : loop_(loop),
      conninfo_(std::move(conninfo)),
      silence_(loop, [this] { on_silence(); }),
      reconnect_(loop, [this] { connect(); }) {}

Database::~Database() {
    loop_.forget(fd_);
}

void Database::connect() {
    // Settings before dbname are defaults the connection string may overrule; later ones are not.
    // The environment would not overrule, so a default it has a name for is left out if it is set.
    std::vector<const char*> names = {"fallback_application_name", "keepalives_idle",
                                      "keepalives_interval", "keepalives_count",
                                      "tcp_user_timeout"};
    std::vector<const char*> values = {"dashboard_diff_listener", "10", "5", "2", "15000"};
    if (std::getenv("PGTARGETSESSIONATTRS") == nullptr) {
        // After a fail-over the old primary may answer as a standby, where no claim can be made.
        names.push_back("target_session_attrs");
        values.push_back("read-write");
    }
    names.insert(names.end(), {"dbname", "client_encoding", nullptr});
    values.insert(values.end(), {conninfo_.c_str(), "UTF8", nullptr});

    connection_.reset(PQconnectStartParams(names.data(), values.data(), 1));
    if (!connection_)
        throw std::bad_alloc();
    state_ = State::connecting;
    PQsetNoticeProcessor(connection_.get(), log_notice, nullptr);
    if (PQstatus(connection_.get()) == CONNECTION_BAD) {
        lose(one_line(PQerrorMessage(connection_.get())));
        return;
    }
    silence_.arm(connect_timeout);
    wait_for(EPOLLOUT);
}

void Database::advance_connect() {
    // libpq may go on with another socket, even one of the same number.
    loop_.forget(std::exchange(fd_, -1));
    switch (PQconnectPoll(connection_.get())) {
    case PGRES_POLLING_READING:
        wait_for(EPOLLIN);
        break;
    case PGRES_POLLING_WRITING:
        wait_for(EPOLLOUT);
        break;
    case PGRES_POLLING_OK:
        if (PQsetnonblocking(connection_.get(), 1) != 0) {
            lose(one_line(PQerrorMessage(connection_.get())));
            break;
        }
        state_ = State::open;
        confirmed_ = false;
        connected_at_ = Clock::now();
        silence_.arm(heartbeat_after);
        wait_for(EPOLLIN);
        events_.connected();
        break;
    default:
        lose(one_line(PQerrorMessage(connection_.get())));
    }
}

void Database::wait_for(std::uint32_t events) {
    if (fd_ == -1) {
        fd_ = PQsocket(connection_.get());
        loop_.watch(fd_, events, [this](std::uint32_t) {
            state_ == State::connecting ? advance_connect() : on_io();
        });
    } else if (events != waiting_for_) {
        loop_.change(fd_, events);
    }
    waiting_for_ = events;
}

void Database::execute(Statement statement, Callback callback) {
    if (state_ != State::open)
        throw std::logic_error("statement without a connection");
    pending_.push_back({std::move(statement), std::move(callback)});
    if (!sent_)
        send_next();
}

void Database::send_next() {
    const Statement& statement = pending_.front().statement;
    std::vector<const char*> values;
    values.reserve(statement.parameters.size());
    for (const auto& parameter : statement.parameters)
        values.push_back(parameter ? parameter->c_str() : nullptr);
    sent_ = true;
    const int sent =
        PQsendQueryParams(connection_.get(), statement.sql.c_str(), static_cast<int>(values.size()),
                          nullptr, values.data(), nullptr, nullptr, 0);
    silence_.arm(statement.sql == heartbeat_sql ? heartbeat_overdue : answer_overdue);
    sent == 1 ? flush() : fail_soon();
}

void Database::flush() {
    const int left = PQflush(connection_.get());
    left < 0 ? fail_soon() : wait_for(left == 1 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void Database::fail_soon() noexcept {
    // Not here: callbacks must not be called from within execute(). The socket may be closed
    // already, so that only a timer can come back to it.
    silence_.arm(Duration::zero());
}

void Database::on_io() {
    if (PQconsumeInput(connection_.get()) == 0) {
        lose(one_line(PQerrorMessage(connection_.get())));
        return;
    }
    if (waiting_for_ != EPOLLIN)
        flush();
    read_results();
    if (state_ == State::open)
        read_notifications();
}

void Database::read_results() {
    // A callback may give the session up: look at the state in every round.
    while (state_ == State::open && sent_ && PQisBusy(connection_.get()) == 0) {
        if (PGresult* raw = PQgetResult(connection_.get()); raw != nullptr) {
            result_.emplace(raw);
            continue;
        }
        if (!result_ || result_->is_fatal() || PQstatus(connection_.get()) == CONNECTION_BAD) {
            lose(result_ ? result_->error() : one_line(PQerrorMessage(connection_.get())));
            return;
        }
        PgResult result = std::move(*result_);
        result_.reset();
        Pending done = std::move(pending_.front());
        pending_.pop_front();
        sent_ = false;
        silence_.arm(heartbeat_after);
        if (!pending_.empty())
            send_next();
        done.callback(std::move(result));
    }
}

void Database::read_notifications() {
    struct Free {
        void operator()(PGnotify* notification) const noexcept { PQfreemem(notification); }
    };
    while (state_ == State::open) {
        const std::unique_ptr<PGnotify, Free> notification(PQnotifies(connection_.get()));
        if (!notification)
            break;
        events_.notification(notification->relname);
    }
}

void Database::on_silence() {
    if (state_ == State::connecting) {
        lose("no connection within 10 s");
    } else if (sent_) {
        const bool broken = PQstatus(connection_.get()) == CONNECTION_BAD;
        lose(broken ? one_line(PQerrorMessage(connection_.get())) : "no answer from the server");
    } else {
        execute({heartbeat_sql, {}}, [](const PgResult&) {});
    }
}

void Database::give_up_session(const std::string& reason) {
    // What works for a while and then fails is worth a new try at once; what fails again soon is
    // not, however much worked in between.
    confirmed_ = Clock::now() - connected_at_ > longest_pause;
    lose(reason);
}

void Database::lose(const std::string& reason) {
    if (state_ == State::open && confirmed_)
        failures_ = 0;
    loop_.forget(std::exchange(fd_, -1));
    silence_.cancel();
    connection_.reset();
    state_ = State::disconnected;
    sent_ = false;
    result_.reset();
    schedule_reconnect();
    report_failure(reason);
    for (const Pending& pending : std::exchange(pending_, {}))
        pending.callback(PgResult::lost(reason));
    events_.lost(reason);
}

void Database::confirm_session() {
    confirmed_ = true;
    failing_since_.clear();
    tell_status_("connected");
}

void Database::report_failure(const std::string& reason) {
    if (failing_since_.empty())
        failing_since_ = utc_time();
    // Each reason once, then at growing distance: a server can be away for days.
    if (reason != last_reason_ || failures_ % log_every == 0 || std::has_single_bit(failures_)) {
        log(Level::error, "database_unavailable",
            {{"reason", reason}, {"failures", failures_}, {"since", failing_since_}});
    }
    last_reason_ = reason;
    tell_status_("database unavailable since " + failing_since_ + ": " + reason);
}

void Database::schedule_reconnect() {
    using std::chrono::milliseconds;
    milliseconds pause{0};
    if (failures_ > 0) {
        // Between half and all of the pause, so that many listeners do not come back together.
        static std::minstd_rand random{std::random_device{}()};
        const auto full = std::min<milliseconds>(first_pause * (1U << std::min(failures_ - 1, 7U)),
                                                 longest_pause);
        pause = milliseconds(std::uniform_int_distribution<milliseconds::rep>(
            full.count() / 2, full.count())(random));
    }
    ++failures_;
    reconnect_.arm(pause);
}

std::string Database::quote_identifier(const std::string& name) const {
    const std::unique_ptr<char, decltype(&PQfreemem)> quoted(
        PQescapeIdentifier(connection_.get(), name.data(), name.size()), PQfreemem);
    if (!quoted)
        throw std::runtime_error(one_line(PQerrorMessage(connection_.get())));
    return quoted.get();
}

} // namespace dashboard_diff::listener
