#include "extension/targets.h"

namespace dashboard_diff {

namespace {

bool starts_with(const char* text, const char* prefix) {
    return pg_strncasecmp(text, prefix, strlen(prefix)) == 0;
}

bool has_space_or_control(const char* text) {
    for (; *text != '\0'; ++text)
        if (static_cast<unsigned char>(*text) <= ' ' || *text == 0x7F)
            return true;
    return false;
}

const char* find_url_problem(const char* url) {
    const char* host = starts_with(url, "https://")  ? url + 8
                       : starts_with(url, "http://") ? url + 7
                                                     : nullptr;
    if (host == nullptr)
        return "The URL must begin with https:// or http://.";
    const std::size_t authority = strcspn(host, "/?#");
    if (authority == 0 || host[0] == ':')
        return "The URL has no host.";
    if (memchr(host, '@', authority) != nullptr)
        return "The URL must not carry a user name or password.";
    if (has_space_or_control(url) || strlen(url) > 2000)
        return "The URL must have no spaces and at most 2000 bytes.";
    return nullptr;
}

bool is_email_address(const char* text) {
    const char* at = strchr(text, '@');
    return at != nullptr && at != text && at[1] != '\0' && strchr(at + 1, '@') == nullptr &&
           strpbrk(text, ",;<>()[]\\\"") == nullptr && !has_space_or_control(text) &&
           strlen(text) <= 320;
}

// What Slack allows to be in a channel's name beside letters of all scripts is left to Slack.
bool is_slack_channel(const char* text) {
    constexpr char digits_and_capitals[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (*text == '#')
        return text[1] != '\0' && strlen(text) <= 400 && strpbrk(text + 1, "#@<>&,;") == nullptr &&
               !has_space_or_control(text);
    return *text != '\0' && strchr("CGD", *text) != nullptr && strlen(text) >= 3 &&
           strlen(text) <= 30 && text[strspn(text, digits_and_capitals)] == '\0';
}

bool is_telegram_chat(const char* text) {
    constexpr char digits[] = "0123456789";
    constexpr char name_characters[] =
        "0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const bool is_name = *text == '@';
    const char* rest = text + (is_name || *text == '-');
    const std::size_t length = strlen(rest);
    return is_name ? length >= 4 && length <= 32 && rest[strspn(rest, name_characters)] == '\0'
                   : length >= 1 && length <= 18 && rest[strspn(rest, digits)] == '\0';
}

} // namespace

std::optional<TargetKind> find_target_kind(std::string_view name) {
    if (name == "webhook")
        return TargetKind::webhook;
    if (name == "email")
        return TargetKind::email;
    if (name == "slack")
        return TargetKind::slack;
    if (name == "telegram")
        return TargetKind::telegram;
    return std::nullopt;
}

TargetProblem find_target_problem(TargetKind kind, const char* target) {
    const char* problem = nullptr;
    const char* hint = nullptr;
    switch (kind) {
    case TargetKind::webhook:
        problem = find_url_problem(target);
        hint = "Give a URL such as https://example.com/hook.";
        break;
    case TargetKind::email:
        problem = is_email_address(target) ? nullptr : "It is no e-mail address.";
        hint = "Give one bare address such as ana@example.com.";
        break;
    case TargetKind::slack:
        problem = starts_with(target, "https://") ? find_url_problem(target)
                  : is_slack_channel(target)      ? nullptr
                                                  : "It is no channel.";
        hint = "Give a channel such as #sales or C0123456789, or an incoming webhook's https:// "
               "URL.";
        break;
    case TargetKind::telegram:
        problem = is_telegram_chat(target) ? nullptr : "It is no chat.";
        hint = "Give a chat's id such as -1001234567890, or a public channel's @name.";
        break;
    }
    return problem == nullptr ? TargetProblem{} : TargetProblem{problem, hint};
}

} // namespace dashboard_diff
