#include "listener/sql_array.h"

namespace dashboard_diff::listener {

void SqlArray::add_raw(std::string_view text) {
    if (elements_.size() > 1)
        elements_ += ',';
    elements_ += text;
}

void SqlArray::add(std::string_view element) {
    add_raw("\"");
    for (const char c : element) {
        if (c == '"' || c == '\\')
            elements_ += '\\';
        elements_ += c;
    }
    elements_ += '"';
}

} // namespace dashboard_diff::listener
