#include "listener/outbox.h"

#include "listener/log.h"
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
SELECT lease, parked, pg_catalog.date_part('epoch', due_for),
       dashboard_id, dashboard_title, delivery_id, alert_id, subscription_id, subscriber_kind,
       target, notification_config_id, attempt, secret_version, previous_secret_version,
       pg_catalog.to_char(pg_catalog.timezone('UTC', created_at),
                          'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       snapshot_a, snapshot_b, diff, explanation, summary
FROM @.claim_deliveries($1::pg_catalog.text, $2::pg_catalog.text[], $3::pg_catalog.int4,
                        $4::pg_catalog.interval, $5::pg_catalog.text[], $6::pg_catalog.text[],
                        $7::pg_catalog.int4[])
)";

constexpr const char* finish_sql = R"(
SELECT @.finish_deliveries($1::pg_catalog.text, $2::pg_catalog.text[], $3::pg_catalog.int8[],
                           $4::pg_catalog.int4[], $5::pg_catalog.text[], $6::pg_catalog.text[],
                           $7::pg_catalog.interval[], $8::pg_catalog.int4[],
                           $9::pg_catalog.int4[], $10::pg_catalog.int8[])
)";

constexpr const char* park_sql = R"(
SELECT @.park_deliveries($1::pg_catalog.text, $2::pg_catalog.text[], $3::pg_catalog.int8[],
                         $4::pg_catalog.int8[])
)";

constexpr const char* seen_sql = "SELECT * FROM @.listener_seen($1::pg_catalog.text)";

constexpr const char* release_sql = "SELECT @.release_deliveries($1::pg_catalog.text)";

constexpr const char* parked_endpoints_sql = R"(
SELECT subscriber_kind, target
FROM @.parked_endpoints($1::pg_catalog.text[], $2::pg_catalog.text, $3::pg_catalog.text,
                        $4::pg_catalog.int4)
)";

constexpr const char* next_due_sql = R"(
SELECT pg_catalog.date_part('epoch', @.next_delivery_due($1::pg_catalog.text[],
                                                         $2::pg_catalog.interval))
)";

// A dashboard whose rows somebody holds is left for later: deliveries wait behind this.
constexpr const char* dispatch_sql = R"(
SELECT @.dispatch_pending($1::pg_catalog.interval)
WHERE pg_catalog.set_config('lock_timeout', '50ms', true) IS NOT NULL
)";

constexpr const char* secret_version_sql = "SELECT @.webhook_secret_version($1::pg_catalog.int8)";

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

std::string text_array(const std::vector<std::string>& elements) {
    SqlArray array;
    for (const std::string& element : elements)
        array.add(element);
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

std::optional<std::string> as_interval(std::optional<Duration> time) {
    if (!time)
        return std::nullopt;
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(*time);
    return std::to_string(micros.count()) + " microseconds";
}

// What is null is as it was in the row before.
void read_finding(const PgResult& result, int row, int column,
                  std::shared_ptr<const Finding>& last) {
    if (result.is_null(row, column + 2))
        return;
    Finding finding;
    finding.diff = result.is_null(row, column) && last && !result.is_null(row, column + 1)
                       ? last->diff
                       : std::string(result.text(row, column));
    finding.explanation = result.text(row, column + 1);
    finding.summary = result.text(row, column + 2);
    last = std::make_shared<const Finding>(std::move(finding));
}

Outbox::Claimed read_claimed(const PgResult& result, int row,
                             std::shared_ptr<const Finding>& finding) {
    int column = 0;
    const auto text = [&] { return std::string(result.text(row, column++)); };
    const auto integer = [&] { return result.integer(row, column++); };
    Outbox::Claimed claimed;
    claimed.lease = integer();
    claimed.parked = text() == "t";
    claimed.due_for = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(std::clamp(result.number(row, column++), 0.0, 1e9)));
    Delivery& delivery = claimed.delivery;
    delivery.dashboard_id = text();
    delivery.dashboard_title = text();
    delivery.delivery_id = integer();
    delivery.alert_id = optional_integer<std::int64_t>(result, row, column++).value_or(0);
    delivery.subscription_id = integer();
    delivery.kind = text();
    delivery.target = text();
    delivery.provider_id = optional_integer<std::int64_t>(result, row, column++);
    delivery.attempt = static_cast<int>(integer());
    delivery.secret_version = static_cast<int>(integer());
    delivery.previous_secret_version = optional_integer<int>(result, row, column++);
    delivery.created_at = text();
    delivery.snapshot_a = optional_integer<std::int64_t>(result, row, column++);
    delivery.snapshot_b = optional_integer<std::int64_t>(result, row, column++);
    read_finding(result, row, column, finding);
    delivery.finding = finding;
    return claimed;
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
    database_.execute(std::move(statement), [this, what, then = std::move(then),
                                             otherwise = std::move(otherwise)](PgResult result) {
        if (result.ok()) {
            then(std::move(result));
            return;
        }
        const std::string error = result.error();
        permission_denied_ = permission_denied_ || result.is_permission_denied();
        otherwise();
        if (!result.is_lost())
            database_.give_up_session(std::string(what) + ": " + error);
    });
}

void Outbox::begin_session() {
    extension_missing_ = false;
    permission_denied_ = false;
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
    const auto begin = [this](const PgResult&) {
        ready_ = true;
        observer_->outbox_ready();
    };
    if (poll_only_) {
        run("set up session", {"SELECT 1", {}}, begin, [] {});
        return;
    }
    // Each alone in its statement, so that they are committed before the first claim: what is
    // inserted later is notified, what was inserted before is claimed.
    run(
        "listen", {"LISTEN " + std::string(delivery_channel), {}}, [](const PgResult&) {}, [] {});
    run("listen", {"LISTEN " + std::string(alert_channel), {}}, begin, [] {});
}

