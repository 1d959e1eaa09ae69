#include "listener/outbox.h"

#include "listener/log.h"
#include "listener/outbox_statements.h"
#include "listener/sql_array.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace dashboard_diff::listener {
namespace {

constexpr std::string_view alert_channel = "dashboard_alert";
constexpr std::string_view delivery_channel = "dashboard_delivery"; // redeliveries and tests

// statement_timeout bounds what a lock held by others can cost; the rest makes the session
// independent of the role's and the database's settings.
constexpr const char* prepare_session_sql = R"(
SELECT pg_catalog.set_config('search_path', 'pg_catalog', false),
       pg_catalog.set_config('statement_timeout', '15s', false),
       pg_catalog.set_config('default_transaction_isolation', 'read committed', false)
)";

constexpr const char* find_schema_sql = R"(
SELECT n.nspname
FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
WHERE e.extname OPERATOR(pg_catalog.=) 'dashboard_diff'
)";

constexpr const char* seen_sql = "SELECT * FROM @.listener_seen($1::pg_catalog.text)";

constexpr const char* release_sql =
    "SELECT @.release_deliveries($1::pg_catalog.text, $2::pg_catalog.int8[])";

// A dashboard whose rows somebody holds is left for later: deliveries wait behind this.
constexpr const char* dispatch_sql = R"(
SELECT @.dispatch_pending($1::pg_catalog.interval)
WHERE pg_catalog.set_config('lock_timeout', '50ms', true) IS NOT NULL
)";

constexpr const char* subscription_secret_sql =
    "SELECT @.webhook_secret_version($1::pg_catalog.int8)";
constexpr const char* policy_secret_sql = "SELECT @.policy_secret_version($1::pg_catalog.int8)";

constexpr const char* providers_sql = R"(
SELECT id, type, settings, credentials FROM @.delivery_providers()
)";

// Puts the extension's schema in place of every @.
std::string in_schema(std::string_view sql, const std::string& schema) {
    std::string text;
    for (const char c : sql)
        if (c == '@')
            text += schema;
        else
            text += c;
    return text;
}

} // namespace

Outbox::Outbox(Database& database, std::string worker, bool poll_only)
    : database_(database), worker_(std::move(worker)), poll_only_(poll_only) {
    database_.set_events({
        .connected = [this] { begin_session(); },
        .lost = [this](const std::string&) { on_lost(); },
        .notification =
            [this](std::string_view channel) {
                if (ready_ && (channel == alert_channel || channel == delivery_channel))
                    observer_->outbox_notified();
            },
    });
}

void Outbox::run(const char* what, Statement statement, std::function<void(PgResult)> then,
                 std::function<void()> otherwise) {
    statement.sql = in_schema(statement.sql, schema_);
    database_.execute(std::move(statement), [this, what, then = std::move(then),
                                             otherwise = std::move(otherwise)](PgResult result) {
        if (result.ok()) {
            then(std::move(result));
            return;
        }
        permission_denied_ = permission_denied_ || result.is_permission_denied();
        otherwise();
        fail(what, result);
    });
}

void Outbox::fail(const char* what, const PgResult& result) {
    if (!result.is_lost())
        database_.give_up_session(std::string(what) + ": " + result.error());
}

void Outbox::begin_session() {
    extension_missing_ = false;
    permission_denied_ = false;
    // What a pooler lends is another's session next time: its settings are left alone.
    run(
        "set up session", {poll_only_ ? "SELECT 1" : prepare_session_sql, {}},
        [this](const PgResult&) { find_schema(); }, [] {});
}

void Outbox::find_schema() {
    run(
        "find extension", {find_schema_sql, {}},
        [this](const PgResult& result) {
            if (result.rows() == 0) {
                extension_missing_ = true;
                database_.give_up_session("the extension dashboard_diff is not installed in the "
                                          "database: run CREATE EXTENSION dashboard_diff");
                return;
            }
            schema_name_ = result.text(0, 0);
            schema_ = database_.quote_identifier(schema_name_);
            listen();
        },
        [] {});
}

void Outbox::listen() {
    const auto begin = [this] {
        ready_ = true;
        observer_->outbox_ready();
    };
    if (poll_only_) {
        begin();
        return;
    }
    // Each alone in its statement, so that they are committed before the first claim: what is
    // inserted later is notified, what was inserted before is claimed.
    run(
        "listen", {"LISTEN " + std::string(delivery_channel), {}}, [](const PgResult&) {}, [] {});
    run(
        "listen", {"LISTEN " + std::string(alert_channel), {}},
        [begin](const PgResult&) { begin(); }, [] {});
}

void Outbox::on_lost() {
    ready_ = false;
    observer_->outbox_unavailable();
}

void Outbox::claim(const Claim& claim,
                   std::function<void(std::optional<std::vector<Claimed>>)> callback) {
    Statement statement = claim_statement(worker_, claim);
    statement.sql = in_schema(statement.sql, schema_);
    database_.execute(std::move(statement), [this, claim, callback](const PgResult& result) {
        if (result.ok()) {
            database_.confirm_session();
            callback(read_claimed(result));
        } else if (result.is_about_data()) {
            set_aside_unreadable(claim, result.error(), callback);
        } else {
            permission_denied_ = permission_denied_ || result.is_permission_denied();
            callback(std::nullopt);
            fail("claim deliveries", result);
        }
    });
}

