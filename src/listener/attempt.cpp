#include "listener/attempt.h"

#include "listener/log.h"

namespace dashboard_diff::listener {

Attempt::Attempt(const Claimed& claimed)
    : key{claimed.delivery.dashboard_id, claimed.delivery.delivery_id},
      source(claimed.delivery.source()),
      number(claimed.delivery.attempt),
      endpoint{claimed.delivery.kind, claimed.delivery.target},
      channel(claimed.channel),
      lease(claimed.lease) {}

void log_attempt(const Attempt& attempt, const Outcome& outcome) {
    using Verdict = Outcome::Verdict;
    if (outcome.verdict == Verdict::delivered) {
        log(Level::info, "delivered",
            {{"dashboard", attempt.key.dashboard_id},
             {attempt.source.name(), attempt.source.id},
             {"delivery", attempt.key.delivery_id},
             {"attempt", attempt.number},
             {"status", outcome.http_status},
             {"ms", outcome.elapsed.count()}});
        return;
    }
    const char* event = outcome.verdict == Verdict::gone      ? "gone"
                        : outcome.verdict == Verdict::refused ? "refused"
                                                              : "failed";
    const std::string target = attempt.channel->loggable_target(attempt.endpoint.target);
    log(Level::warning, event,
        {{"dashboard", attempt.key.dashboard_id},
         {attempt.source.name(), attempt.source.id},
         {"delivery", attempt.key.delivery_id},
         {"attempt", attempt.number},
         {"status", outcome.http_status},
         {"ms", outcome.elapsed.count()},
         {"target", target},
         {"reason", outcome.reason}});
}

} // namespace dashboard_diff::listener
