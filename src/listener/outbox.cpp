#include "listener/outbox.h"

#include "listener/log.h"
#include "listener/sql_array.h"

#include <algorithm>
#include <cmath>

namespace dashboard_diff::listener {
namespace {

constexpr std::string_view notify_channel = "dashboard_alert";

// statement_timeout bounds what a lock held by others can cost; the rest makes the session
// independent of the role's and the database's settings.
constexpr const char* prepare_session_sql = R"(
SELECT pg_catalog.set_config('search_path', 'pg_catalog', false),
       pg_catalog.set_config('statement_timeout', '30s', false),
       pg_catalog.set_config('default_transaction_isolation', 'read committed', false)
)";

constexpr const char* find_schema_sql = R"(
SELECT n.nspname
FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
WHERE e.extname OPERATOR(pg_catalog.=) 'dashboard_diff'
)";

constexpr const char* claim_sql = R"(
SELECT dashboard_id, delivery_id, alert_id, subscription_id, subscriber_kind, target, attempt,
       secret_version, previous_secret_version,
       pg_catalog.to_char(pg_catalog.timezone('UTC', created_at),
                          'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       snapshot_a, snapshot_b, diff, explanation, summary
FROM @.claim_deliveries($1::pg_catalog.text, $2::pg_catalog.text[], $3::pg_catalog.int4,
                        $4::pg_catalog.interval)
)";

constexpr const char* finish_sql = R"(
SELECT @.finish_deliveries($1::pg_catalog.text, $2::pg_catalog.text[], $3::pg_catalog.int8[],
                           $4::pg_catalog.text[], $5::pg_catalog.text[],
                           $6::pg_catalog.interval[], $7::pg_catalog.int4[])
)";

constexpr const char* release_sql = "SELECT @.release_deliveries($1::pg_catalog.text)";

constexpr const char* next_due_sql = R"(
SELECT pg_catalog.date_part('epoch', @.next_delivery_due($1::pg_catalog.text[]))
)";

// A dashboard whose rows somebody holds is left for later: deliveries wait behind this.
constexpr const char* dispatch_sql = R"(
SELECT @.dispatch_pending($1::pg_catalog.interval)
WHERE pg_catalog.set_config('lock_timeout', '50ms', true) IS NOT NULL
)";

constexpr const char* secret_version_sql = "SELECT @.webhook_secret_version($1::pg_catalog.int8)";

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

std::string kinds_array(const std::vector<std::string>& kinds) {
    SqlArray array;
    for (const std::string& kind : kinds)
        array.add(kind);
    return array.text();
}

const char* verdict_name(Outcome::Verdict verdict) noexcept {
    switch (verdict) {
    case Outcome::Verdict::delivered:
        return "delivered";
    case Outcome::Verdict::refused:
        return "refused";
    case Outcome::Verdict::gone:
        return "gone";
    case Outcome::Verdict::retry:
        break;
    }
    return "retry";
}

template <typename Number>
std::optional<Number> optional_integer(const PgResult& result, int row, int column) {
    if (result.is_null(row, column))
        return std::nullopt;
    return static_cast<Number>(result.integer(row, column));
}

Delivery read_delivery(const PgResult& result, int row) {
    int column = 0;
    const auto text = [&] { return std::string(result.text(row, column++)); };
    const auto integer = [&] { return result.integer(row, column++); };
    Delivery delivery;
    delivery.dashboard_id = text();
    delivery.delivery_id = integer();
    delivery.alert_id = integer();
    delivery.subscription_id = integer();
    delivery.kind = text();
    delivery.target = text();
    delivery.attempt = static_cast<int>(integer());
    delivery.secret_version = static_cast<int>(integer());
    delivery.previous_secret_version = optional_integer<int>(result, row, column++);
    delivery.created_at = text();
    delivery.snapshot_a = optional_integer<std::int64_t>(result, row, column++);
    delivery.snapshot_b = optional_integer<std::int64_t>(result, row, column++);
    Finding finding;
    finding.diff = text();
    finding.explanation = text();
    finding.summary = text();
    delivery.finding = std::make_shared<const Finding>(std::move(finding));
    return delivery;
}

} // namespace

Outbox::Outbox(Database& database, std::string worker)
    : database_(database), worker_(std::move(worker)) {
    database_.set_events({
        .connected = [this] { begin_session(); },
        .lost = [this](const std::string& reason) { on_lost(reason); },
        .notification =
            [this](std::string_view channel) {
                if (ready_ && channel == notify_channel)
                    observer_->outbox_notified();
            },
    });
}

