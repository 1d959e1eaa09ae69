#pragma once

// Short words for what most tests of the core do.

#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "core/diff.h"
#include "core/error.h"
#include "core/threshold.h"
#include "json_text.h"

namespace dashboard_diff {

// How a failed expectation shows them.
void PrintTo(Truth truth, std::ostream* out);
void PrintTo(ErrorCode code, std::ostream* out);
void PrintTo(Kind kind, std::ostream* out);

} // namespace dashboard_diff

namespace dashboard_diff::testing {

// Two snapshots and what changed between them.
class Comparison {
public:
    Comparison(std::string_view before, std::string_view after, std::uint32_t top_n = 10,
               const Runtime& runtime = {});

    const Diff& diff() const { return diff_; }
    Document document() const; // as write_diff makes it

private:
    Document before_;
    Document after_;
    Diff diff_;
};

// The diff of two snapshots as JSON text, whole or one of its members.
std::string diff_text(std::string_view before, std::string_view after, std::uint32_t top_n = 10);
std::string diff_member(std::string_view key, std::string_view before, std::string_view after,
                        std::uint32_t top_n = 10);

// Whether a pair of snapshots, or a diff given as JSON text, meets a threshold.
Truth meets(std::string_view before, std::string_view after, std::string_view threshold,
            std::uint32_t top_n = 10);
Truth diff_meets(std::string_view diff, std::string_view threshold);

// A diff given as JSON text, read and written again.
std::string reread(std::string_view diff);

std::string explanation_text(std::string_view before, std::string_view after,
                             std::string_view threshold, std::uint32_t top_n = 10);
std::string description(std::string_view before, std::string_view after,
                        std::string_view threshold = {}, std::uint32_t top_n = 10);

// An error that was thrown; without a code where none was.
struct Caught {
    std::optional<ErrorCode> code;
    std::string message;
    std::string detail;
    std::string hint;
};

template <typename Action>
Caught error_of(Action&& action) {
    try {
        action();
    } catch (const Error& error) {
        return {error.code(), error.message(), error.detail(), error.hint()};
    }
    ADD_FAILURE() << "no error was thrown";
    return {};
}

// What a snapshot (as argument "before"), a threshold or a diff is refused for.
Caught snapshot_error(std::string_view snapshot);
Caught threshold_error(std::string_view threshold);
Caught diff_error(std::string_view diff);

// The member `key` of a JSON object, as text.
std::string member_text(const Value& object, std::string_view key);

// `count` copies of what make(i) returns, separated by commas.
template <typename Make>
std::string joined(std::size_t count, Make&& make) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        text += i > 0 ? ", " : "";
        text += make(i);
    }
    return text;
}

} // namespace dashboard_diff::testing
