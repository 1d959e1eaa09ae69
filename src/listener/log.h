#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

namespace dashboard_diff::listener {

// Values are syslog priorities, as systemd's journal wants them.
enum class Level { error = 3, warning = 4, info = 6 };

// One `key=value` of a log line. Only refers to its text: build it in the call of log().
class Field {
public:
    Field(std::string_view name, std::string_view value) noexcept : name_(name), text_(value) {}

    template <std::integral Number>
    Field(std::string_view name, Number value) noexcept
        : name_(name), number_(static_cast<long long>(value)), is_number_(true) {}

    void append_to(std::string& line) const;

private:
    std::string_view name_;
    std::string_view text_;
    long long number_ = 0;
    bool is_number_ = false;
};

// Writes one logfmt line to stderr. A line that cannot be written is lost: a daemon must not
// stop over its log.
void log(Level level, std::string_view event, std::initializer_list<Field> fields = {}) noexcept;

// From now on log() drops what is less urgent. At first nothing is.
void set_log_level(Level least_urgent) noexcept;

// While one exists, lines are collected; flush() writes them, as does the end and a full buffer.
class LogBatch {
public:
    LogBatch() noexcept;
    LogBatch(const LogBatch&) = delete;
    LogBatch& operator=(const LogBatch&) = delete;
    ~LogBatch();
    void flush() noexcept;
};

// The line with its newline. `priority_prefix` puts the `<6>` in front that journald reads.
std::string format_log_line(Level level, std::string_view event,
                            std::initializer_list<Field> fields, bool priority_prefix);

// Appends a value, quoted and escaped if it holds anything that could end it or forge a line.
void append_log_value(std::string& line, std::string_view value);

} // namespace dashboard_diff::listener
