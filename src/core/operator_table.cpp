#include <algorithm>
#include <array>

#include "core/judges.h"
#include "core/nearest_name.h"
#include "core/operators.h"

namespace dashboard_diff {

namespace {

constexpr unsigned top_modifiers = modifier::top_n | modifier::source;
constexpr unsigned row_modifiers = modifier::min_rows | modifier::ids | modifier::source;
constexpr unsigned value_modifiers = modifier::on_field | modifier::direction | row_modifiers;
constexpr unsigned figure_modifiers = modifier::direction | modifier::min_abs;

constexpr std::array operator_table{
    Operator{"AND", LimitKind::rules, Subject::rules, 0, nullptr, Truth::no},
    Operator{"OR", LimitKind::rules, Subject::rules, 0, nullptr, Truth::yes},
    Operator{"NOT", LimitKind::rule, Subject::rules, 0, nullptr},
    Operator{"top_n_reordering", LimitKind::count, Subject::reordering, top_modifiers,
             judge_top_n_reordering},
    Operator{"top_n_moved", LimitKind::count, Subject::moved, top_modifiers, judge_top_n_moved},
    Operator{"top_n_entered", LimitKind::count, Subject::entered, top_modifiers,
             judge_top_n_entered},
    Operator{"top_n_left", LimitKind::count, Subject::left, top_modifiers, judge_top_n_left},
    Operator{"rank_delta", LimitKind::count, Subject::rank,
             top_modifiers | modifier::direction | modifier::ids, judge_rank_delta},
    Operator{"value_delta_pct", LimitKind::share, Subject::shares,
             value_modifiers | modifier::min_abs, judge_value_delta},
    Operator{"value_delta", LimitKind::difference, Subject::values, value_modifiers,
             judge_value_delta},
    Operator{"field_changed", LimitKind::field, Subject::fields, row_modifiers | modifier::to,
             judge_field_changed},
    Operator{"set_added_min", LimitKind::count, Subject::added, modifier::source, judge_set_added},
    Operator{"set_removed_min", LimitKind::count, Subject::removed, modifier::source,
             judge_set_removed},
    Operator{"primary_metric_delta_pct", LimitKind::share, Subject::primary_metric,
             figure_modifiers, judge_primary_metric},
    Operator{"primary_metric_delta", LimitKind::difference, Subject::primary_metric,
             figure_modifiers, judge_primary_metric},
    Operator{"metric_delta_pct", LimitKind::share, Subject::metric,
             figure_modifiers | modifier::on_metric, judge_metric},
    Operator{"metric_delta", LimitKind::difference, Subject::metric,
             figure_modifiers | modifier::on_metric, judge_metric},
};

constexpr std::array modifier_table{
    ModifierName{"top_n", modifier::top_n},         ModifierName{"on_field", modifier::on_field},
    ModifierName{"direction", modifier::direction}, ModifierName{"min_abs", modifier::min_abs},
    ModifierName{"min_rows", modifier::min_rows},   ModifierName{"ids", modifier::ids},
    ModifierName{"source", modifier::source},       ModifierName{"to", modifier::to},
    ModifierName{"on_metric", modifier::on_metric},
};

} // namespace

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
    NearestName nearest(unknown);
    for (const Operator& op : operator_table)
        nearest.consider(op.name);
    for (const ModifierName& m : modifier_table)
        nearest.consider(m.name);
    return nearest.name();
}

} // namespace dashboard_diff