void Outbox::set_aside_unreadable(
    const Claim& claim, const std::string& error,
    std::function<void(std::optional<std::vector<Claimed>>)> callback) {
    run(
        "set aside unreadable deliveries", set_aside_statement(worker_, claim),
        [this, claim, error, callback](const PgResult& result) {
            const std::int64_t deliveries = result.integer(0, 0);
            log(Level::error, "claim_failed", {{"reason", error}, {"set_aside", deliveries}});
            if (deliveries > 0) {
                this->claim(claim, callback);
                return;
            }
            callback(std::nullopt);
            database_.give_up_session("claim deliveries: " + error);
        },
        [callback] { callback(std::nullopt); });
}

void Outbox::report(const Report& report, std::function<void(bool)> callback) {
    // The leases end with the last of the two.
    const bool only_park = report.marks.empty();
    if (!report.parked.empty()) {
        run(
            "park deliveries", park_statement(worker_, report, only_park),
            [only_park, callback](const PgResult&) {
                if (only_park)
                    callback(true);
            },
            [only_park, callback] {
                if (only_park)
                    callback(false);
            });
        if (only_park)
            return;
    }
    run(
        "finish deliveries", finish_statement(worker_, report),
        [this, callback](const PgResult&) {
            database_.confirm_session();
            callback(true);
        },
        [callback] { callback(false); });
}

void Outbox::seen(std::function<void(std::optional<std::vector<std::string>>)> callback) {
    run(
        "show a sign of life", {seen_sql, {worker_}},
        [callback](const PgResult& result) {
            std::vector<std::string> others;
            for (int row = 0; row < result.rows(); ++row)
                others.emplace_back(result.text(row, 0));
            callback(std::move(others));
        },
        [callback] { callback(std::nullopt); });
}

void Outbox::release(const std::string& worker, const std::vector<std::int64_t>& kept,
                     std::function<void(bool)> callback) {
    SqlArray leases;
    for (const std::int64_t lease : kept)
        leases.add(lease);
    run(
        "release deliveries", {release_sql, {worker, leases.text()}},
        [callback](const PgResult&) { callback(true); }, [callback] { callback(false); });
}

void Outbox::parked_endpoints(const std::vector<std::string>& kinds, const Endpoint& after,
                              int max_rows,
                              std::function<void(std::optional<std::vector<Endpoint>>)> callback) {
    run(
        "find parked deliveries", parked_endpoints_statement(kinds, after, max_rows),
        [callback](const PgResult& result) { callback(read_endpoints(result)); },
        [callback] { callback(std::nullopt); });
}

void Outbox::next_due(const std::vector<std::string>& kinds, std::optional<Duration> reach,
                      std::function<void(std::optional<std::chrono::milliseconds>)> callback) {
    using std::chrono::milliseconds;
    run(
        "next delivery due", next_due_statement(kinds, reach),
        [callback](const PgResult& result) {
            if (result.is_null(0, 0)) {
                callback(milliseconds::max());
                return;
            }
            const double seconds = std::min(std::max(result.number(0, 0), 0.0), 1e6);
            callback(milliseconds(static_cast<milliseconds::rep>(std::ceil(seconds * 1000))));
        },
        [callback] { callback(std::nullopt); });
}

void Outbox::dispatch_pending(std::chrono::milliseconds time_limit,
                              std::function<void(std::optional<std::int64_t>)> callback) {
    Statement statement{in_schema(dispatch_sql, schema_),
                        {std::to_string(time_limit.count()) + " milliseconds"}};
    database_.execute(std::move(statement), [this, callback](const PgResult& result) {
        if (!result.ok()) {
            permission_denied_ = permission_denied_ || result.is_permission_denied();
            log(Level::warning, "dispatch_failed", {{"reason", result.error()}});
            callback(std::nullopt);
            return;
        }
        database_.confirm_session();
        callback(result.integer(0, 0));
    });
}

void Outbox::secret_version(const Source& source,
                            std::function<void(std::optional<int>)> callback) {
    run(
        "read secret version",
        {source.kind == Source::Kind::policy ? policy_secret_sql : subscription_secret_sql,
         {std::to_string(source.id)}},
        [callback](const PgResult& result) {
            callback(result.is_null(0, 0) ? -1 : static_cast<int>(result.integer(0, 0)));
        },
        [callback] { callback(std::nullopt); });
}

void Outbox::providers(std::function<void(std::optional<std::vector<ProviderRow>>)> callback) {
    Statement statement{in_schema(providers_sql, schema_), {}};
    database_.execute(std::move(statement), [this, callback](const PgResult& result) {
        if (!result.ok()) {
            if (!result.is_lost() && !std::exchange(providers_unreadable_, true))
                log(Level::warning, "providers_unreadable", {{"reason", result.error()}});
            callback(std::nullopt);
            return;
        }
        providers_unreadable_ = false;
        std::vector<ProviderRow> rows;
        for (int row = 0; row < result.rows(); ++row)
            rows.push_back({result.integer(row, 0), std::string(result.text(row, 1)),
                            std::string(result.text(row, 2)), std::string(result.text(row, 3))});
        callback(std::move(rows));
    });
}

} // namespace dashboard_diff::listener
