#include "core/describe.h"

#include <algorithm>
#include <array>

#include "core/decimal.h"
#include "core/operators.h"
#include "core/prose.h"
#include "core/sentences.h"

namespace dashboard_diff {

namespace {

constexpr std::size_t max_sentences = 3;

// What a sentence is about.
enum class Topic : std::uint8_t {
    order,
    entered,
    left,
    values,
    added,
    removed,
    primary_metric,
    fields,
    metrics,
    sources,
};

// What is told of a diff that no rule points at, by weight.
constexpr std::array general_topics{
    Topic::order,          Topic::values, Topic::added,   Topic::removed,
    Topic::primary_metric, Topic::fields, Topic::metrics, Topic::sources,
};

Topic topic_of(Subject subject) {
    switch (subject) {
    case Subject::reordering:
    case Subject::moved:
    case Subject::rank:
    case Subject::rules: // they have no facts of their own
        break;
    case Subject::entered:
        return Topic::entered;
    case Subject::left:
        return Topic::left;
    case Subject::shares:
    case Subject::values:
        return Topic::values;
    case Subject::fields:
        return Topic::fields;
    case Subject::added:
        return Topic::added;
    case Subject::removed:
        return Topic::removed;
    case Subject::primary_metric:
        return Topic::primary_metric;
    case Subject::metric:
        return Topic::metrics;
    }
    return Topic::order;
}

template <typename Kind>
const Kind& fact(const Evidence& evidence, std::size_t i) {
    return *std::get<const Kind*>(evidence.facts[i]);
}

std::string_view verb(Direction direction) {
    return direction == Direction::up     ? " climbed at least "
           : direction == Direction::down ? " fell at least "
                                          : " moved at least ";
}

// What tells two sentences about one topic apart: the strongest fact. Sentences about an order or
// a set would repeat each other even so.
const void* strongest_fact(Topic topic, const Evidence& evidence) {
    if (topic == Topic::metrics)
        return evidence.metric;
    if ((topic == Topic::values || topic == Topic::fields) && !evidence.facts.empty())
        return &fact<FieldChange>(evidence, 0);
    return nullptr;
}

} // namespace

// One description in the making.
class Description {
public:
    explicit Description(Describer& describer)
        : describer_(describer),
          diff_(describer.diff_),
          runtime_(describer.runtime_),
          prose_(runtime_) {}

    std::pmr::string write(const Threshold* threshold) {
        if (threshold != nullptr)
            say_why(*threshold);
        for (const Topic topic : general_topics)
            say_generally(topic);
        if (prose_.empty())
            prose_.words("nothing changed");
        return prose_.take();
    }

private:
    struct Said {
        Topic topic;
        std::string_view source;
        const void* strongest;

        bool operator==(const Said&) const = default;
    };

    bool complete() const { return count_ == max_sentences; }

    template <typename Matches>
    bool was_said(Matches&& matches) const {
        return std::any_of(said_.begin(), said_.begin() + static_cast<std::ptrdiff_t>(count_),
                           matches);
    }

    // The facts of each rule that holds and is not negated, in the order written.
    void say_why(const Threshold& threshold) {
        const auto& rules = threshold.rules();
        std::size_t negated_until = 0;
        for (std::size_t i = 0; i < rules.size() && !complete(); ++i) {
            const Rule& rule = rules[i];
            if (rule.op->limit == LimitKind::rule)
                negated_until = std::max<std::size_t>(negated_until, rule.end);
            if (rule.op->combines() || i < negated_until)
                continue;
            Evidence evidence(runtime_.memory);
            if (rule.op->judge(rule, diff_, &evidence, runtime_) == Truth::yes)
                say_evidence(rule, evidence);
        }
    }

    void say_evidence(const Rule& rule, const Evidence& evidence) {
        const Topic topic = topic_of(rule.op->subject);
        const Said said{topic, rule.source.present() ? rule.source.text() : std::string_view(),
                        strongest_fact(topic, evidence)};
        if (was_said([&](const Said& other) { return other == said; }))
            return;
        begin_sentence();
        if (rule.source.present()) {
            prose_.words("in ");
            prose_.value(rule.source);
            prose_.words(": ");
        }
        tell_evidence(rule, evidence);
        said_[count_++] = said;
    }

    void say_generally(Topic topic) {
        const bool said_already =
            was_said([&](const Said& said) { return said.topic == topic && said.source.empty(); });
        if (complete() || said_already || !has_general(topic))
            return;
        begin_sentence();
        tell_general(topic);
        said_[count_++] = {topic, {}, nullptr};
    }

    void begin_sentence() {
        if (count_ > 0)
            prose_.words("; ");
    }

