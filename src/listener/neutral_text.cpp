#include "listener/neutral_text.h"

namespace dashboard_diff::listener {
namespace {

constexpr char32_t replacement = 0xFFFD;
constexpr char32_t word_joiner = 0x2060;
constexpr char32_t ellipsis = 0x2026;

// Takes the first character off `text`; U+FFFD for a byte that begins none.
char32_t next_character(std::string_view& text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    const std::size_t size = first < 0x80                     ? 1
                             : first >= 0xC2 && first < 0xE0  ? 2
                             : first >= 0xE0 && first < 0xF0  ? 3
                             : first >= 0xF0 && first <= 0xF4 ? 4
                                                              : 0;
    bool valid = size != 0 && size <= text.size();
    char32_t c = size == 1 ? first : first & (0x7F >> size);
    for (std::size_t i = 1; i < size && valid; ++i) {
        valid = (byte(i) & 0xC0) == 0x80;
        c = c << 6 | (byte(i) & 0x3F);
    }
    const bool overlong = (size == 3 && c < 0x800) || (size == 4 && c < 0x10000);
    valid = valid && !overlong && (c < 0xD800 || c >= 0xE000) && c <= 0x10FFFF;
    text.remove_prefix(valid ? size : 1);
    return valid ? c : replacement;
}

void append(std::string& text, char32_t c) {
    const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (c >> shift & 0x3F)); };
    if (c < 0x80) {
        text += static_cast<char>(c);
    } else if (c < 0x800) {
        text += static_cast<char>(0xC0 | c >> 6);
        tail(0);
    } else if (c < 0x10000) {
        text += static_cast<char>(0xE0 | c >> 12);
        tail(6);
        tail(0);
    } else {
        text += static_cast<char>(0xF0 | c >> 18);
        tail(12);
        tail(6);
        tail(0);
    }
}

bool is_space(char32_t c) noexcept {
    return c <= ' ' || c == 0x85 || c == 0xA0 || c == 0x2028 || c == 0x2029 || c == 0x3000 ||
           (c >= 0x2000 && c <= 0x200A);
}

// Invisible, or turns the direction of what follows.
bool is_format(char32_t c) noexcept {
    return (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x61C || c == 0x180E ||
           (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
           (c >= 0xE0000 && c <= 0xE007F);
}

bool is_digit(char32_t c) noexcept {
    return c >= '0' && c <= '9';
}

// Full stops as other scripts write them separate the parts of a host's name, too.
bool is_dot(char32_t c) noexcept {
    return c == '.' || c == 0x3002 || c == 0xFF0E || c == 0xFF61;
}

// What programs take for the beginning of something: between `before` and `after`, which are not
// spaces, goes something that ends it.
bool begins_link(char32_t before, char32_t after, bool second_dot) noexcept {
    if (before == '@' || before == 0xFF20 || before == '#' || before == 0xFF03 || before == '/' ||
        before == '\\' || before == '!')
        return true;
    if (is_dot(before)) // not in 12.5
        return !is_digit(after) || second_dot;
    return (before == ':' || before == '$') && !is_digit(after); // not in 12:30 and $5
}

} // namespace

std::size_t utf16_length(std::string_view text) noexcept {
    std::size_t length = 0;
    while (!text.empty())
        length += next_character(text) >= 0x10000 ? 2 : 1;
    return length;
}

std::string neutral_text(std::string_view text, std::size_t longest) {
    std::string neutral;
    std::size_t length = 0;
    std::size_t room_ends = 0; // of what leaves room for "…"
    char32_t last = ' ';       // a space before the first character would be one too many
    bool owed_space = false;
    bool dot_in_number = false;
    while (!text.empty()) {
        const char32_t c = next_character(text);
        if (is_space(c)) {
            owed_space = last != ' ';
            continue;
        }
        if (is_format(c))
            continue;
        const char32_t before = owed_space ? ' ' : last;
        const bool joined = before != ' ' && begins_link(before, c, dot_in_number);
        const std::size_t size =
            (owed_space ? 1U : 0U) + (joined ? 1U : 0U) + (c >= 0x10000 ? 2U : 1U);
        if (length + size > longest) {
            neutral.resize(room_ends);
            append(neutral, ellipsis);
            return neutral;
        }
        if (owed_space)
            neutral += ' ';
        if (joined)
            append(neutral, word_joiner);
        append(neutral, c);
        length += size;
        if (length < longest)
            room_ends = neutral.size();
        if (is_dot(before) && is_digit(c))
            dot_in_number = true;
        else if (!is_digit(c) && !is_dot(c))
            dot_in_number = false;
        last = c;
        owed_space = false;
    }
    return neutral;
}

std::string escape_markup(std::string_view text) {
    std::string escaped;
    escaped.reserve(text.size());
    for (const char c : text) {
        switch (c) {
        case '&':
            escaped += "&amp;";
            break;
        case '<':
            escaped += "&lt;";
            break;
        case '>':
            escaped += "&gt;";
            break;
        default:
            escaped += c;
        }
    }
    return escaped;
}

} // namespace dashboard_diff::listener
