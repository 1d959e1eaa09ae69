#pragma once

#include <exception>
#include <string>
#include <utility>

namespace dashboard_diff {

// The classes of error that the core raises, by the SQLSTATE they become.
enum class ErrorCode {
    invalid_parameter,    // 22023 invalid_parameter_value
    numeric_out_of_range, // 22003 numeric_value_out_of_range
    limit_exceeded,       // 54000 program_limit_exceeded
};

// An error of the user's input, worded as PostgreSQL words them: `message` starts in lower case,
// `detail` and `hint` are whole (or start with the place) and may be empty.
class Error : public std::exception {
public:
    Error(ErrorCode code, std::string message, std::string detail = {}, std::string hint = {})
        : code_(code),
          message_(std::move(message)),
          detail_(std::move(detail)),
          hint_(std::move(hint)) {}

    const char* what() const noexcept override { return message_.c_str(); }
    ErrorCode code() const noexcept { return code_; }
    const std::string& message() const noexcept { return message_; }
    const std::string& detail() const noexcept { return detail_; }
    const std::string& hint() const noexcept { return hint_; }

private:
    ErrorCode code_;
    std::string message_;
    std::string detail_;
    std::string hint_;
};

} // namespace dashboard_diff
