#pragma once

#include <compare>
#include <cstdint>

namespace dashboard_diff::listener {

// On whose behalf something is delivered: whose key signs it, and whose number is in the log.
struct Source {
    enum class Kind { subscription, policy };

    Kind kind = Kind::subscription;
    std::int64_t id = 0;

    auto operator<=>(const Source&) const = default;
    const char* name() const noexcept { return kind == Kind::policy ? "policy" : "subscription"; }
};

} // namespace dashboard_diff::listener
