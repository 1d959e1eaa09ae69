#include "core/explain.h"

#include <algorithm>

#include "core/diff_write.h"
#include "core/evidence.h"
#include "core/operators.h"

namespace dashboard_diff {

namespace {

void write_fact(JsonbWriter& writer, const Fact& fact, const Runtime& runtime) {
    if (const auto* rank = std::get_if<const RankChange*>(&fact)) {
        write_rank_change(writer, **rank);
    } else if (const auto* field = std::get_if<const FieldChange*>(&fact)) {
        if (is_number((*field)->before) && is_number((*field)->after))
            write_value_delta(writer, **field, runtime);
        else
            write_row_change(writer, **field);
    } else {
        static constexpr std::string_view keys[] = {"id"};
        writer.begin_object(keys);
        writer.value(*std::get<const Value*>(fact));
        writer.end();
    }
}

class Explainer {
public:
    Explainer(const Threshold& threshold, const Diff& diff, const Runtime& runtime)
        : threshold_(threshold),
          diff_(diff),
          runtime_(runtime),
          writer_(runtime),
          truths_(runtime.memory),
          evidence_(runtime.memory) {
        truths_.resize(threshold.rules().size());
        evidence_.reserve(threshold.rules().size());
        for (std::size_t i = 0; i < threshold.rules().size(); ++i)
            evidence_.emplace_back(runtime.memory);
    }

    JsonbDatum explain() {
        // Children stand behind their parents: judged back to front, each finds its own done.
        for (std::size_t i = truths_.size(); i-- > 0;)
            judge(i);
        write_rule(0);
        return writer_.finish();
    }

private:
    void judge(std::size_t i) {
        const Rule& rule = threshold_.rules()[i];
        if (!rule.op->combines()) {
            truths_[i] = rule.op->judge(rule, diff_, &evidence_[i], runtime_);
            return;
        }
        truths_[i] = combine(*rule.op, [&](auto&& visit) {
            bool undecided = true;
            threshold_.for_each_child(
                i, [&](std::size_t child) { undecided = undecided && visit(truths_[child]); });
        });
    }

    void write_rule(std::size_t i) {
        const Rule& rule = threshold_.rules()[i];
        std::pmr::vector<std::string_view> keys(runtime_.memory);
        MemberCursor members{Container(rule.node.data)};
        std::string_view key;
        Value value;
        while (members.next(key, value))
            keys.push_back(key);
        keys.push_back("result");
        if (!rule.op->combines())
            keys.push_back("measured");
        if (evidence_[i].matched) {
            keys.push_back("matched");
            keys.push_back("rows");
        }
        std::sort(keys.begin(), keys.end(),
                  [](std::string_view a, std::string_view b) { return compare_keys(a, b) < 0; });
        writer_.begin_object(keys);
        for (const std::string_view k : keys)
            write_member(i, rule, k);
        writer_.end();
    }

    void write_member(std::size_t i, const Rule& rule, std::string_view key) {
        const Evidence& evidence = evidence_[i];
        if (key == "result") {
            if (truths_[i] == Truth::unknown)
                writer_.null();
            else
                writer_.boolean(truths_[i] == Truth::yes);
        } else if (key == "measured") {
            write_measured(evidence);
        } else if (key == "matched") {
            writer_.integer(static_cast<std::int64_t>(*evidence.matched));
        } else if (key == "rows") {
            writer_.begin_array(evidence.facts.size());
            for (const Fact& fact : evidence.facts)
                write_fact(writer_, fact, runtime_);
            writer_.end();
        } else if (key == rule.op->name && rule.op->combines()) {
            write_children(i, rule);
        } else {
            writer_.value(find_member(rule.node, key));
        }
    }

    void write_measured(const Evidence& evidence) {
        if (const auto* count = std::get_if<std::uint64_t>(&evidence.measured))
            writer_.integer(static_cast<std::int64_t>(*count));
        else if (const auto* number = std::get_if<Number>(&evidence.measured))
            writer_.value(number->value());
        else
            writer_.null();
    }

    void write_children(std::size_t i, const Rule& rule) {
        if (rule.op->limit == LimitKind::rule) {
            write_rule(i + 1);
            return;
        }
        writer_.begin_array(Container(rule.limit.data).count());
        threshold_.for_each_child(i, [this](std::size_t child) { write_rule(child); });
        writer_.end();
    }

    const Threshold& threshold_;
    const Diff& diff_;
    const Runtime& runtime_;
    JsonbWriter writer_;
    std::pmr::vector<Truth> truths_;
    std::pmr::vector<Evidence> evidence_;
};

} // namespace

JsonbDatum explain(const Threshold& threshold, const Diff& diff, const Runtime& runtime) {
    threshold.check_top_n(diff);
    return Explainer(threshold, diff, runtime).explain();
}

} // namespace dashboard_diff
