#include "core/prose.h"

#include "core/arithmetic.h"

namespace dashboard_diff {

namespace {

constexpr std::size_t max_value_bytes = 40;

} // namespace

void Prose::value(const Value& v) {
    switch (v.kind) {
    case Kind::string:
        text(v.text(), max_value_bytes);
        break;
    case Kind::numeric: {
        const std::string digits = to_text(Decimal(v));
        text_ += std::string_view(digits).substr(0, max_value_bytes);
        if (digits.size() > max_value_bytes)
            ellipsis();
        break;
    }
    case Kind::boolean_true:
        text_ += "true";
        break;
    case Kind::boolean_false:
        text_ += "false";
        break;
    case Kind::null:
        text_ += "null";
        break;
    case Kind::array:
        text_ += "[";
        ellipsis();
        text_ += "]";
        break;
    case Kind::object:
        text_ += "{";
        ellipsis();
        text_ += "}";
        break;
    case Kind::absent:
        text_ += "nothing";
        break;
    }
}

void Prose::text(std::string_view text, std::size_t most_bytes) {
    const std::size_t cut = runtime_.clip(text, most_bytes);
    for (const char c : text.substr(0, cut))
        text_ += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
    if (cut < text.size())
        ellipsis();
}

void Prose::step(const Value& before, const Value& after) {
    value(before);
    arrow();
    value(after);
}

void Prose::share(const Value& before, const Value& after) {
    Number delta(runtime_.memory);
    Number found(runtime_.memory);
    subtract(Decimal(after), Decimal(before), delta, runtime_);
    if (ratio(delta.view(), Decimal(before), found, runtime_))
        percent(found.view());
    else
        step(before, after);
}

void Prose::step_and_share(const Value& before, const Value& after) {
    step(before, after);
    if (Decimal(before).zero())
        return;
    text_ += " (";
    share(before, after);
    text_ += ')';
}

// Tenths of a percent, rounded half away from zero; below that as many places as it takes.
void Prose::percent(const Decimal& share) {
    if (share.zero()) { // rounded to 6 places
        text_ += "by less than 0.0001 %";
        return;
    }
    text_ += share.negative() ? '-' : '+';
    if (share.whole_groups() > 2) {
        text_ += "over 1000000 %";
        return;
    }
    std::uint64_t millionths = 0;
    for (int power = share.weight(); power >= -2; --power) {
        const int i = share.weight() - power;
        const bool stored = i < static_cast<int>(share.digit_count());
        millionths = millionths * 10000 + (stored ? share.digit(static_cast<std::uint32_t>(i)) : 0);
    }
    millionths /= 100; // two groups behind the point hold hundred-millionths
    const std::uint64_t tenths = (millionths + 500) / 1000;
    if (tenths > 0) {
        number(tenths / 10);
        text_ += '.';
        number(tenths % 10);
    } else {
        text_ += "0.";
        const std::string places = std::to_string(millionths + 1'000'000).substr(3);
        text_ += std::string_view(places).substr(0, places.find_last_not_of('0') + 1);
    }
    text_ += " %";
}

} // namespace dashboard_diff
