#include "listener/connection_string.h"

#include "listener/pg_result.h"

#include <memory>
#include <stdexcept>
#include <string_view>

#include <libpq-fe.h>

namespace dashboard_diff::listener {
namespace {

using Parsed = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

// A bare word is a database name; only a connection string can be malformed.
bool is_bare_name(const std::string& text) noexcept {
    return text.find('=') == std::string::npos && text.find("://") == std::string::npos;
}

// libpq quotes the part it does not understand. That can be the second word of a password.
std::string without_quoted(std::string_view message) {
    std::string text;
    bool quoted = false;
    for (const char c : message) {
        if (c == '"')
            text += quoted ? "...\"" : "\"";
        else if (!quoted)
            text += c;
        quoted = quoted != (c == '"');
    }
    return text;
}

Parsed parse(const std::string& text) {
    char* message = nullptr;
    Parsed parsed(PQconninfoParse(text.c_str(), &message), PQconninfoFree);
    if (!parsed) {
        const std::unique_ptr<char, decltype(&PQfreemem)> owner(message, PQfreemem);
        const std::string reason = one_line(message == nullptr ? "out of memory" : message);
        const bool secret = text.find("password") != std::string::npos ||
                            (text.find("://") != std::string::npos && text.find('@') < text.size());
        throw std::invalid_argument(secret ? without_quoted(reason) : reason);
    }
    return parsed;
}

// libpq marks so what a dialog should not show.
bool is_secret(const PQconninfoOption& option) noexcept {
    return option.dispchar[0] == '*';
}

void append_value(std::string& text, std::string_view value) {
    const bool plain =
        !value.empty() && value.find_first_of(" \t\n\r\f\v'\\") == std::string_view::npos;
    if (plain) {
        text += value;
        return;
    }
    text += '\'';
    for (const char c : value) {
        if (c == '\'' || c == '\\')
            text += '\\';
        text += c;
    }
    text += '\'';
}

} // namespace

void check_connection_string(const std::string& text) {
    if (!is_bare_name(text))
        parse(text);
}

bool holds_password(const std::string& text) {
    if (is_bare_name(text))
        return false;
    const Parsed parsed = parse(text);
    for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option)
        if (is_secret(*option) && option->val != nullptr)
            return true;
    return false;
}

std::string connection_string_without_secrets(const std::string& text) {
    if (is_bare_name(text))
        return text;
    const Parsed parsed = parse(text);
    std::string shown;
    for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
        if (option->val == nullptr)
            continue;
        shown += shown.empty() ? "" : " ";
        shown += option->keyword;
        shown += '=';
        append_value(shown, is_secret(*option) ? "********" : option->val);
    }
    return shown;
}

} // namespace dashboard_diff::listener
