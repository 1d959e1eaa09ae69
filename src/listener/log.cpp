#include "listener/log.h"

#include <cerrno>
#include <cstdint>
#include <cstdlib>

#include <unistd.h>

namespace dashboard_diff::listener {
namespace {

struct CodePoint {
    std::uint32_t value;
    std::size_t length; // bytes; 0 where the text is no valid UTF-8
};

CodePoint decode_utf8(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80)
        return {first, 1};
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length)
        return {0, 0};
    std::uint32_t value = first & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80)
            return {0, 0};
        value = (value << 6) | (byte(i) & 0x3FU);
    }
    constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (value < smallest[length] || value > 0x10FFFF || surrogate)
        return {0, 0};
    return {value, length};
}

// Controls, and the characters that break or reorder a line in a terminal or a viewer.
bool is_dangerous(std::uint32_t c) noexcept {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF;
}

bool needs_quotes(std::string_view value) noexcept {
    if (value.empty())
        return true;
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= ' ' || byte >= 0x7F || byte == '"' || byte == '=' || byte == '\\')
            return true;
    }
    return false;
}

void append_escaped_byte(std::string& line, char c) {
    constexpr char digits[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    line += "\\x";
    line += digits[byte >> 4];
    line += digits[byte & 0xF];
}

Level least_urgent_logged = Level::info;

constexpr std::size_t most_collected = 32 * 1024;
unsigned batches = 0;
std::string collected;

void write_out(std::string_view lines) noexcept {
    while (!lines.empty()) {
        const ssize_t written = ::write(STDERR_FILENO, lines.data(), lines.size());
        if (written > 0)
            lines.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            return;
    }
}

void write_collected() noexcept {
    write_out(collected);
    collected.clear();
}

} // namespace

void append_log_value(std::string& line, std::string_view value) {
    if (!needs_quotes(value)) {
        line += value;
        return;
    }
    line += '"';
    while (!value.empty()) {
        const CodePoint c = decode_utf8(value);
        const std::size_t length = c.length == 0 ? 1 : c.length;
        if (c.value == '"' || c.value == '\\') {
            line += '\\';
            line += value[0];
        } else if (c.value == '\n') {
            line += "\\n";
        } else if (c.length == 0 || is_dangerous(c.value)) {
            for (const char raw : value.substr(0, length))
                append_escaped_byte(line, raw);
        } else {
            line += value.substr(0, length);
        }
        value.remove_prefix(length);
    }
    line += '"';
}

void Field::append_to(std::string& line) const {
    line += name_;
    line += '=';
    if (is_number_)
        line += std::to_string(number_);
    else
        append_log_value(line, text_);
}

std::string format_log_line(Level level, std::string_view event,
                            std::initializer_list<Field> fields, bool priority_prefix) {
    std::string line;
    line.reserve(192);
    if (priority_prefix) {
        line += '<';
        line += static_cast<char>('0' + static_cast<int>(level));
        line += '>';
    }
    line += "level=";
    line += level == Level::error ? "error" : level == Level::warning ? "warning" : "info";
    line += " event=";
    append_log_value(line, event);
    for (const Field& field : fields) {
        line += ' ';
        field.append_to(line);
    }
    line += '\n';
    return line;
}

void set_log_level(Level least_urgent) noexcept {
    least_urgent_logged = least_urgent;
}

void log(Level level, std::string_view event, std::initializer_list<Field> fields) noexcept {
    if (level > least_urgent_logged)
        return;
    static const bool to_journal = std::getenv("JOURNAL_STREAM") != nullptr;
    try {
        // Whole lines a write, so that those of several processes do not mix.
        const std::string line = format_log_line(level, event, fields, to_journal);
        if (batches == 0) {
            write_out(line);
            return;
        }
        collected += line;
        if (collected.size() >= most_collected)
            write_collected();
    } catch (...) {
    }
}

LogBatch::LogBatch() noexcept {
    ++batches;
}

LogBatch::~LogBatch() {
    flush();
    --batches;
}

void LogBatch::flush() noexcept {
    if (!collected.empty())
        write_collected();
}

} // namespace dashboard_diff::listener
