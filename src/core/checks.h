#pragma once

// What a dashboard declares to be in order ("checks" in its metadata): a list of rules, each with
// one operator.

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string_view>
#include <vector>

#include "core/jsonb.h"
#include "core/runtime.h"
#include "core/threshold.h"

namespace dashboard_diff {

enum class CheckKind : std::uint8_t {
    freshness,
    min_rows,
    max_rows,
    null_fraction,
    range,
    warn_when,
    fail_when,
    snapshot,
};

// Of what a check found; the worst first.
enum class Severity : std::uint8_t { fail, warn, unknown };

// The microseconds of an interval's text, if it is one. What an interval is, is up to the host.
using ReadInterval = std::optional<std::int64_t> (*)(std::string_view text);

// One check. Values refer to the document it was read from.
struct Check {
    CheckKind kind{};
    Severity severity = Severity::fail;
    Value limit;                  // the operator's value as written
    std::uint64_t rows = 0;       // the limit of min_rows and max_rows
    std::int64_t longest_age = 0; // the limit of freshness, in microseconds
    Value smallest;               // of range, absent where there is no such bound
    Value largest;
    Value on_field;                     // always there where the operator looks at a field
    Value source;                       // absent: the primary rows
    std::optional<Threshold> threshold; // of warn_when and fail_when
};

class Checks {
public:
    static constexpr std::size_t most = 64;

    // Throws invalid_parameter, with the JSON path in DETAIL and for an unknown key the nearest
    // known one in HINT.
    static Checks read(const Value& root, ReadInterval read_interval, const Runtime& runtime);

    const std::pmr::vector<Check>& all() const noexcept { return checks_; }

private:
    explicit Checks(std::pmr::memory_resource* memory) : checks_(memory) {}

    std::pmr::vector<Check> checks_;
};

} // namespace dashboard_diff
