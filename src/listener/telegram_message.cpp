#include "listener/telegram_message.h"

#include "listener/json.h"
#include "listener/message_text.h"
#include "listener/neutral_text.h"

#include <algorithm>

namespace dashboard_diff::listener {
namespace {

// Of the 4,096 that Telegram takes once tags and entities are out of the text.
constexpr std::size_t longest_text = 3500;

constexpr std::int64_t longest_wait = 24 * 60 * 60; // seconds

} // namespace

std::string telegram_body(const Delivery& delivery) {
    const MessageText message = message_text(delivery, longest_text);
    std::string text = message.lines.empty() ? escape_markup(message.summary) + "\n" : "";
    for (const std::string& line : message.lines)
        text += "• " + escape_markup(line) + "\n";
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    write_text(writer, "chat_id", delivery.target);
    write_text(writer, "text",
               "<b>" + escape_markup(message.title) + "</b>\n" + text + "<i>" +
                   escape_markup(message.origin) + "</i>");
    write_text(writer, "parse_mode", "HTML");
    write_name(writer, "link_preview_options");
    writer.StartObject();
    write_boolean(writer, "is_disabled", true);
    writer.EndObject();
    writer.EndObject();
    return {buffer.GetString(), buffer.GetSize()};
}

Outcome judge_telegram(const HttpResult& result) {
    using Verdict = Outcome::Verdict;
    Outcome outcome;
    outcome.http_status = result.status;
    outcome.elapsed = result.elapsed;
    outcome.reached = result.status != 0;
    if (result.status == 0) {
        outcome.reason = result.error;
        return outcome;
    }
    outcome.reason = "HTTP " + std::to_string(result.status);
    const rapidjson::Document answer = read_object(result.body);
    const rapidjson::Value& parameters = member(answer, "parameters");
    switch (result.status) {
    case 200:
        if (member(answer, "ok").IsTrue()) {
            outcome.verdict = Verdict::delivered;
            outcome.reason.clear();
        } else {
            outcome.reason = "not an answer of Telegram";
        }
        break;
    case 400: {
        const rapidjson::Value& moved = member(parameters, "migrate_to_chat_id");
        outcome.verdict = Verdict::refused;
        if (moved.IsInt64())
            outcome.reason = "the chat is now " + std::to_string(moved.GetInt64());
        else if (text_of(member(answer, "description")).ends_with("chat not found"))
            outcome.reason = "there is no such chat, or the bot is not in it";
        break;
    }
    case 401:
    case 404: // of a token that is not even of the form
        outcome.reason = "the bot token is not valid";
        break;
    case 403:
        outcome.verdict = Verdict::gone;
        outcome.reason = "the bot may not write to the chat any more";
        break;
    case 429: {
        const rapidjson::Value& wait = member(parameters, "retry_after");
        outcome.retry_after = result.retry_after;
        if (wait.IsInt64())
            outcome.retry_after =
                std::chrono::seconds(std::clamp<std::int64_t>(wait.GetInt64(), 0, longest_wait));
        break;
    }
    default:
        break;
    }
    return outcome;
}

} // namespace dashboard_diff::listener
