#include "listener/email_message.h"

#include "listener/message_text.h"
#include "listener/neutral_text.h"
#include "listener/signature.h"
#include "listener/webhook.h"

#include <algorithm>
#include <array>

namespace dashboard_diff::listener {
namespace {

constexpr std::size_t longest_text = 4000;

Bytes bytes_of(std::string_view text) noexcept {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

bool is_control(char c) noexcept {
    return static_cast<unsigned char>(c) < ' ' || c == 0x7F;
}

bool is_ascii(std::string_view text) noexcept {
    return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

// The trigger on subscriptions says the same; but here it would be a second header or recipient.
void check_address(std::string_view address) {
    const std::size_t at = address.find('@');
    if (at == 0 || at >= address.size() - 1 || address.find('@', at + 1) != address.npos ||
        address.find_first_of(" ,;:<>()[]\\\"") != address.npos ||
        std::ranges::any_of(address, is_control))
        throw AddressError("no e-mail address");
}

std::string date(std::time_t when) {
    std::tm parts{};
    ::gmtime_r(&when, &parts);
    std::array<char, 64> text{};
    std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S +0000", &parts);
    return text.data();
}

std::string message_id(const Delivery& delivery, std::string_view sender) {
    const std::string_view domain = sender.substr(sender.find('@') + 1);
    return "<" + webhook_id(delivery) + "@" +
           (is_ascii(domain) ? std::string(domain) : "dashboard-diff.invalid") + ">";
}

std::string mailbox(const std::string& name, const std::string& address) {
    return name.empty() ? address : encoded_header(name) + "\r\n <" + address + ">";
}

// Base64 in lines of 76 characters: nothing in it can look like a boundary or a lone dot.
std::string part(std::string_view type, std::string_view text) {
    constexpr std::size_t line = 76;
    std::string result = "--=_part\r\nContent-Type: " + std::string(type) +
                         "; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    const std::string encoded = base64(bytes_of(text));
    for (std::size_t i = 0; i < encoded.size(); i += line)
        result += encoded.substr(i, line) + "\r\n";
    return result;
}

std::string plain_text(const MessageText& message) {
    std::string text = message.lines.empty() ? message.summary + "\r\n" : "";
    for (const std::string& line : message.lines)
        text += "- " + line + "\r\n";
    return message.title + "\r\n\r\n" + text + "\r\n" + message.origin + "\r\n";
}

std::string html_text(const MessageText& message) {
    std::string text = "<p>" + escape_markup(message.summary) + "</p>";
    if (!message.lines.empty()) {
        text = "<ul>";
        for (const std::string& line : message.lines)
            text += "\r\n<li>" + escape_markup(line) + "</li>";
        text += "\r\n</ul>";
    }
    return "<!DOCTYPE html>\r\n<html><body style=\"font-family: sans-serif\">\r\n<p><b>" +
           escape_markup(message.title) + "</b></p>\r\n" + text +
           "\r\n<p style=\"color: #666; font-size: 85%\">" + escape_markup(message.origin) +
           "</p>\r\n</body></html>\r\n";
}

} // namespace

std::string encoded_header(std::string_view text) {
    constexpr std::size_t longest_plain = 60;
    // Letters, digits and spaces also need no quotes in front of an address.
    const auto is_plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == ' ';
    };
    if (text.size() <= longest_plain && std::ranges::all_of(text, is_plain))
        return std::string(text);
    // At most 75 characters a word, each of whole characters.
    constexpr std::size_t bytes_a_word = 45;
    std::string words;
    while (!text.empty()) {
        std::size_t size = std::min(bytes_a_word, text.size());
        while (size < text.size() && size > bytes_a_word - 4 && (text[size] & 0xC0) == 0x80)
            --size;
        words += (words.empty() ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?") +
                 base64(bytes_of(text.substr(0, size))) + "?=";
        text.remove_prefix(size);
    }
    return words;
}

std::string email_message(const Delivery& delivery, const EmailSender& sender, std::time_t now) {
    check_address(sender.address);
    check_address(delivery.target);
    const MessageText text = message_text(delivery, longest_text);
    std::string message =
        "Date: " + date(now) + "\r\nFrom: " + mailbox(sender.name, sender.address) +
        "\r\nTo: " + delivery.target + "\r\nSubject: " + encoded_header(text.title) +
        "\r\nMessage-ID: " + message_id(delivery, sender.address) +
        "\r\nAuto-Submitted: auto-generated\r\n";
    if (!sender.unsubscribe.empty() && std::ranges::none_of(sender.unsubscribe, is_control) &&
        sender.unsubscribe.find_first_of(" <>") == std::string::npos) {
        message += "List-Unsubscribe: <" + sender.unsubscribe + ">\r\n";
        if (sender.unsubscribe.starts_with("https:"))
            message += "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
    }
    message += "MIME-Version: 1.0\r\n"
               "Content-Type: multipart/alternative; boundary=\"=_part\"\r\n\r\n";
    message += part("text/plain", plain_text(text));
    message += part("text/html", html_text(text));
    message += "--=_part--\r\n";
    return message;
}

} // namespace dashboard_diff::listener