    bool has_general(Topic topic) const {
        const SourceDiff& primary = diff_.primary;
        switch (topic) {
        case Topic::order:
            return !primary.top_n_changes.empty();
        case Topic::values:
            return !primary.row_value_deltas.empty();
        case Topic::added:
            return !primary.added.empty();
        case Topic::removed:
            return !primary.removed.empty();
        case Topic::primary_metric:
            return diff_.has_primary_metric() && !equal(Decimal(diff_.primary_metric.before),
                                                        Decimal(diff_.primary_metric.after));
        case Topic::fields:
            return !primary.row_changes.empty();
        case Topic::metrics:
            return !diff_.metrics.empty();
        case Topic::sources:
            return !diff_.sources.empty();
        case Topic::entered:
        case Topic::left:
            break; // the order tells them
        }
        return false;
    }

    void tell_general(Topic topic) {
        const SourceDiff& primary = diff_.primary;
        const auto& ranks = primary.top_n_changes;
        switch (topic) {
        case Topic::order:
            sentences_.reordering(ranks.size(), diff_.top_n, ranks.size(),
                                  [&](std::size_t i) -> const RankChange& { return ranks[i]; });
            break;
        case Topic::values: {
            const LargestChanges& largest = describer_.largest_shares();
            sentences_.shares(primary.row_value_deltas.size(), largest.size(),
                              [&](std::size_t i) -> const FieldChange& { return largest[i]; });
            break;
        }
        case Topic::added:
            sentences_.ids(primary.added.size(), " new: ", primary.added.size(),
                           [&](std::size_t i) -> const Value& { return primary.added[i]; });
            break;
        case Topic::removed:
            sentences_.ids(primary.removed.size(), " gone: ", primary.removed.size(),
                           [&](std::size_t i) -> const Value& { return primary.removed[i]; });
            break;
        case Topic::primary_metric:
            sentences_.primary_metric(diff_.primary_metric);
            break;
        case Topic::fields:
            sentences_.fields(
                primary.row_changes.size(), primary.row_changes.size(),
                [&](std::size_t i) -> const FieldChange& { return primary.row_changes[i]; });
            break;
        case Topic::metrics:
            prose_.list(diff_.metrics.size(), diff_.metrics.size(),
                        [&](std::size_t i) { sentences_.metric(diff_.metrics[i]); });
            break;
        case Topic::sources:
            prose_.words("changes in ");
            prose_.list(diff_.sources.size(), diff_.sources.size(),
                        [&](std::size_t i) { prose_.value(diff_.sources[i].name); });
            break;
        case Topic::entered:
        case Topic::left:
            break;
        }
    }

    void tell_evidence(const Rule& rule, const Evidence& evidence) {
        const std::size_t known = evidence.facts.size();
        const std::size_t matched = evidence.matched.value_or(0);
        const auto rank = [&](std::size_t i) -> const RankChange& {
            return fact<RankChange>(evidence, i);
        };
        const auto field = [&](std::size_t i) -> const FieldChange& {
            return fact<FieldChange>(evidence, i);
        };
        const auto id = [&](std::size_t i) -> const Value& { return fact<Value>(evidence, i); };
        switch (rule.op->subject) {
        case Subject::reordering:
            sentences_.reordering(matched, rule.top_n, known, rank);
            break;
        case Subject::moved:
            sentences_.ranks(matched, " of the top ", rule.top_n, " moved past others", known,
                             rank);
            break;
        case Subject::rank:
            sentences_.ranks(matched, verb(rule.direction), rule.count,
                             rule.count == 1 ? " rank" : " ranks", known, rank);
            break;
        case Subject::entered:
            sentences_.ranks(matched, " entered the top ", rule.top_n, "", known, rank);
            break;
        case Subject::left:
            sentences_.ranks(matched, " left the top ", rule.top_n, "", known, rank);
            break;
        case Subject::shares:
            sentences_.shares(std::max(matched, known), known, field);
            break;
        case Subject::values:
            sentences_.values(std::max(matched, known), known, field);
            break;
        case Subject::fields:
            sentences_.fields(matched, known, field);
            break;
        case Subject::added:
            sentences_.ids(matched, " new: ", known, id);
            break;
        case Subject::removed:
            sentences_.ids(matched, " gone: ", known, id);
            break;
        case Subject::primary_metric:
            sentences_.primary_metric(diff_.primary_metric);
            break;
        case Subject::metric:
            sentences_.metric(*evidence.metric);
            break;
        case Subject::rules:
            break;
        }
    }

    Describer& describer_;
    const Diff& diff_;
    const Runtime& runtime_;
    Prose prose_;
    Sentences sentences_{prose_};
    std::array<Said, max_sentences> said_{};
    std::size_t count_ = 0; // of sentences
};

const LargestChanges& Describer::largest_shares() {
    if (!largest_shares_) {
        LargestChanges largest(Measure::share, Prose::max_examples, runtime_);
        Ticker ticker(runtime_);
        for (const FieldChange& change : diff_.primary.row_value_deltas) {
            ticker.tick();
            largest.add(change);
        }
        largest_shares_.emplace(std::move(largest));
    }
    return *largest_shares_;
}

std::pmr::string Describer::describe(const Threshold* threshold) {
    return Description(*this).write(threshold);
}

std::pmr::string describe(const Diff& diff, const Threshold* threshold, const Runtime& runtime) {
    return Describer(diff, runtime).describe(threshold);
}

} // namespace dashboard_diff
