#include "core/tuning.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "core/arithmetic.h"
#include "core/judges.h"
#include "core/limits.h"
#include "core/round_number.h"

namespace dashboard_diff {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Numbers far beyond a double's range have quotients within it.
struct Scientific {
    double mantissa = 0;
    int power = 0; // of 10000

    explicit Scientific(const Decimal& d) : power(d.weight()) {
        constexpr std::uint32_t groups = 5; // 17 digits and more
        double unit = 1;
        for (std::uint32_t i = 0; i < std::min(groups, d.digit_count()); ++i, unit /= 10000)
            mantissa += d.digit(i) * unit;
    }
    double value() const { return mantissa * std::pow(10000.0, power); }

    Scientific& operator/=(const Scientific& other) {
        mantissa /= other.mantissa;
        power -= other.power;
        return *this;
    }
};

bool is_figure_rule(const Rule& rule) {
    return rule.op->subject == Subject::primary_metric || rule.op->subject == Subject::metric;
}

// The limit that a count has: for field_changed, the number of rows.
std::uint64_t count_of(const Rule& rule) {
    return rule.op->limit == LimitKind::field ? rule.min_rows : rule.count;
}

class Reach {
public:
    Reach(const Threshold& threshold, const Diff& diff, const Runtime& runtime)
        : threshold_(threshold), diff_(diff), runtime_(runtime) {}

    double of(std::size_t i) const {
        const Rule& rule = threshold_.rules()[i];
        switch (rule.op->limit) {
        case LimitKind::rules:
            return of_children(i, *rule.op->decisive == Truth::no);
        case LimitKind::rule:
            return threshold_.judge_rule(i, diff_, runtime_) == Truth::yes ? infinity : 0;
        case LimitKind::count:
        case LimitKind::field:
            return of_count(rule);
        case LimitKind::share:
        case LimitKind::difference:
            break;
        }
        return is_figure_rule(rule) ? of_figure(rule) : of_rows(rule);
    }

private:
    double of_children(std::size_t i, bool all) const {
        double result = all ? infinity : 0;
        threshold_.for_each_child(i, [&](std::size_t child) {
            const double found = of(child);
            result = all ? std::min(result, found) : std::max(result, found);
        });
        return result;
    }

    // What such a rule measures is the largest limit that it meets.
    double of_count(const Rule& rule) const {
        Evidence evidence(runtime_.memory);
        rule.op->judge(rule, diff_, &evidence, runtime_);
        return static_cast<double>(std::get<std::uint64_t>(evidence.measured)) /
               static_cast<double>(count_of(rule));
    }

    double of_figure(const Rule& rule) const {
        const MetricChange* metric = figure_of(rule, diff_);
        if (metric == nullptr)
            return 0;
        const Decimal before(metric->before);
        const Decimal after(metric->after);
        const bool considered = ChangeJudge(rule, runtime_).considers(before, after);
        return considered ? of_change(rule, before, after) : 0;
    }

    // With min_rows, as many rows have to reach the limit: the largest change of the last of them.
    double of_rows(const Rule& rule) const {
        std::pmr::vector<double> rows(runtime_.memory); // the largest of each
        const Value* last = nullptr;
        for_each_considered(
            rule, ChangeJudge(rule, runtime_), diff_, runtime_,
            [&](const FieldChange& change, const Decimal& before, const Decimal& after) {
                const double found = of_change(rule, before, after);
                if (last != nullptr && equal_ids(*last, change.id))
                    rows.back() = std::max(rows.back(), found);
                else
                    rows.push_back(found);
                last = &change.id;
                return true;
            });
        if (rows.size() < rule.min_rows)
            return 0;
        const auto nth = rows.begin() + static_cast<std::ptrdiff_t>(rule.min_rows - 1);
        std::nth_element(rows.begin(), nth, rows.end(), std::greater<>());
        return *nth;
    }

    double of_change(const Rule& rule, const Decimal& before, const Decimal& after) const {
        const bool share = measure_of(rule) == Measure::share;
        if (share && before.zero())
            return infinity;
        Number delta(runtime_.memory);
        subtract(after, before, delta, runtime_);
        Scientific size(delta.view());
        size /= Scientific(Decimal(rule.limit));
        if (share)
            size /= Scientific(before);
        return size.value();
    }