void Outbox::on_lost() {
    ready_ = false;
    observer_->outbox_unavailable();
}

void Outbox::claim(const Claim& claim,
                   std::function<void(std::optional<std::vector<Claimed>>)> callback) {
    SqlArray parked_kinds;
    SqlArray parked_targets;
    SqlArray parked_rows;
    for (const Lanes::Wish& wish : claim.parked) {
        parked_kinds.add(wish.endpoint.kind);
        parked_targets.add(wish.endpoint.target);
        parked_rows.add(wish.deliveries);
    }
    Statement statement{in_schema(claim_sql, schema_),
                        {worker_, text_array(claim.kinds), std::to_string(claim.max_rows),
                         as_interval(claim.reach), parked_kinds.text(), parked_targets.text(),
                         parked_rows.text()}};
    run(
        "claim deliveries", std::move(statement),
        [this, callback](const PgResult& result) {
            database_.confirm_session();
            std::vector<Claimed> claimed;
            claimed.reserve(static_cast<std::size_t>(result.rows()));
            std::shared_ptr<const Finding> finding;
            for (int row = 0; row < result.rows(); ++row)
                claimed.push_back(read_claimed(result, row, finding));
            callback(std::move(claimed));
        },
        [callback] { callback(std::nullopt); });
}

void Outbox::report(const Report& report, std::function<void(bool)> callback) {
    SqlArray leases;
    for (const std::int64_t lease : report.ended_leases)
        leases.add(lease);
    // The leases end with the last of the two.
    const bool only_parked = report.marks.empty();
    if (!report.parked.empty()) {
        SqlArray dashboards;
        SqlArray deliveries;
        for (const Parked& parked : report.parked) {
            dashboards.add(parked.dashboard_id);
            deliveries.add(parked.delivery_id);
        }
        run(
            "park deliveries",
            {in_schema(park_sql, schema_),
             {worker_, dashboards.text(), deliveries.text(), only_parked ? leases.text() : "{}"}},
            [only_parked, callback](const PgResult&) {
                if (only_parked)
                    callback(true);
            },
            [only_parked, callback] {
                if (only_parked)
                    callback(false);
            });
        if (only_parked)
            return;
    }
    SqlArray dashboards;
    SqlArray deliveries;
    SqlArray attempts;
    SqlArray outcomes;
    SqlArray errors;
    SqlArray retry_after;
    SqlArray statuses;
    SqlArray durations;
    for (const Mark& mark : report.marks) {
        const Outcome& outcome = mark.outcome;
        dashboards.add(mark.dashboard_id);
        deliveries.add(mark.delivery_id);
        attempts.add(mark.attempt);
        outcomes.add(verdict_name(outcome.verdict));
        outcome.reason.empty() ? errors.add_null() : errors.add(outcome.reason);
        outcome.retry_after
            ? retry_after.add(std::to_string(outcome.retry_after->count()) + " seconds")
            : retry_after.add_null();
        outcome.http_status == 0 ? statuses.add_null() : statuses.add(outcome.http_status);
        durations.add(outcome.elapsed.count());
    }
    run(
        "finish deliveries",
        {in_schema(finish_sql, schema_),
         {worker_, dashboards.text(), deliveries.text(), attempts.text(), outcomes.text(),
          errors.text(), retry_after.text(), statuses.text(), durations.text(), leases.text()}},
        [this, callback](const PgResult&) {
            database_.confirm_session();
            callback(true);
        },
        [callback] { callback(false); });
}

void Outbox::seen(std::function<void(std::optional<std::vector<std::string>>)> callback) {
    run(
        "show a sign of life", {in_schema(seen_sql, schema_), {worker_}},
        [callback](const PgResult& result) {
            std::vector<std::string> others;
            for (int row = 0; row < result.rows(); ++row)
                others.emplace_back(result.text(row, 0));
            callback(std::move(others));
        },
        [callback] { callback(std::nullopt); });
}

void Outbox::release(const std::string& worker, std::function<void(bool)> callback) {
    run(
        "release deliveries", {in_schema(release_sql, schema_), {worker}},
        [callback](const PgResult&) { callback(true); }, [callback] { callback(false); });
}

void Outbox::parked_endpoints(const std::vector<std::string>& kinds, const Endpoint& after,
                              int max_rows,
                              std::function<void(std::optional<std::vector<Endpoint>>)> callback) {
    run(
        "find parked deliveries",
        {in_schema(parked_endpoints_sql, schema_),
         {text_array(kinds), after.kind, after.target, std::to_string(max_rows)}},
        [callback](const PgResult& result) {
            std::vector<Endpoint> endpoints;
            for (int row = 0; row < result.rows(); ++row)
                endpoints.push_back(
                    {std::string(result.text(row, 0)), std::string(result.text(row, 1))});
            callback(std::move(endpoints));
        },
        [callback] { callback(std::nullopt); });
}

void Outbox::next_due(const std::vector<std::string>& kinds, std::optional<Duration> reach,
                      std::function<void(std::optional<std::chrono::milliseconds>)> callback) {
    using std::chrono::milliseconds;
    run(
        "next delivery due",
        {in_schema(next_due_sql, schema_), {text_array(kinds), as_interval(reach)}},
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
