#include "core/describe.h"

#include <algorithm>
#include <optional>

#include "core/arithmetic.h"
#include "core/operators.h"

namespace dashboard_diff {

namespace {

constexpr std::size_t max_sentences = 3;
constexpr std::size_t max_examples = 3;
constexpr std::size_t max_value_bytes = 40;

// What a sentence is about; each is said once.
enum class Topic : std::uint8_t {
    order,
    values,
    added,
    removed,
    metric,
    fields,
    metrics,
    sources,
    count
};

Topic topic_of(Subject subject) {
    switch (subject) {
    case Subject::order:
        return Topic::order;
    case Subject::values:
        return Topic::values;
    case Subject::added:
        return Topic::added;
    case Subject::removed:
        return Topic::removed;
    case Subject::metric:
        return Topic::metric;
    case Subject::rules:
        break; // they have no facts of their own
    }
    return Topic::count;
}

class Describer {
public:
    Describer(const Diff& diff, const Runtime& runtime)
        : diff_(diff), runtime_(runtime), text_(runtime.memory) {}

    std::pmr::string describe(const Threshold* threshold) {
        if (threshold != nullptr)
            say_why(*threshold);
        for (int topic = 0; topic < static_cast<int>(Topic::count); ++topic)
            say(static_cast<Topic>(topic), nullptr);
        if (text_.empty())
            text_ = "nothing changed";
        return std::move(text_);
    }

private:
    // The facts of each rule that holds and is not negated, in the order written.
    void say_why(const Threshold& threshold) {
        const auto& rules = threshold.rules();
        std::size_t negated_until = 0;
        for (std::size_t i = 0; i < rules.size(); ++i) {
            const Rule& rule = rules[i];
            if (rule.op->limit == LimitKind::rule)
                negated_until = std::max<std::size_t>(negated_until, rule.end);
            if (rule.op->combines() || i < negated_until)
                continue;
            Evidence evidence(runtime_.memory);
            if (rule.op->judge(rule, diff_, &evidence, runtime_) == Truth::yes)
                say(topic_of(rule.op->subject), &evidence);
        }
    }

    void say(Topic topic, const Evidence* evidence) {
        const unsigned bit = 1U << static_cast<unsigned>(topic);
        if ((said_ & bit) != 0 || sentences_ == max_sentences)
            return;
        std::pmr::string saved = std::move(text_);
        text_ = std::pmr::string(runtime_.memory);
        say_topic(topic, evidence);
        if (!text_.empty()) {
            said_ |= bit;
            ++sentences_;
            if (!saved.empty())
                saved += "; ";
        }
        saved += text_;
        text_ = std::move(saved);
    }

    void say_topic(Topic topic, const Evidence* evidence) {
        const SourceDiff& primary = diff_.primary;
        switch (topic) {
        case Topic::order:
            say_order(evidence);
            break;
        case Topic::values:
            say_values(evidence);
            break;
        case Topic::added:
            say_ids(primary.added, " new: ");
            break;
        case Topic::removed:
            say_ids(primary.removed, " gone: ");
            break;
        case Topic::metric:
            say_metric();
            break;
        case Topic::fields:
            say_fields();
            break;
        case Topic::metrics:
            say_metrics();
            break;
        case Topic::sources:
            say_sources();
            break;
        case Topic::count:
            break;
        }
    }

    // "3 of the top 10 changed place: TP53 4→1, BRCA1 new at 2, EGFR left from 3"
    void say_order(const Evidence* evidence) {
        const auto& changes = diff_.primary.top_n_changes;
        if (changes.empty())
            return;
        const std::size_t count = evidence != nullptr ? *evidence->matched : changes.size();
        // Newcomers and leavers count too, so that there may be more than N of them.
        number(count);
        text_ += count <= top_of(evidence) ? " of the top " : " in or around the top ";
        number(top_of(evidence));
        text_ += " changed place: ";
        list(std::min(count, changes.size()), [&](std::size_t i) {
            const RankChange& change =
                evidence != nullptr ? *std::get<const RankChange*>(evidence->facts[i]) : changes[i];
            value(change.id);
            if (change.from == 0) {
                text_ += " new at ";
                number(change.to);
            } else if (change.to == 0) {
                text_ += " gone from ";
                number(change.from);
            } else {
                text_ += ' ';
                number(change.from);
                arrow();
                number(change.to);
            }
        });
    }

    std::size_t top_of(const Evidence* evidence) const {
        return evidence != nullptr && evidence->top_n != 0 ? evidence->top_n : diff_.top_n;
    }

