#include "listener/outbox_statements.h"

#include "listener/sql_array.h"

#include <algorithm>
#include <utility>

namespace dashboard_diff::listener {
namespace {

constexpr const char* claim_sql = R"(
SELECT lease, parked, pg_catalog.date_part('epoch', due_for),
       dashboard_id, dashboard_title, delivery_id, alert_id, subscription_id, subscriber_kind,
       target, notification_config_id, attempt, secret_version, previous_secret_version,
       pg_catalog.to_char(pg_catalog.timezone('UTC', created_at),
                          'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       snapshot_a, snapshot_b, diff, explanation, summary, notice
FROM @.claim_deliveries($1::pg_catalog.text, $2::pg_catalog.text[], $3::pg_catalog.int4,
                        $4::pg_catalog.interval, $5::pg_catalog.text[], $6::pg_catalog.text[],
                        $7::pg_catalog.int4[])
)";

constexpr const char* set_aside_sql = R"(
SELECT @.set_aside_unreadable($1::pg_catalog.text, $2::pg_catalog.text[], $3::pg_catalog.int4,
                              $4::pg_catalog.interval, $5::pg_catalog.text[],
                              $6::pg_catalog.text[], $7::pg_catalog.int4[])
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

constexpr const char* parked_endpoints_sql = R"(
SELECT subscriber_kind, target
FROM @.parked_endpoints($1::pg_catalog.text[], $2::pg_catalog.text, $3::pg_catalog.text,
                        $4::pg_catalog.int4)
)";

constexpr const char* next_due_sql = R"(
SELECT pg_catalog.date_part('epoch', @.next_delivery_due($1::pg_catalog.text[],
                                                         $2::pg_catalog.interval))
)";

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

Outbox::Claimed read_row(const PgResult& result, int row, std::shared_ptr<const Finding>& finding) {
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
    delivery.subscription_id = optional_integer<std::int64_t>(result, row, column++).value_or(0);
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
    column += 3;
    delivery.finding = finding;
    if (!result.is_null(row, column))
        delivery.notice = std::make_shared<const Notice>(read_notice(result.text(row, column)));
    return claimed;
}

// What a claim asks for.
std::vector<std::optional<std::string>> claim_parameters(const std::string& worker,
                                                         const Outbox::Claim& claim) {
    SqlArray parked_kinds;
    SqlArray parked_targets;
    SqlArray parked_rows;
    for (const Lanes::Wish& wish : claim.parked) {
        parked_kinds.add(wish.endpoint.kind);
        parked_targets.add(wish.endpoint.target);
        parked_rows.add(wish.deliveries);
    }
    return {worker,
            text_array(claim.kinds),
            std::to_string(claim.max_rows),
            as_interval(claim.reach),
            parked_kinds.text(),
            parked_targets.text(),
            parked_rows.text()};
}

std::string lease_array(const Outbox::Report& report) {
    SqlArray leases;
    for (const std::int64_t lease : report.ended_leases)
        leases.add(lease);
    return leases.text();
}

} // namespace

Statement claim_statement(const std::string& worker, const Outbox::Claim& claim) {
    return {claim_sql, claim_parameters(worker, claim)};
}

Statement set_aside_statement(const std::string& worker, const Outbox::Claim& claim) {
    return {set_aside_sql, claim_parameters(worker, claim)};
}

std::vector<Outbox::Claimed> read_claimed(const PgResult& result) {
    std::vector<Outbox::Claimed> claimed;
    claimed.reserve(static_cast<std::size_t>(result.rows()));
    std::shared_ptr<const Finding> finding;
    for (int row = 0; row < result.rows(); ++row)
        claimed.push_back(read_row(result, row, finding));
    return claimed;
}

Statement park_statement(const std::string& worker, const Outbox::Report& report, bool end_leases) {
    SqlArray dashboards;
    SqlArray deliveries;
    for (const Outbox::Parked& parked : report.parked) {
        dashboards.add(parked.dashboard_id);
        deliveries.add(parked.delivery_id);
    }
    return {
        park_sql,
        {worker, dashboards.text(), deliveries.text(), end_leases ? lease_array(report) : "{}"}};
}

Statement finish_statement(const std::string& worker, const Outbox::Report& report) {
    SqlArray dashboards;
    SqlArray deliveries;
    SqlArray attempts;
    SqlArray outcomes;
    SqlArray errors;
    SqlArray retry_after;
    SqlArray statuses;
    SqlArray durations;
    for (const Outbox::Mark& mark : report.marks) {
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
    return {finish_sql,
            {worker, dashboards.text(), deliveries.text(), attempts.text(), outcomes.text(),
             errors.text(), retry_after.text(), statuses.text(), durations.text(),
             lease_array(report)}};
}

Statement next_due_statement(const std::vector<std::string>& kinds, std::optional<Duration> reach) {
    return {next_due_sql, {text_array(kinds), as_interval(reach)}};
}

Statement parked_endpoints_statement(const std::vector<std::string>& kinds, const Endpoint& after,
                                     int max_rows) {
    return {parked_endpoints_sql,
            {text_array(kinds), after.kind, after.target, std::to_string(max_rows)}};
}

std::vector<Endpoint> read_endpoints(const PgResult& result) {
    std::vector<Endpoint> endpoints;
    for (int row = 0; row < result.rows(); ++row)
        endpoints.push_back({std::string(result.text(row, 0)), std::string(result.text(row, 1))});
    return endpoints;
}

} // namespace dashboard_diff::listener
