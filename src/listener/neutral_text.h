#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dashboard_diff::listener {

// `text`, which holds values of anybody's rows, as one line of valid UTF-8 in which no mail or chat
// program finds a mention, link, hashtag or command: an invisible U+2060 stands where one would
// begin. Control characters and those that turn the direction of text are left out, and what is
// longer than `longest` (in UTF-16 units, which is how chats count) ends in "…".
std::string neutral_text(std::string_view text, std::size_t longest);

// For HTML outside of attributes and for Slack's mrkdwn: & < > as entities, and no others.
std::string escape_markup(std::string_view text);

// How long chats hold valid UTF-8 to be.
std::size_t utf16_length(std::string_view text) noexcept;

} // namespace dashboard_diff::listener
