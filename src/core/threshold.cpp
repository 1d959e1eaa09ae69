#include "core/threshold.h"

#include "core/decimal.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/operators.h"

namespace dashboard_diff {

namespace {

[[noreturn]] void throw_invalid(const JsonPath& at, std::string_view problem,
                                std::string hint = {}) {
    throw Error(ErrorCode::invalid_parameter, "invalid threshold",
                "at " + at.text() + ": " + std::string(problem), std::move(hint));
}

std::string operator_names() {
    std::string names;
    for (const Operator& op : operators())
        names += (names.empty() ? "" : ", ") + std::string(op.name);
    return names;
}

void check_size(const JsonPath& at, const limits::Problem& problem) {
    if (problem)
        throw_invalid(at, problem.text, std::string(problem.hint));
}

void check_bytes(const Value& value, std::size_t most, const JsonPath& at, const char* hint) {
    if (value.length > most)
        throw_invalid(at, "must be at most " + std::to_string(most) + " bytes long", hint);
}

std::uint64_t read_count(const Value& value, const JsonPath& at, std::int64_t largest) {
    const auto count = is_number(value) ? to_integer(Decimal(value)) : std::nullopt;
    if (count && *count > largest)
        throw_invalid(at, "must be at most " + std::to_string(largest));
    if (!count || *count < 1)
        throw_invalid(at, "must be an integer of 1 or more");
    check_size(at, limits::problem_of_number(Decimal(value))); // 3.000...
    return static_cast<std::uint64_t>(*count);
}

void check_number(const Value& value, const JsonPath& at, bool zero_allowed) {
    const bool number = is_number(value) && !Decimal(value).negative();
    if (!number || (Decimal(value).zero() && !zero_allowed))
        throw_invalid(at, zero_allowed ? "must be a number of 0 or more"
                                       : "must be a number greater than 0");
    check_size(at, limits::problem_of_number(Decimal(value)));
}

const Value& read_name(const Value& value, const JsonPath& at, std::string_view what) {
    if (!value.is(Kind::string) || value.length == 0)
        throw_invalid(at, "must be the name of a " + std::string(what));
    check_size(at, limits::problem_of_name(value.length));
    return value;
}

} // namespace

class ThresholdReader {
public:
    ThresholdReader(Threshold& out, const Runtime& runtime) : out_(out), runtime_(runtime) {}

    void read_rule(const Value& node, const JsonPath& at, int level) {
        if (!node.is(Kind::object))
            throw_invalid(at, "must be an object with one operator");
        if (level > Threshold::max_levels)
            throw_invalid(at, "nested deeper than 16 levels");
        if (out_.rules_.size() == Threshold::max_nodes)
            throw_invalid(at, "more than 256 nodes");

        const std::size_t i = out_.rules_.size();
        out_.rules_.emplace_back();
        Rule rule;
        rule.node = node;
        find_the_operator(rule, at);
        read_modifiers(rule, at);

        const JsonPath limit_at{&at, rule.op->name};
        switch (rule.op->limit) {
        case LimitKind::rules: {
            if (!rule.limit.is(Kind::array) || Container(rule.limit.data).count() == 0)
                throw_invalid(limit_at, "must be a non-empty array of rules");
            Cursor children = Cursor::elements(Container(rule.limit.data));
            Value child;
            for (std::size_t n = 0; children.next(child); ++n)
                read_rule(child, JsonPath{&limit_at, {}, n}, level + 1);
            break;
        }
        case LimitKind::rule:
            read_rule(rule.limit, limit_at, level + 1);
            break;
        case LimitKind::count:
            rule.count = read_count(rule.limit, limit_at, INT32_MAX);
            break;
        case LimitKind::share:
        case LimitKind::difference:
            check_number(rule.limit, limit_at, false);
            break;
        case LimitKind::field:
            read_name(rule.limit, limit_at, "field");
            break;
        }
        if (rule.op->takes(modifier::on_metric) && !rule.on_metric.present())
            throw_invalid(limit_at, "needs \"on_metric\", the name of a metric");
        if (rule.op->looks_at_top_n() && rule.top_n > out_.required_top_n_) {
            out_.required_top_n_ = rule.top_n;
            out_.top_n_path_ = limit_at.text();
        }
        rule.end = static_cast<std::uint32_t>(out_.rules_.size());
        out_.rules_[i] = std::move(rule);
    }

private:
    void find_the_operator(Rule& rule, const JsonPath& at) {
        MemberCursor members{Container(rule.node.data)};
        std::string_view key;
        Value value;
        while (members.next(key, value)) {
            if (const Operator* op = find_operator(key)) {
                if (rule.op != nullptr)
                    throw_invalid(at,
                                  "has two operators, \"" + std::string(rule.op->name) +
                                      "\" and \"" + std::string(key) + "\"",
                                  "Combine rules with \"AND\" or \"OR\".");
                rule.op = op;
                rule.limit = value;
            } else if (find_modifier(key) == nullptr) {
                const std::string_view nearest = nearest_key(key);
                throw_invalid(JsonPath{&at, key}, "is no operator or modifier",
                              nearest.empty()
                                  ? "Operators are " + operator_names() + "."
                                  : "Perhaps you meant \"" + std::string(nearest) + "\".");
            }
        }
        if (rule.op == nullptr)
            throw_invalid(at, "must have one operator", "Operators are " + operator_names() + ".");
    }