    // "composite_score of BRCA1 +12.3 %, ..."
    void say_values(const Evidence* evidence) {
        std::optional<Evidence> strongest;
        if (evidence == nullptr) {
            strongest.emplace(runtime_.memory);
            Ticker ticker(runtime_);
            for (const FieldChange& change : diff_.primary.row_value_deltas) {
                ticker.tick();
                strongest->add(change, runtime_);
            }
            evidence = &*strongest;
        }
        const std::size_t total =
            strongest ? diff_.primary.row_value_deltas.size()
                      : std::max<std::size_t>(*evidence->matched, evidence->facts.size());
        if (evidence->facts.empty())
            return;
        list(total, [&](std::size_t i) {
            const FieldChange& change = *std::get<const FieldChange*>(evidence->facts[i]);
            value(change.field);
            text_ += " of ";
            value(change.id);
            text_ += ' ';
            share_or_values(change.before, change.after);
        });
    }

    void say_ids(const std::pmr::vector<Value>& ids, std::string_view verb) {
        if (ids.empty())
            return;
        number(ids.size());
        text_ += verb;
        list(ids.size(), [&](std::size_t i) { value(ids[i]); });
    }

    void say_metric() {
        if (!diff_.has_primary_metric())
            return;
        const MetricChange& metric = diff_.primary_metric;
        if (equal(Decimal(metric.before), Decimal(metric.after)))
            return;
        text_ += "primary metric ";
        change(metric);
    }

    void say_fields() {
        const auto& changes = diff_.primary.row_changes;
        if (changes.empty())
            return;
        list(changes.size(), [&](std::size_t i) {
            const FieldChange& change = changes[i];
            value(change.field);
            text_ += " of ";
            value(change.id);
            text_ += ' ';
            value(change.before);
            arrow();
            value(change.after);
        });
    }

    // "users 100→150 (+50.0 %)"
    void say_metrics() {
        if (diff_.metrics.empty())
            return;
        list(diff_.metrics.size(), [&](std::size_t i) {
            value(diff_.metrics[i].name);
            text_ += ' ';
            change(diff_.metrics[i]);
        });
    }

    void say_sources() {
        if (diff_.sources.empty())
            return;
        text_ += "changes in ";
        list(diff_.sources.size(), [&](std::size_t i) { value(diff_.sources[i].name); });
    }

    void change(const MetricChange& metric) {
        value(metric.before);
        arrow();
        value(metric.after);
        if (!Decimal(metric.before).zero()) {
            text_ += " (";
            share_or_values(metric.before, metric.after);
            text_ += ')';
        }
    }

    // Up to max_examples items, then how many there are beside them.
    template <typename Item>
    void list(std::size_t total, Item&& item) {
        const std::size_t shown = std::min(total, max_examples);
        for (std::size_t i = 0; i < shown; ++i) {
            if (i > 0)
                text_ += ", ";
            item(i);
        }
        if (total > shown) {
            text_ += " and ";
            number(total - shown);
            text_ += " more";
        }
    }

    // "+12.3 %", or "0→5" where there is no share.
    void share_or_values(const Value& before, const Value& after) {
        Number delta(runtime_.memory);
        Number share(runtime_.memory);
        subtract(Decimal(after), Decimal(before), delta, runtime_);
        if (!ratio(delta.view(), Decimal(before), share, runtime_)) {
            value(before);
            arrow();
            value(after);
            return;
        }
        percent(share.view());
    }

    // Tenths of a percent, rounded half away from zero; below that as many places as it takes.
    void percent(const Decimal& share) {
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
            millionths =
                millionths * 10000 + (stored ? share.digit(static_cast<std::uint32_t>(i)) : 0);
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

    // A value of the rows: cut, and free of control characters that could forge a line.
    void value(const Value& v) {
        switch (v.kind) {
        case Kind::string: {
            const std::size_t cut = runtime_.clip(v.text(), max_value_bytes);
            for (const char c : v.text().substr(0, cut))
                text_ += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
            if (cut < v.length)
                ellipsis();
            break;
        }
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

    void number(std::uint64_t n) { text_ += std::to_string(n); }
    void arrow() { text_ += runtime_.has_unicode ? "\u2192" : "->"; }
    void ellipsis() { text_ += runtime_.has_unicode ? "\u2026" : "..."; }

    const Diff& diff_;
    const Runtime& runtime_;
    std::pmr::string text_;
    unsigned said_ = 0;
    std::size_t sentences_ = 0;
};

} // namespace

std::pmr::string describe(const Diff& diff, const Threshold* threshold, const Runtime& runtime) {
    return Describer(diff, runtime).describe(threshold);
}

} // namespace dashboard_diff
