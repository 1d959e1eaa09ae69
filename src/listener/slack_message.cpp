#include "listener/slack_message.h"

#include "listener/json.h"
#include "listener/message_text.h"
#include "listener/neutral_text.h"
#include "listener/webhook.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace dashboard_diff::listener {
namespace {

constexpr std::size_t longest_section = 3000; // as Slack documents it
constexpr std::size_t longest_lines = 6000;

struct SlackText {
    std::vector<std::string> sections;
    std::string context;
    std::string fallback;
};

SlackText slack_summary(const MessageText& message) {
    const std::string title = escape_markup(message.title);
    const std::string summary = escape_markup(message.summary);
    return {{"*" + title + "*\n" + summary}, escape_markup(message.origin), title + ": " + summary};
}

// As many sections as the lines need. Even one that is all escapes fits.
SlackText slack_lines(const MessageText& message) {
    SlackText text = slack_summary(message);
    text.sections = {"*" + escape_markup(message.title) + "*"};
    for (const std::string& line : message.lines) {
        const std::string item = "• " + escape_markup(line);
        std::string& section = text.sections.back();
        if (utf16_length(section) + 1 + utf16_length(item) <= longest_section)
            section += "\n" + item;
        else
            text.sections.push_back(item);
    }
    return text;
}

SlackText slack_text(const Delivery& delivery) {
    if (const MessageText message = message_text(delivery, longest_lines); !message.lines.empty())
        return slack_lines(message);
    // Escaping makes it longer: a summary that is full of it has to be cut earlier.
    for (std::size_t limit = 2500;; limit /= 2) {
        SlackText text = slack_summary(message_text(delivery, limit));
        if (utf16_length(text.sections.front()) <= longest_section || limit < 100)
            return text;
    }
}

// Text in which Slack looks for formatting but not for links and names.
void write_mrkdwn(JsonWriter& writer, std::string_view text) {
    writer.StartObject();
    write_text(writer, "type", "mrkdwn");
    write_text(writer, "text", text);
    write_boolean(writer, "verbatim", true);
    writer.EndObject();
}

void write_message(JsonWriter& writer, const SlackText& text) {
    write_text(writer, "text", text.fallback);
    write_name(writer, "blocks");
    writer.StartArray();
    for (const std::string& section : text.sections) {
        writer.StartObject();
        write_text(writer, "type", "section");
        write_name(writer, "text");
        write_mrkdwn(writer, section);
        writer.EndObject();
    }
    writer.StartObject();
    write_text(writer, "type", "context");
    write_name(writer, "elements");
    writer.StartArray();
    write_mrkdwn(writer, text.context);
    writer.EndArray();
    writer.EndObject();
    writer.EndArray();
    write_boolean(writer, "unfurl_links", false);
    write_boolean(writer, "unfurl_media", false);
    write_text(writer, "parse", "none");
    write_boolean(writer, "link_names", false);
}

// Slack's word for an error, if it is one: nothing else of an answer is to get into our log.
std::string error_word(std::string_view word) {
    constexpr std::size_t longest = 64;
    const auto is_fit = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    if (word.empty() || word.size() > longest || !std::ranges::all_of(word, is_fit))
        return "unknown error";
    return std::string(word);
}

// Errors that are the channel's. Whatever else is wrong can be set right, and then it is delivered.
bool is_of_channel(std::string_view word) noexcept {
    constexpr std::array<std::string_view, 5> words = {
        "channel_not_found", "is_archived", "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel", "channel_type_not_supported"};
    return std::ranges::find(words, word) != words.end();
}

Outcome begin_judging(const HttpResult& result) {
    Outcome outcome;
    outcome.http_status = result.status;
    outcome.elapsed = result.elapsed;
    outcome.reached = result.status != 0;
    outcome.reason = result.status == 0 ? result.error : "HTTP " + std::to_string(result.status);
    if (result.status == 429 || result.status == 503)
        outcome.retry_after = result.retry_after;
    return outcome;
}

} // namespace

std::string slack_api_body(const Delivery& delivery) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    write_text(writer, "channel", delivery.target);
    write_message(writer, slack_text(delivery));
    write_name(writer, "metadata");
    writer.StartObject();
    write_text(writer, "event_type", delivery.notice ? "dashboard_health" : "dashboard_alert");
    write_name(writer, "event_payload");
    writer.StartObject();
    write_text(writer, "id", webhook_id(delivery));
    writer.EndObject();
    writer.EndObject();
    writer.EndObject();
    return {buffer.GetString(), buffer.GetSize()};
}

std::string slack_webhook_body(const Delivery& delivery) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    write_message(writer, slack_text(delivery));
    writer.EndObject();
    return {buffer.GetString(), buffer.GetSize()};
}

Outcome judge_slack_api(const HttpResult& result) {
    Outcome outcome = begin_judging(result);
    if (result.status != 200)
        return outcome;
    const rapidjson::Document answer = read_object(result.body);
    const rapidjson::Value& ok = member(answer, "ok");
    if (ok.IsTrue()) {
        outcome.verdict = Outcome::Verdict::delivered;
        outcome.reason.clear();
    } else if (ok.IsFalse()) {
        const std::string word = error_word(text_of(member(answer, "error")));
        outcome.reason = "Slack: " + word;
        if (is_of_channel(word))
            outcome.verdict = Outcome::Verdict::refused;
        else if (word == "ratelimited" || word == "rate_limited")
            outcome.retry_after = result.retry_after;
    } else {
        outcome.reason = "not an answer of Slack";
    }
    return outcome;
}

Outcome judge_slack_webhook(const HttpResult& result, bool is_of_subscription) {
    Outcome outcome = begin_judging(result);
    const int status = result.status;
    if (status >= 200 && status < 300) {
        outcome.verdict = Outcome::Verdict::delivered;
        outcome.reason.clear();
        return outcome;
    }
    if (status >= 400 && status < 500 && status != 429)
        outcome.reason += ", Slack: " + error_word(result.body);
    if ((status == 404 || status == 410) && is_of_subscription)
        outcome.verdict = Outcome::Verdict::gone;
    return outcome;
}

} // namespace dashboard_diff::listener
