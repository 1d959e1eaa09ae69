// Targets that are not subscriptions: those of policies, and of people.

#include "core/error.h"
#include "core/json_path.h"
#include "core/jsonb.h"

#include "extension/guard.h"
#include "extension/server_runtime.h"
#include "extension/targets.h"

#include <algorithm>

namespace dashboard_diff {

namespace {

constexpr char known_kinds[] = "Types are webhook, email, slack and telegram.";

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return static_cast<char>(pg_ascii_tolower(static_cast<unsigned char>(c)));
    });
    return lower;
}

[[noreturn]] void refuse(const JsonPath& at, std::string_view problem, std::string hint = {}) {
    throw Error(ErrorCode::invalid_parameter, "invalid channels",
                "at " + at.text() + ": " + std::string(problem), std::move(hint));
}

std::string read_text(const Value& channel, const JsonPath& at, std::string_view key) {
    const JsonPath key_at{&at, key};
    const Value value = find_member(channel, key);
    if (!value.present())
        refuse(key_at, "is missing");
    if (!value.is(Kind::string))
        refuse(key_at, "must be a text");
    return std::string(value.text());
}

void check_channel(const Value& channel, const JsonPath& at) {
    if (!channel.is(Kind::object))
        refuse(at, "must be an object with \"type\" and \"target\"");
    MemberCursor members{Container(channel.data)};
    std::string_view key;
    Value value;
    while (members.next(key, value))
        if (key != "type" && key != "target")
            refuse(JsonPath{&at, key}, "is no key of a channel", "Keys are type and target.");
    const std::optional<TargetKind> kind =
        find_target_kind(lower_case(read_text(channel, at, "type")));
    if (!kind)
        refuse(JsonPath{&at, "type"}, "is no type of channel", known_kinds);
    const TargetProblem found =
        find_target_problem(*kind, read_text(channel, at, "target").c_str());
    if (found.problem != nullptr)
        refuse(JsonPath{&at, "target"}, found.problem, found.hint);
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_validate_channels) {
    const ServerRuntime runtime;
    const JsonPath root{nullptr, {}, 0, &runtime};
    const Value channels = jsonb_argument(fcinfo, 0);
    if (!channels.is(Kind::array))
        refuse(root, "must be an array of channels");
    Cursor elements = Cursor::elements(Container(channels.data));
    Value channel;
    for (std::size_t i = 0; elements.next(channel); ++i)
        check_channel(channel, JsonPath{&root, {}, i});
    PG_RETURN_BOOL(true);
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_validate_target) {
    const char* name = guarded([&] { return text_to_cstring(PG_GETARG_TEXT_PP(0)); });
    const char* target = guarded([&] { return text_to_cstring(PG_GETARG_TEXT_PP(1)); });
    const std::optional<TargetKind> kind = find_target_kind(lower_case(name));
    if (!kind)
        throw Error(ErrorCode::invalid_parameter,
                    "unknown type of target \"" + std::string(name) + "\"", {}, known_kinds);
    const TargetProblem found = find_target_problem(*kind, target);
    if (found.problem != nullptr)
        throw Error(ErrorCode::invalid_parameter,
                    "invalid target \"" + std::string(target) + "\" of type " + name, found.problem,
                    found.hint);
    PG_RETURN_BOOL(true);
}

} // namespace dashboard_diff