    const Threshold& threshold_;
    const Diff& diff_;
    const Runtime& runtime_;
};

std::size_t count_tunable(const Threshold& threshold) {
    const auto& rules = threshold.rules();
    std::size_t count = 0;
    for (std::size_t i = 0; i < rules.size();) {
        const bool negation = rules[i].op->limit == LimitKind::rule;
        count += rules[i].op->combines() ? 0 : 1;
        i = negation ? rules[i].end : i + 1;
    }
    return count;
}

// Makes the interval one that has numbers in it, and an end.
void bound(double& above, double& up_to) {
    constexpr double largest = 1e200; // products with it are still finite
    if (std::isinf(up_to))
        up_to = above > 0 ? 2 * above : 1;
    up_to = std::clamp(up_to, 1 / largest, largest);
    if (above <= 0)
        above = up_to / 2;
    if (above >= up_to)
        above = up_to * (1 - 1e-9);
}

class LimitScaler {
public:
    LimitScaler(const Threshold& threshold, double above, double up_to, const Runtime& runtime)
        : threshold_(threshold),
          runtime_(runtime),
          unchanged_(above <= 0 && std::isinf(up_to)),
          above_(above),
          up_to_(up_to),
          writer_(runtime) {
        bound(above_, up_to_);
        single_ = count_tunable(threshold) == 1;
        factor_ = roundest(above_, up_to_);
    }

    JsonbDatum scale() {
        write_rule(0);
        return writer_.finish();
    }

private:
    void write_rule(std::size_t i) {
        const Rule& rule = threshold_.rules()[i];
        if (rule.op->limit == LimitKind::rule || unchanged_) {
            writer_.value(rule.node);
            return;
        }
        std::pmr::vector<std::string_view> keys(runtime_.memory);
        Cursor cursor = Cursor::keys(Container(rule.node.data));
        for (Value key; cursor.next(key);)
            keys.push_back(key.text());
        const std::string_view limit_key = limit_key_of(rule);
        if (std::find(keys.begin(), keys.end(), limit_key) == keys.end())
            keys.push_back(limit_key);
        std::sort(keys.begin(), keys.end(),
                  [](std::string_view a, std::string_view b) { return compare_keys(a, b) < 0; });
        writer_.begin_object(keys);
        for (const std::string_view key : keys) {
            if (key == limit_key)
                write_limit(i, rule);
            else
                writer_.value(find_member(rule.node, key));
        }
        writer_.end();
    }

    static std::string_view limit_key_of(const Rule& rule) {
        return rule.op->limit == LimitKind::field ? "min_rows" : rule.op->name;
    }

    void write_limit(std::size_t i, const Rule& rule) {
        switch (rule.op->limit) {
        case LimitKind::rules:
            writer_.begin_array(Container(rule.limit.data).count());
            threshold_.for_each_child(i, [this](std::size_t child) { write_rule(child); });
            writer_.end();
            break;
        case LimitKind::count:
        case LimitKind::field:
            writer_.integer(static_cast<std::int64_t>(scaled(count_of(rule))));
            break;
        case LimitKind::share:
        case LimitKind::difference:
            write_amount(Decimal(rule.limit), rule.limit);
            break;
        case LimitKind::rule: // copied whole
            break;
        }
    }

    std::uint64_t scaled(std::uint64_t limit) const {
        const auto count = static_cast<double>(limit);
        if (single_)
            return roundest_integer(count * above_, count * up_to_);
        const double exact = count * factor_.to_double();
        return roundest_integer(exact, exact);
    }

    void write_amount(const Decimal& limit, const Value& as_written) {
        Number number(runtime_.memory);
        const bool assigned =
            single_ ? assign_round(number, limit) : multiply(number, limit, factor_, runtime_);
        const bool fits = assigned && !limits::problem_of_number(number.view());
        writer_.value(fits ? number.value() : as_written);
    }

    bool assign_round(Number& out, const Decimal& limit) const {
        const Scientific size(limit);
        const RoundNumber round = roundest(size.mantissa * above_, size.mantissa * up_to_);
        return assign_digits(out, std::to_string(round.digits), round.exponent + 4 * size.power,
                             runtime_);
    }

    const Threshold& threshold_;
    const Runtime& runtime_;
    bool unchanged_;
    double above_;
    double up_to_;
    bool single_ = false;
    RoundNumber factor_;
    JsonbWriter writer_;
};

} // namespace

bool has_tunable_limit(const Threshold& threshold) {
    return count_tunable(threshold) > 0;
}

double reach(const Threshold& threshold, const Diff& diff, const Runtime& runtime) {
    threshold.check_top_n(diff);
    return Reach(threshold, diff, runtime).of(0);
}

JsonbDatum scale_limits(const Threshold& threshold, double above, double up_to,
                        const Runtime& runtime) {
    return LimitScaler(threshold, above, up_to, runtime).scale();
}

} // namespace dashboard_diff
