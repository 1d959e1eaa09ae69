#include "core/operators.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <numeric>
#include <string>

#include "core/arithmetic.h"

namespace dashboard_diff {

namespace {

Truth truth(bool b) {
    return b ? Truth::yes : Truth::no;
}

// Records a count that is both the measure and the number of rows matched.
Truth judge_count(std::uint64_t found, const Rule& rule, Evidence* evidence) {
    if (evidence != nullptr) {
        evidence->measured = found;
        evidence->matched = found;
    }
    return truth(found >= rule.count);
}

Truth judge_top_n_reordering(const Rule& rule, const Diff& diff, Evidence* evidence,
                             const Runtime&) {
    // The diff may hold a larger top N than this rule looks at.
    const auto in_top = [&](std::uint32_t rank) { return rank != 0 && rank <= rule.top_n; };
    std::uint64_t found = 0;
    for (const RankChange& change : diff.primary.top_n_changes) {
        if (!in_top(change.from) && !in_top(change.to))
            continue;
        ++found;
        if (evidence != nullptr)
            evidence->add(&change);
    }
    if (evidence != nullptr)
        evidence->top_n = rule.top_n;
    return judge_count(found, rule, evidence);
}

Truth judge_ids(const std::pmr::vector<Value>& ids, const Rule& rule, Evidence* evidence) {
    if (evidence != nullptr)
        for (const Value& id : ids)
            evidence->add(&id);
    return judge_count(ids.size(), rule, evidence);
}

Truth judge_set_added(const Rule& rule, const Diff& diff, Evidence* evidence, const Runtime&) {
    return judge_ids(diff.primary.added, rule, evidence);
}

Truth judge_set_removed(const Rule& rule, const Diff& diff, Evidence* evidence, const Runtime&) {
    return judge_ids(diff.primary.removed, rule, evidence);
}

bool in_direction(const Decimal& delta, Direction direction) {
    return direction == Direction::any || delta.negative() == (direction == Direction::down);
}

// Whether one change of a number counts for a rule about shares: 3.0 to 3.3 reaches 0.1 exactly.
// A change away from zero is larger than any share.
struct ChangeJudge {
    const Rule& rule;
    const Runtime& runtime;
    Number delta;

    ChangeJudge(const Rule& r, const Runtime& rt) : rule(r), runtime(rt), delta(rt.memory) {}

