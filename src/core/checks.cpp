#include "core/checks.h"

#include <array>
#include <string>

#include "core/decimal.h"
#include "core/error.h"
#include "core/json_path.h"
#include "core/limits.h"
#include "core/nearest_name.h"
#include "core/number.h"

namespace dashboard_diff {

namespace {

constexpr unsigned takes_severity = 1U << 0;
constexpr unsigned takes_source = 1U << 1;
constexpr unsigned takes_on_field = 1U << 2; // and needs it

struct CheckOperator {
    std::string_view name;
    CheckKind kind;
    unsigned modifiers;
};

// Those about thresholds tell the severity by their names.
constexpr std::array operator_table{
    CheckOperator{"freshness", CheckKind::freshness, takes_severity},
    CheckOperator{"min_rows", CheckKind::min_rows, takes_severity | takes_source},
    CheckOperator{"max_rows", CheckKind::max_rows, takes_severity | takes_source},
    CheckOperator{"null_fraction", CheckKind::null_fraction,
                  takes_severity | takes_source | takes_on_field},
    CheckOperator{"range", CheckKind::range, takes_severity | takes_source | takes_on_field},
    CheckOperator{"warn_when", CheckKind::warn_when, 0},
    CheckOperator{"fail_when", CheckKind::fail_when, 0},
    CheckOperator{"snapshot", CheckKind::snapshot, takes_severity},
};

struct CheckModifier {
    std::string_view name;
    unsigned bit;
};

constexpr std::array modifier_table{
    CheckModifier{"severity", takes_severity},
    CheckModifier{"source", takes_source},
    CheckModifier{"on_field", takes_on_field},
};

template <typename Table>
auto find_entry(const Table& table, std::string_view name) -> decltype(table.data()) {
    for (const auto& entry : table)
        if (entry.name == name)
            return &entry;
    return nullptr;
}

std::string operators_hint() {
    std::string names;
    for (const CheckOperator& op : operator_table)
        names += (names.empty() ? "" : ", ") + std::string(op.name);
    return "Operators are " + names + ".";
}

std::string unknown_key_hint(std::string_view key) {
    NearestName nearest(key);
    for (const CheckOperator& op : operator_table)
        nearest.consider(op.name);
    for (const CheckModifier& modifier : modifier_table)
        nearest.consider(modifier.name);
    return nearest.name().empty() ? operators_hint()
                                  : "Perhaps you meant \"" + std::string(nearest.name()) + "\".";
}

[[noreturn]] void throw_invalid(const JsonPath& at, std::string_view problem,
                                std::string hint = {}) {
    throw Error(ErrorCode::invalid_parameter, "invalid checks",
                "at " + at.text() + ": " + std::string(problem), std::move(hint));
}

void check_size(const JsonPath& at, const limits::Problem& problem) {
    if (problem)
        throw_invalid(at, problem.text, std::string(problem.hint));
}

std::uint64_t read_rows(const Value& value, std::int64_t least, const JsonPath& at) {
    const auto rows = is_number(value) ? to_integer(Decimal(value)) : std::nullopt;
    if (!rows || *rows < least || *rows > INT32_MAX)
        throw_invalid(at, "must be an integer of " + std::to_string(least) + " or more");
    check_size(at, limits::problem_of_number(Decimal(value)));
    return static_cast<std::uint64_t>(*rows);
}

void check_fraction(const Value& value, const JsonPath& at) {
    Number one(std::pmr::get_default_resource());
    assign(one, 1);
    if (!is_number(value) || Decimal(value).negative() || compare(Decimal(value), one.view()) > 0)
        throw_invalid(at, "must be a number from 0 to 1",
                      "It is a fraction of the rows: 0.05 is five percent.");
    check_size(at, limits::problem_of_number(Decimal(value)));
}

void read_range(Check& check, const JsonPath& at) {
    const auto is_bound = [](const Value& v) { return v.is(Kind::null) || is_number(v); };
    std::array<Value, 2> bounds;
    const bool pair = check.limit.is(Kind::array) && Container(check.limit.data).count() == 2;
    for (std::uint32_t i = 0; pair && i < bounds.size(); ++i)
        bounds[i] = Container(check.limit.data).child(i);
    const auto& [smallest, largest] = bounds;
    if (!is_bound(smallest) || !is_bound(largest) ||
        (smallest.is(Kind::null) && largest.is(Kind::null)))
        throw_invalid(at, "must be [min, max], two numbers of which one may be null");
    for (std::size_t i = 0; i < bounds.size(); ++i)
        if (is_number(bounds[i]))
            check_size(JsonPath{&at, {}, i}, limits::problem_of_number(Decimal(bounds[i])));
    if (is_number(smallest))
        check.smallest = smallest;
    if (is_number(largest))
        check.largest = largest;
    if (check.smallest.present() && check.largest.present() &&
        compare(Decimal(smallest), Decimal(largest)) > 0)
        throw_invalid(at, "min must not be greater than max");
}

class CheckReader {
public:
    CheckReader(ReadInterval read_interval, const Runtime& runtime)
        : read_interval_(read_interval), runtime_(runtime) {}

