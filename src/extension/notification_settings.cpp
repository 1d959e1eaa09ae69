// What the settings of a notification config may be. Whether hosts exist is the listener's affair.

#include "core/decimal.h"
#include "core/error.h"
#include "core/jsonb.h"

#include "extension/guard.h"
#include "extension/server_runtime.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace dashboard_diff {

namespace {

constexpr std::string_view smtp_keys[] = {"host",     "port",      "security",   "from",
                                          "username", "from_name", "unsubscribe"};
constexpr std::string_view chat_keys[] = {"api_url"};

[[noreturn]] void refuse(std::string_view key, const std::string& problem, std::string hint = {}) {
    throw Error(ErrorCode::invalid_parameter, "invalid notification settings",
                "\"" + std::string(key) + "\" " + problem + ".", std::move(hint));
}

bool is_unfit_in_word(char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == 0x7F;
}

bool is_unfit_in_text(char c) {
    return static_cast<unsigned char>(c) < ' ' || c == 0x7F;
}

// Nothing that could end a line of a header or command gets past this.
std::string_view read_text(std::string_view key, const Value& value, bool spaces = false) {
    constexpr std::size_t longest = 500;
    if (!value.is(Kind::string) || value.length == 0)
        refuse(key, "must be a text that is not empty");
    const std::string_view text = value.text();
    if (text.size() > longest ||
        std::ranges::any_of(text, spaces ? is_unfit_in_text : is_unfit_in_word))
        refuse(key, spaces ? "must have no control characters and at most 500 bytes"
                           : "must have no spaces or control characters and at most 500 bytes");
    return text;
}

void check_address(std::string_view key, std::string_view address) {
    const std::size_t at = address.find('@');
    if (at == 0 || at >= address.size() - 1 || address.find('@', at + 1) != address.npos ||
        address.find_first_of(",;:<>()[]\\\"") != address.npos)
        refuse(key, "is no e-mail address", "Give one bare address such as alerts@example.com.");
}

void check_smtp(std::string_view key, const Value& value) {
    if (key == "port") {
        const auto port = is_number(value) ? to_integer(Decimal(value)) : std::nullopt;
        if (!port || *port < 1 || *port > 65535)
            refuse(key, "must be a whole number from 1 to 65535");
        return;
    }
    const std::string_view text = read_text(key, value, key == "from_name");
    if (key == "security") {
        if (text != "starttls" && text != "tls" && text != "none")
            refuse(key, "must be starttls, tls or none");
    } else if (key == "host") {
        if (text.find_first_of("/\\@?#[]%") != text.npos)
            refuse(key, "must be the name or address of a host",
                   "The port, if not the usual one, is \"port\".");
    } else if (key == "from") {
        check_address(key, text);
    } else if (key == "unsubscribe") {
        if ((!text.starts_with("https://") && !text.starts_with("mailto:")) ||
            text.find_first_of("<>\",") != text.npos)
            refuse(key, "must be a mailto: or https: URL");
    }
}

void check_chat(std::string_view key, const Value& value) {
    const std::string_view text = read_text(key, value);
    if ((!text.starts_with("https://") && !text.starts_with("http://")) ||
        text.find_first_of("@?#\\") != text.npos)
        refuse(key, "must be a https:// URL without user name, query and fragment");
}

void check_settings(std::string_view type, const Value& settings) {
    if (!settings.is(Kind::object))
        throw Error(ErrorCode::invalid_parameter, "invalid notification settings",
                    "They must be an object.");
    const bool is_smtp = type == "SMTP";
    const auto known = is_smtp ? std::span<const std::string_view>(smtp_keys)
                               : std::span<const std::string_view>(chat_keys);
    MemberCursor members{Container(settings.data)};
    std::string_view key;
    Value value;
    while (members.next(key, value)) {
        if (std::ranges::find(known, key) == known.end()) {
            std::string names;
            for (const std::string_view name : known)
                names += (names.empty() ? "" : ", ") + std::string(name);
            refuse(key, "is no setting of type " + std::string(type),
                   "Settings are " + names + ".");
        }
        is_smtp ? check_smtp(key, value) : check_chat(key, value);
    }
    if (is_smtp)
        for (const std::string_view needed : {"host", "from"})
            if (!find_member(settings, needed).present())
                refuse(needed, "is missing");
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_validate_notification_settings) {
    const text* type = guarded([&] { return PG_GETARG_TEXT_PP(0); });
    check_settings({VARDATA_ANY(type), VARSIZE_ANY_EXHDR(type)}, jsonb_argument(fcinfo, 1));
    PG_RETURN_BOOL(true);
}

} // namespace dashboard_diff
