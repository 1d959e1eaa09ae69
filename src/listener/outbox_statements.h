#pragma once

#include "listener/database.h"
#include "listener/outbox.h"
#include "listener/pg_result.h"

#include <optional>
#include <string>
#include <vector>

namespace dashboard_diff::listener {

// The statements that carry deliveries to and fro, and how their rows are read. The extension's
// schema goes in place of every @.

Statement claim_statement(const std::string& worker, const Outbox::Claim& claim);
Statement set_aside_statement(const std::string& worker, const Outbox::Claim& claim);
std::vector<Outbox::Claimed> read_claimed(const PgResult& result);

Statement park_statement(const std::string& worker, const Outbox::Report& report, bool end_leases);
Statement finish_statement(const std::string& worker, const Outbox::Report& report);

Statement next_due_statement(const std::vector<std::string>& kinds, std::optional<Duration> reach);

Statement parked_endpoints_statement(const std::vector<std::string>& kinds, const Endpoint& after,
                                     int max_rows);
std::vector<Endpoint> read_endpoints(const PgResult& result);

} // namespace dashboard_diff::listener
