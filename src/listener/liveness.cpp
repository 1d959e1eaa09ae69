#include "listener/liveness.h"

#include "listener/log.h"
#include "listener/worker_name.h"

namespace dashboard_diff::listener {
namespace {

constexpr std::chrono::seconds interval{5}; // leases end 20 s after the last sign of life

} // namespace

Liveness::Liveness(EventLoop& loop, Outbox& outbox, std::function<void()> changed)
    : outbox_(outbox), changed_(std::move(changed)), timer_(loop, [this] { show(holding_); }) {}

void Liveness::keep(bool holding) {
    holding_ = holding;
    if (holding && !timer_.armed())
        timer_.arm(interval);
}

void Liveness::show(bool holding) {
    if (!outbox_.ready())
        return;
    timer_.cancel();
    keep(holding);
    show_at_server();
}

void Liveness::show_at_server() {
    ++questions_;
    outbox_.seen([this](std::optional<std::vector<std::string>> others) {
        --questions_;
        for (const std::string& worker : others.value_or(std::vector<std::string>())) {
            if (!is_gone(worker) || !outbox_.ready())
                continue;
            log(Level::info, "taken_back", {{"worker", worker}});
            ++questions_;
            outbox_.release(worker, {}, [this](bool) {
                --questions_;
                changed_();
            });
        }
        changed_();
    });
}

} // namespace dashboard_diff::listener
