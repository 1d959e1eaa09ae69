#include "listener/smtp.h"

namespace dashboard_diff::listener {
namespace {

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

// Takes one to three digits off.
bool take_number(std::string_view& text) noexcept {
    std::size_t digits = 0;
    while (digits < text.size() && digits < 3 && is_digit(text[digits]))
        ++digits;
    text.remove_prefix(digits);
    return digits > 0;
}

bool take_dot(std::string_view& text) noexcept {
    if (!text.starts_with('.'))
        return false;
    text.remove_prefix(1);
    return true;
}

const char* what_was_refused(SmtpResult::Stage stage) noexcept {
    switch (stage) {
    case SmtpResult::Stage::sender:
        return " for the sender";
    case SmtpResult::Stage::recipient:
        return " for the recipient";
    case SmtpResult::Stage::message:
        return " for the message";
    default:
        return "";
    }
}

} // namespace

std::string_view enhanced_status(std::string_view reply) noexcept {
    if (reply.size() < 9 || (reply[3] != ' ' && reply[3] != '-') || reply[4] != reply[0] ||
        reply[5] != '.')
        return {};
    std::string_view rest = reply.substr(6);
    if (!take_number(rest) || !take_dot(rest) || !take_number(rest) ||
        (!rest.empty() && rest[0] > ' '))
        return {};
    return reply.substr(4, reply.size() - 4 - rest.size());
}

Outcome judge_smtp(const SmtpResult& result) {
    using Stage = SmtpResult::Stage;
    Outcome outcome;
    outcome.http_status = result.status;
    outcome.elapsed = result.elapsed;
    outcome.reached = result.replied;
    if (result.stage == Stage::accepted) {
        outcome.verdict = Outcome::Verdict::delivered;
        return outcome;
    }
    if (result.stage == Stage::login) {
        outcome.reason = "the relay refused the login";
        return outcome;
    }
    if (result.status == 0) {
        outcome.reason = result.error;
        return outcome;
    }
    outcome.reason = "SMTP " + std::to_string(result.status);
    if (!result.enhanced_status.empty())
        outcome.reason += " " + result.enhanced_status;
    outcome.reason += what_was_refused(result.stage);
    // What the relay has against us or our sender can be set right; other mails fail as well.
    const bool is_for_good = result.status >= 500 && result.status < 600;
    if (is_for_good && (result.stage == Stage::recipient || result.stage == Stage::message))
        outcome.verdict = Outcome::Verdict::refused;
    return outcome;
}

} // namespace dashboard_diff::listener