    Check read(const Value& node, const JsonPath& at) const {
        if (!node.is(Kind::object))
            throw_invalid(at, "must be an object with one operator");
        Check check;
        const CheckOperator& op = find_the_operator(check, node, at);
        read_modifiers(check, op, node, at);
        read_limit(check, JsonPath{&at, op.name});
        if ((op.modifiers & takes_on_field) != 0 && !check.on_field.present())
            throw_invalid(JsonPath{&at, op.name}, "needs \"on_field\", the name of a field");
        return check;
    }

private:
    static const CheckOperator& find_the_operator(Check& check, const Value& node,
                                                  const JsonPath& at) {
        const CheckOperator* found = nullptr;
        MemberCursor members{Container(node.data)};
        std::string_view key;
        Value value;
        while (members.next(key, value)) {
            if (const CheckOperator* op = find_entry(operator_table, key)) {
                if (found != nullptr)
                    throw_invalid(at,
                                  "has two operators, \"" + std::string(found->name) + "\" and \"" +
                                      std::string(key) + "\"",
                                  "Make a check of each.");
                found = op;
                check.limit = value;
            } else if (find_entry(modifier_table, key) == nullptr) {
                throw_invalid(JsonPath{&at, key}, "is no operator or modifier",
                              unknown_key_hint(key));
            }
        }
        if (found == nullptr)
            throw_invalid(at, "must have one operator", operators_hint());
        check.kind = found->kind;
        return *found;
    }

    static void read_modifiers(Check& check, const CheckOperator& op, const Value& node,
                               const JsonPath& at) {
        MemberCursor members{Container(node.data)};
        std::string_view key;
        Value value;
        while (members.next(key, value)) {
            const CheckModifier* found = find_entry(modifier_table, key);
            if (found == nullptr)
                continue; // the operator itself
            const JsonPath here{&at, key};
            if ((op.modifiers & found->bit) == 0)
                throw_invalid(here, "is no modifier of \"" + std::string(op.name) + "\"");
            read_modifier(check, found->bit, value, here);
        }
    }

    static void read_modifier(Check& check, unsigned bit, const Value& value, const JsonPath& at) {
        const bool text = value.is(Kind::string) && value.length > 0;
        switch (bit) {
        case takes_severity:
            if (!text || (value.text() != "WARN" && value.text() != "FAIL"))
                throw_invalid(at, "must be \"WARN\" or \"FAIL\"");
            check.severity = value.text() == "WARN" ? Severity::warn : Severity::fail;
            break;
        case takes_source:
            if (!text)
                throw_invalid(at, "must be the name of a row source");
            check_size(at, limits::problem_of_name(value.length));
            check.source = value;
            break;
        case takes_on_field:
            if (!text)
                throw_invalid(at, "must be the name of a field");
            check_size(at, limits::problem_of_name(value.length));
            check.on_field = value;
            break;
        }
    }

    void read_limit(Check& check, const JsonPath& at) const {
        switch (check.kind) {
        case CheckKind::freshness: {
            const auto age =
                check.limit.is(Kind::string) ? read_interval_(check.limit.text()) : std::nullopt;
            if (!age || *age <= 0)
                throw_invalid(at, "must be an interval greater than 0, as text",
                              "For example \"2 hours\".");
            check.longest_age = *age;
            break;
        }
        case CheckKind::min_rows:
            check.rows = read_rows(check.limit, 1, at);
            break;
        case CheckKind::max_rows:
            check.rows = read_rows(check.limit, 0, at);
            break;
        case CheckKind::null_fraction:
            check_fraction(check.limit, at);
            break;
        case CheckKind::range:
            read_range(check, at);
            break;
        case CheckKind::warn_when:
            check.severity = Severity::warn;
            check.threshold = Threshold::read(check.limit, at, runtime_);
            break;
        case CheckKind::fail_when:
            check.threshold = Threshold::read(check.limit, at, runtime_);
            break;
        case CheckKind::snapshot:
            if (!check.limit.is(Kind::string) || check.limit.text() != "ok")
                throw_invalid(at, "must be \"ok\"");
            break;
        }
    }

    ReadInterval read_interval_;
    const Runtime& runtime_;
};

} // namespace

Checks Checks::read(const Value& root, ReadInterval read_interval, const Runtime& runtime) {
    const JsonPath at{nullptr, {}, 0, &runtime};
    const std::uint32_t count = root.is(Kind::array) ? Container(root.data).count() : 0;
    if (count == 0)
        throw_invalid(at, "must be a non-empty array of checks",
                      "A check is an object such as {\"min_rows\": 20}.");
    if (count > most)
        throw_invalid(at, "more than 64 checks");
    Checks checks(runtime.memory);
    checks.checks_.reserve(count);
    const CheckReader reader(read_interval, runtime);
    Cursor elements = Cursor::elements(Container(root.data));
    Value node;
    for (std::size_t i = 0; elements.next(node); ++i)
        checks.checks_.push_back(reader.read(node, JsonPath{&at, {}, i}));
    return checks;
}

} // namespace dashboard_diff
