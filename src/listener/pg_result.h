#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <libpq-fe.h>

namespace dashboard_diff::listener {

// What became of a statement: rows, or the reason why there are none.
class PgResult {
public:
    // The statement ran or not, nobody knows: the connection broke before its answer.
    static PgResult lost(std::string reason);

    // Takes over what PQgetResult returned.
    explicit PgResult(PGresult* result) noexcept : result_(result) {}

    bool ok() const noexcept;
    bool is_lost() const noexcept { return !result_; }

    // The server ends the session with this error.
    bool is_fatal() const noexcept;

    // The role lacks a right, such as EXECUTE on a function.
    bool is_permission_denied() const noexcept;

    // It is about what was read: not about rights, locks, resources, or an intervention.
    bool is_about_data() const noexcept;

    // One line: the server's primary message with its SQLSTATE, or why the connection was lost.
    std::string error() const;

    int rows() const noexcept { return PQntuples(result_.get()); }
    bool is_null(int row, int column) const noexcept;

    // Empty for null. Refers to this object's memory.
    std::string_view text(int row, int column) const noexcept;

    // Throws std::runtime_error if the value is no integer, null included.
    std::int64_t integer(int row, int column) const;

    // Throws std::runtime_error if the value is no number, null included.
    double number(int row, int column) const;

private:
    struct Clear {
        void operator()(PGresult* result) const noexcept { PQclear(result); }
    };

    std::unique_ptr<PGresult, Clear> result_;
    std::string lost_reason_;
};

// A message of libpq with every run of blanks and newlines as one blank.
std::string one_line(const char* message);

} // namespace dashboard_diff::listener
