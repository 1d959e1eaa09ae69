#include "listener/pg_result.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <stdexcept>

namespace dashboard_diff::listener {
namespace {

template <typename Number>
Number parse(std::string_view text, const char* kind) {
    Number value{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end)
        throw std::runtime_error(std::string("the server sent no ") + kind + " where one is due");
    return value;
}

} // namespace

PgResult PgResult::lost(std::string reason) {
    PgResult result(nullptr);
    result.lost_reason_ = std::move(reason);
    return result;
}

bool PgResult::ok() const noexcept {
    const ExecStatusType status = PQresultStatus(result_.get());
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

bool PgResult::is_fatal() const noexcept {
    const char* field = PQresultErrorField(result_.get(), PG_DIAG_SEVERITY_NONLOCALIZED);
    const std::string_view severity = field == nullptr ? "" : field;
    return severity == "FATAL" || severity == "PANIC";
}

bool PgResult::is_permission_denied() const noexcept {
    const char* state = PQresultErrorField(result_.get(), PG_DIAG_SQLSTATE);
    return state != nullptr && std::string_view(state) == "42501";
}

bool PgResult::is_about_data() const noexcept {
    const char* state = PQresultErrorField(result_.get(), PG_DIAG_SQLSTATE);
    if (state == nullptr)
        return false;
    constexpr std::string_view others[] = {"08", "25", "28", "3D", "3F", "40",
                                           "42", "53", "55", "57", "58"};
    return std::ranges::find(others, std::string_view(state).substr(0, 2)) == std::end(others);
}

std::string PgResult::error() const {
    if (!result_)
        return lost_reason_;
    const char* primary = PQresultErrorField(result_.get(), PG_DIAG_MESSAGE_PRIMARY);
    const char* state = PQresultErrorField(result_.get(), PG_DIAG_SQLSTATE);
    std::string text = one_line(primary != nullptr ? primary : PQresultErrorMessage(result_.get()));
    if (state != nullptr) {
        text += " (SQLSTATE ";
        text += state;
        text += ')';
    }
    return text;
}

bool PgResult::is_null(int row, int column) const noexcept {
    return PQgetisnull(result_.get(), row, column) != 0;
}

std::string_view PgResult::text(int row, int column) const noexcept {
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t PgResult::integer(int row, int column) const {
    return parse<std::int64_t>(text(row, column), "integer");
}

double PgResult::number(int row, int column) const {
    return parse<double>(text(row, column), "number");
}

std::string one_line(const char* message) {
    std::string line;
    for (const char* c = message == nullptr ? "" : message; *c != '\0'; ++c) {
        const bool blank = *c == ' ' || *c == '\n' || *c == '\t';
        if (!blank)
            line += *c;
        else if (!line.empty() && line.back() != ' ')
            line += ' ';
    }
    if (line.ends_with(' '))
        line.pop_back();
    return line.empty() ? "no reason given" : line;
}

} // namespace dashboard_diff::listener
