#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>

namespace dashboard_diff::listener {

// Builds the text form of a one-dimensional PostgreSQL array: a bound parameter of any array type.
class SqlArray {
public:
    void add(std::string_view element);
    void add_null() { add_raw("NULL"); }
    void add(std::integral auto number) { add_raw(std::to_string(number)); }

    std::string text() const { return elements_ + '}'; }

private:
    void add_raw(std::string_view text);

    std::string elements_ = "{";
};

} // namespace dashboard_diff::listener