void Outbox::run(const char* what, Statement statement, std::function<void(PgResult)> then,
                 std::function<void()> otherwise) {
    database_.execute(std::move(statement), [this, what, then = std::move(then),
                                             otherwise = std::move(otherwise)](PgResult result) {
        if (result.ok()) {
            then(std::move(result));
            return;
        }
        const std::string error = result.error();
        otherwise();
        if (!result.is_lost())
            database_.give_up_session(std::string(what) + ": " + error);
    });
}

void Outbox::begin_session() {
    extension_missing_ = false;
    run(
        "set up session", {prepare_session_sql, {}}, [this](const PgResult&) { find_schema(); },
        [] {});
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
    // Alone in its statement, so that it is committed before the first claim: what is inserted
    // later is notified, what was inserted before is claimed.
    run(
        "listen", {"LISTEN " + std::string(notify_channel), {}},
        [this](const PgResult&) {
            ready_ = true;
            observer_->outbox_ready();
        },
        [] {});
}

void Outbox::on_lost(const std::string& reason) {
    ready_ = false;
    log(Level::error, "database_unavailable", {{"reason", reason}});
    observer_->outbox_unavailable();
}

void Outbox::claim(const std::vector<std::string>& kinds, int max_rows, std::chrono::seconds lease,
                   std::function<void(std::optional<std::vector<Delivery>>)> callback) {
    Statement statement{in_schema(claim_sql, schema_),
                        {worker_, kinds_array(kinds), std::to_string(max_rows),
                         std::to_string(lease.count()) + " seconds"}};
    run(
        "claim deliveries", std::move(statement),
        [this, callback](const PgResult& result) {
            database_.confirm_session();
            std::vector<Delivery> deliveries;
            deliveries.reserve(static_cast<std::size_t>(result.rows()));
            for (int row = 0; row < result.rows(); ++row) {
                deliveries.push_back(read_delivery(result, row));
            }
            callback(std::move(deliveries));
        },
        [callback] { callback(std::nullopt); });
}

void Outbox::finish(const std::vector<Mark>& marks, std::function<void(bool)> callback) {
    SqlArray dashboards;
    SqlArray deliveries;
    SqlArray outcomes;
    SqlArray errors;
    SqlArray retry_after;
    SqlArray statuses;
    for (const Mark& mark : marks) {
        const Outcome& outcome = mark.outcome;
        dashboards.add(mark.dashboard_id);
        deliveries.add(mark.delivery_id);
        outcomes.add(verdict_name(outcome.verdict));
        outcome.reason.empty() ? errors.add_null() : errors.add(outcome.reason);
        outcome.retry_after
            ? retry_after.add(std::to_string(outcome.retry_after->count()) + " seconds")
            : retry_after.add_null();
        outcome.http_status == 0 ? statuses.add_null() : statuses.add(outcome.http_status);
    }
    Statement statement{in_schema(finish_sql, schema_),
                        {worker_, dashboards.text(), deliveries.text(), outcomes.text(),
                         errors.text(), retry_after.text(), statuses.text()}};
    run(
        "finish deliveries", std::move(statement),
        [this, callback](const PgResult&) {
            database_.confirm_session();
            callback(true);
        },
        [callback] { callback(false); });
}

void Outbox::release(std::function<void(bool)> callback) {
    run(
        "release deliveries", {in_schema(release_sql, schema_), {worker_}},
        [callback](const PgResult&) { callback(true); }, [callback] { callback(false); });
}

void Outbox::next_due(const std::vector<std::string>& kinds,
                      std::function<void(std::optional<std::chrono::milliseconds>)> callback) {
    using std::chrono::milliseconds;
    run(
        "next delivery due", {in_schema(next_due_sql, schema_), {kinds_array(kinds)}},
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
            log(Level::warning, "dispatch_failed", {{"reason", result.error()}});
            callback(std::nullopt);
            return;
        }
        database_.confirm_session();
        callback(result.integer(0, 0));
    });
}

void Outbox::secret_version(std::int64_t subscription_id,
                            std::function<void(std::optional<int>)> callback) {
    run(
        "read subscription",
        {in_schema(secret_version_sql, schema_), {std::to_string(subscription_id)}},
        [callback](const PgResult& result) {
            callback(result.is_null(0, 0) ? -1 : static_cast<int>(result.integer(0, 0)));
        },
        [callback] { callback(std::nullopt); });
}

} // namespace dashboard_diff::listener