    // Whether direction and floor let the change count at all.
    bool considered(const Value& before, const Value& after) {
        subtract(Decimal(after), Decimal(before), delta, runtime);
        if (delta.view().zero() || !in_direction(delta.view(), rule.direction))
            return false;
        return !rule.min_abs.present() ||
               compare_magnitudes(delta.view(), Decimal(rule.min_abs)) >= 0;
    }
    bool reaches(const Value& before) {
        const Decimal base(before);
        return base.zero() || reaches_fraction(delta.view(), base, Decimal(rule.limit), runtime);
    }
};

// Keeps the larger share of two in `largest`, for the measure of a rule about shares.
void keep_largest(std::optional<Number>& largest, const Decimal& delta, const Decimal& base,
                  const Runtime& runtime) {
    Number share(runtime.memory);
    if (!ratio(delta, base, share, runtime))
        return;
    if (!largest || compare_magnitudes(share.view(), largest->view()) > 0)
        largest = share;
}

Truth judge_value_delta_pct(const Rule& rule, const Diff& diff, Evidence* evidence,
                            const Runtime& runtime) {
    ChangeJudge judge(rule, runtime);
    std::optional<Number> largest;
    std::uint64_t rows = 0;
    const Value* last_row = nullptr;
    Ticker ticker(runtime);
    for (const FieldChange& change : diff.primary.row_value_deltas) {
        ticker.tick();
        if (rule.on_field.present() && change.field.text() != rule.on_field.text())
            continue;
        if (rule.ids && !rule.ids->contains(change.id))
            continue;
        if (!judge.considered(change.before, change.after))
            continue;
        if (evidence != nullptr)
            keep_largest(largest, judge.delta.view(), Decimal(change.before), runtime);
        if (!judge.reaches(change.before))
            continue;
        if (evidence != nullptr)
            evidence->add(change, runtime);
        // The changes of one row stand together.
        if (last_row == nullptr || !equal_ids(*last_row, change.id))
            ++rows;
        last_row = &change.id;
        if (evidence == nullptr && rows >= rule.min_rows)
            return Truth::yes;
    }
    if (evidence != nullptr) {
        evidence->matched = rows;
        if (largest)
            evidence->measured = *largest;
    }
    return truth(rows >= rule.min_rows);
}

Truth judge_primary_metric_delta_pct(const Rule& rule, const Diff& diff, Evidence* evidence,
                                     const Runtime& runtime) {
    if (!diff.has_primary_metric())
        return Truth::unknown;
    const MetricChange& metric = diff.primary_metric;
    ChangeJudge judge(rule, runtime);
    const bool considered = judge.considered(metric.before, metric.after);
    if (evidence != nullptr) {
        Number share(runtime.memory);
        if (ratio(judge.delta.view(), Decimal(metric.before), share, runtime))
            evidence->measured = share;
    }
    return truth(considered && judge.reaches(metric.before));
}

constexpr unsigned value_modifiers = modifier::on_field | modifier::direction | modifier::min_abs |
                                     modifier::min_rows | modifier::ids;

constexpr std::array operator_table{
    Operator{"AND", LimitKind::rules, Subject::rules, 0, nullptr, Truth::no},
    Operator{"OR", LimitKind::rules, Subject::rules, 0, nullptr, Truth::yes},
    Operator{"NOT", LimitKind::rule, Subject::rules, 0, nullptr},
    Operator{"top_n_reordering", LimitKind::count, Subject::order, modifier::top_n,
             judge_top_n_reordering},
    Operator{"value_delta_pct", LimitKind::amount, Subject::values, value_modifiers,
             judge_value_delta_pct},
    Operator{"set_added_min", LimitKind::count, Subject::added, 0, judge_set_added},
    Operator{"set_removed_min", LimitKind::count, Subject::removed, 0, judge_set_removed},
    Operator{"primary_metric_delta_pct", LimitKind::amount, Subject::metric,
             modifier::direction | modifier::min_abs, judge_primary_metric_delta_pct},
};

constexpr std::array modifier_table{
    ModifierName{"top_n", modifier::top_n},         ModifierName{"on_field", modifier::on_field},
    ModifierName{"direction", modifier::direction}, ModifierName{"min_abs", modifier::min_abs},
    ModifierName{"min_rows", modifier::min_rows},   ModifierName{"ids", modifier::ids},
};

// Edits (insert, delete, replace) from one name to the other; case does not count.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row[b.size()];
}

} // namespace

void Evidence::add(const FieldChange& change, const Runtime& runtime) {
    Number delta(runtime.memory);
    Number share(runtime.memory);
    subtract(Decimal(change.after), Decimal(change.before), delta, runtime);
    Share candidate;
    if (ratio(delta.view(), Decimal(change.before), share, runtime))
        candidate.share = share;

    const auto at = std::find_if(shares_.begin(), shares_.end(),
                                 [&](const Share& s) { return larger(candidate, s); });
    if (at == shares_.end() && shares_.size() == max_facts)
        return;
    facts.insert(facts.begin() + (at - shares_.begin()), &change);
    shares_.insert(at, candidate);
    if (shares_.size() > max_facts) {
        shares_.pop_back();
        facts.pop_back();
    }
}

bool Evidence::larger(const Share& a, const Share& b) {
    if (!a.share || !b.share)
        return !a.share && b.share;
    return compare_magnitudes(a.share->view(), b.share->view()) > 0;
}

std::span<const Operator> operators() noexcept {
    return operator_table;
}

std::span<const ModifierName> modifier_names() noexcept {
    return modifier_table;
}

const Operator* find_operator(std::string_view name) noexcept {
    const auto at = std::find_if(operator_table.begin(), operator_table.end(),
                                 [&](const Operator& op) { return op.name == name; });
    return at == operator_table.end() ? nullptr : at;
}

const ModifierName* find_modifier(std::string_view name) noexcept {
    const auto at = std::find_if(modifier_table.begin(), modifier_table.end(),
                                 [&](const ModifierName& m) { return m.name == name; });
    return at == modifier_table.end() ? nullptr : at;
}

std::string_view nearest_key(std::string_view unknown) {
    if (unknown.size() > 64)
        return {};
    std::string_view nearest;
    std::size_t best = SIZE_MAX;
    const auto consider = [&](std::string_view name) {
        const std::size_t distance = edit_distance(unknown, name);
        if (distance < best && 2 * distance <= std::max(unknown.size(), name.size())) {
            best = distance;
            nearest = name;
        }
    };
    for (const Operator& op : operator_table)
        consider(op.name);
    for (const ModifierName& m : modifier_table)
        consider(m.name);
    return nearest;
}

} // namespace dashboard_diff