    void read_modifiers(Rule& rule, const JsonPath& at) {
        MemberCursor members{Container(rule.node.data)};
        std::string_view key;
        Value value;
        while (members.next(key, value)) {
            const ModifierName* found = find_modifier(key);
            if (found == nullptr)
                continue; // the operator itself
            const JsonPath here{&at, key};
            if (!rule.op->takes(found->bit))
                throw_invalid(here, "is no modifier of \"" + std::string(rule.op->name) + "\"");
            read_modifier(rule, found->bit, value, here);
        }
    }

    void read_modifier(Rule& rule, unsigned bit, const Value& value, const JsonPath& at) {
        switch (bit) {
        case modifier::top_n:
            rule.top_n = static_cast<std::uint32_t>(read_count(value, at, INT32_MAX));
            break;
        case modifier::min_rows:
            rule.min_rows = read_count(value, at, INT32_MAX);
            break;
        case modifier::min_abs:
            check_number(value, at, true);
            rule.min_abs = value;
            break;
        case modifier::on_field:
            rule.on_field = read_name(value, at, "field");
            break;
        case modifier::on_metric:
            rule.on_metric = read_name(value, at, "metric");
            break;
        case modifier::source:
            rule.source = read_name(value, at, "row source");
            break;
        case modifier::to:
            check_bytes(value, limits::value_bytes, at,
                        "Ask for any change of the field, without \"to\".");
            rule.to = value;
            break;
        case modifier::direction:
            if (!value.is(Kind::string) ||
                (value.text() != "up" && value.text() != "down" && value.text() != "any"))
                throw_invalid(at, "must be \"up\", \"down\" or \"any\"");
            rule.direction = value.text() == "up"     ? Direction::up
                             : value.text() == "down" ? Direction::down
                                                      : Direction::any;
            break;
        case modifier::ids:
            read_ids(rule, value, at);
            break;
        }
    }

    void read_ids(Rule& rule, const Value& list, const JsonPath& at) {
        if (!list.is(Kind::array) || Container(list.data).count() == 0)
            throw_invalid(at, "must be a non-empty array of ids");
        if (Container(list.data).count() > limits::ids)
            throw_invalid(at, "must have at most " + std::to_string(limits::ids) + " ids",
                          "Without \"ids\" a rule looks at all rows.");
        Cursor elements = Cursor::elements(Container(list.data));
        Value id;
        for (std::size_t n = 0; elements.next(id); ++n) {
            const JsonPath here{&at, {}, n};
            if (!is_id(id))
                throw_invalid(here, "must be a string or a number");
            check_size(here, limits::problem_of_name(id.length));
        }
        rule.ids.emplace(list, runtime_);
    }

    Threshold& out_;
    const Runtime& runtime_;
};

Threshold Threshold::read(const Value& root, const JsonPath& at, const Runtime& runtime) {
    Threshold threshold(runtime.memory);
    ThresholdReader(threshold, runtime).read_rule(root, at, 1);
    check_bytes(root, limits::threshold_bytes, at, "Make several subscriptions of it.");
    return threshold;
}

void Threshold::check_top_n(const Diff& diff) const {
    if (required_top_n_ <= diff.top_n || top_n_path_.empty())
        return;
    const std::string wanted = std::to_string(required_top_n_);
    throw Error(ErrorCode::invalid_parameter,
                "threshold looks at a larger top_n than the diff holds",
                "at " + top_n_path_ + ": looks at the top " + wanted + ", the diff holds the top " +
                    std::to_string(diff.top_n) + ".",
                "Call dashboard_diff(before, after, top_n => " + wanted + ").");
}

Truth Threshold::judge(const Diff& diff, const Runtime& runtime) const {
    check_top_n(diff);
    return judge_rule(0, diff, runtime);
}

Truth Threshold::judge_rule(std::size_t i, const Diff& diff, const Runtime& runtime) const {
    const Rule& rule = rules_[i];
    if (!rule.op->combines())
        return rule.op->judge(rule, diff, nullptr, runtime);
    return combine(*rule.op, [&](auto&& visit) {
        for (std::size_t child = i + 1; child < rule.end; child = rules_[child].end)
            if (!visit(judge_rule(child, diff, runtime)))
                return;
    });
}

} // namespace dashboard_diff
