#include "reference.h"

#include <algorithm>
#include <climits>

#include "big_decimal.h"
#include "json_text.h"

namespace dashboard_diff::testing {

namespace {

template <typename List, typename Write>
std::string list_text(const List& list, Write&& write) {
    std::string text = "[";
    for (const auto& entry : list) {
        text += text.size() > 1 ? ", " : "";
        text += write(entry);
    }
    return text + "]";
}

std::string same(const std::string& text) {
    return text;
}

std::string row_text(const ModelRow& row) {
    std::string text = "{";
    for (const auto& [field, value] : row) {
        text += text.size() > 1 ? ", " : "";
        text += quoted(field) + ": " + value;
    }
    return text + "}";
}

const ModelRow* find_row(const ModelRows& rows, const std::string& id) {
    for (const ModelRow& row : rows)
        if (same_value(row.at("id"), id))
            return &row;
    return nullptr;
}

std::optional<std::string> field_of(const ModelRow& row, const std::string& field) {
    const auto at = row.find(field);
    return at == row.end() ? std::nullopt : std::optional(at->second);
}

// 1 + the number of rows that are better; 0 where there is no such row.
int rank_of(const ModelRows& rows, const ModelSnapshot& rule, const std::string& id) {
    const ModelRow* row = find_row(rows, id);
    if (row == nullptr)
        return 0;
    if (!rule.ranked)
        return static_cast<int>(row - rows.data()) + 1;
    const auto score = [](const ModelRow& r) {
        const auto value = field_of(r, "s");
        return value && is_number_text(*value) ? value : std::nullopt;
    };
    const auto own = score(*row);
    int rank = 1;
    for (const ModelRow& other : rows) {
        const auto theirs = score(other);
        if (!theirs)
            continue;
        const int order =
            own ? compare_numbers(BigDecimal::parse(*theirs), BigDecimal::parse(*own)) : 0;
        if (!own || (rule.ascending ? order < 0 : order > 0))
            ++rank;
    }
    return rank;
}

std::string rank_text(int rank) {
    return rank == 0 ? "null" : std::to_string(rank);
}

// "delta": ..., "delta_pct": ...
std::string delta_text(const std::string& before, const std::string& after) {
    const BigDecimal base = BigDecimal::parse(before);
    const BigDecimal delta = minus(BigDecimal::parse(after), base);
    return R"("delta": )" + delta.text() + R"(, "delta_pct": )" +
           (base.zero() ? "null" : share(delta, base).text());
}

std::string change_text(const ModelChange& change) {
    std::string text = R"({"id": )" + change.id + R"(, "field": )" + quoted(change.field);
    if (change.before)
        text += R"(, "old": )" + *change.before;
    if (change.after)
        text += R"(, "new": )" + *change.after;
    return text;
}

std::string members(const ModelSourceDiff& diff) {
    return R"("top_n_changes": )" +
           list_text(diff.moved,
                     [](const ModelRank& rank) {
                         return R"({"id": )" + rank.id + R"(, "from": )" + rank_text(rank.from) +
                                R"(, "to": )" + rank_text(rank.to) + "}";
                     }) +
           R"(, "top_n_unchanged": )" +
           list_text(diff.unmoved, [](int rank) { return std::to_string(rank); }) +
           R"(, "row_value_deltas": )" +
           list_text(diff.numbers,
                     [](const ModelChange& change) {
                         return change_text(change) + ", " +
                                delta_text(*change.before, *change.after) + "}";
                     }) +
           R"(, "row_changes": )" +
           list_text(diff.others,
                     [](const ModelChange& change) { return change_text(change) + "}"; }) +
           R"(, "id_set_added": )" + list_text(diff.added, same) + R"(, "id_set_removed": )" +
           list_text(diff.removed, same);
}

} // namespace

std::string ModelSnapshot::json() const {
    std::string text = R"({"primary_rows": )" + list_text(rows, row_text);
    if (ranked)
        text += std::string(R"(, "rank_by": "s", "rank_order": )") +
                (ascending ? "\"asc\"" : "\"desc\"");
    if (metric)
        text += R"(, "primary_metric": )" + *metric;
    text += R"(, "materialized_data": {)";
    std::string entries;
    for (const auto& [name, value] : metrics)
        entries += (entries.empty() ? "" : ", ") + quoted(name) + ": " + value;
    for (const auto& [name, source] : sources)
        entries +=
            (entries.empty() ? "" : ", ") + quoted(name) + ": " + list_text(source, row_text);
    return text + entries + "}}";
}

bool is_number_text(std::string_view json) {
    return !json.empty() && (json[0] == '-' || (json[0] >= '0' && json[0] <= '9'));
}

bool same_value(const std::string& a, const std::string& b) {
    if (is_number_text(a) && is_number_text(b))
        return compare_numbers(BigDecimal::parse(a), BigDecimal::parse(b)) == 0;
    const auto canonical = [](std::string text) { // of the only number that nested values hold
        const std::size_t at = text[0] == '[' || text[0] == '{' ? text.find("1.00") : text.npos;
        return at == text.npos ? text : text.replace(at, 4, "1.0");
    };
    return canonical(a) == canonical(b);
}

ModelSourceDiff compare_rows(const ModelRows& before, const ModelRows& after,
                             const ModelSnapshot& before_rule, const ModelSnapshot& after_rule,
                             int top_n) {
    ModelSourceDiff diff;
    const auto consider = [&](const std::string& id, std::size_t place) {
        const int from = rank_of(before, before_rule, id);
        const int to = rank_of(after, after_rule, id);
        const auto in_top = [&](int rank) { return rank != 0 && rank <= top_n; };
        if (!in_top(from) && !in_top(to))
            return;
        if (from == to)
            diff.unmoved.push_back(to);
        else
            diff.moved.push_back({id, from, to, place});
    };
    for (std::size_t i = 0; i < after.size(); ++i) {
        const ModelRow& row = after[i];
        const std::string& id = row.at("id");
        consider(id, i);
        const ModelRow* old_row = find_row(before, id);
        if (old_row == nullptr) {
            diff.added.push_back(id);
            continue;
        }
        ModelRow all = row; // every field of either, in C order
        all.insert(old_row->begin(), old_row->end());
        for (const auto& [field, ignored] : all) {
            const ModelChange change{id, field, field_of(*old_row, field), field_of(row, field)};
            if (change.before && change.after && same_value(*change.before, *change.after))
                continue;
            const bool numbers = change.before && change.after && is_number_text(*change.before) &&
                                 is_number_text(*change.after);
            (numbers ? diff.numbers : diff.others).push_back(change);
        }
    }
    for (std::size_t i = 0; i < before.size(); ++i) {
        const std::string& id = before[i].at("id");
        if (find_row(after, id) != nullptr)
            continue;
        diff.removed.push_back(id);
        consider(id, i);
    }
    std::sort(diff.unmoved.begin(), diff.unmoved.end());
    std::sort(diff.moved.begin(), diff.moved.end(), [](const ModelRank& a, const ModelRank& b) {
        const auto last = [](int rank) { return rank == 0 ? INT_MAX : rank; };
        return std::tuple(last(a.to), last(a.from), a.place) <
               std::tuple(last(b.to), last(b.from), b.place);
    });
    return diff;
}

std::string expected_diff(const ModelSnapshot& before, const ModelSnapshot& after, int top_n) {
    std::string text = R"({"top_n": )" + std::to_string(top_n) + ", " +
                       members(compare_rows(before.rows, after.rows, before, after, top_n));
    if (before.metric && after.metric) {
        const std::string delta = delta_text(*before.metric, *after.metric);
        const std::size_t cut = delta.find(", ");
        text += R"(, "primary_metric": {"old": )" + *before.metric + R"(, "new": )" +
                *after.metric + ", " + delta.substr(0, cut) + R"(}, "primary_metric_)" +
                delta.substr(cut + 3);
    } else {
        text += R"(, "primary_metric": null, "primary_metric_delta_pct": null)";
    }

    std::vector<std::string> metrics;
    for (const auto& [name, value] : after.metrics) {
        const auto old = before.metrics.find(name);
        if (old != before.metrics.end() && !same_value(old->second, value))
            metrics.push_back(R"({"metric": )" + quoted(name) + R"(, "old": )" + old->second +
                              R"(, "new": )" + value + ", " + delta_text(old->second, value) + "}");
    }
    std::string sources;
    for (const auto& [name, rows] : after.sources) {
        const auto old = before.sources.find(name);
        if (old == before.sources.end())
            continue;
        const ModelSourceDiff diff = compare_rows(old->second, rows, before, after, top_n);
        if (diff.moved.empty() && diff.numbers.empty() && diff.others.empty() &&
            diff.added.empty() && diff.removed.empty())
            continue;
        sources += (sources.empty() ? "" : ", ") + quoted(name) + ": {" + members(diff) + "}";
    }
    return text + R"(, "metric_deltas": )" + list_text(metrics, same) + R"(, "sources": {)" +
           sources + "}}";
}

bool differs(const std::string& before, const std::string& after, const std::string& limit,
             std::string_view direction) {
    const BigDecimal delta = minus(BigDecimal::parse(after), BigDecimal::parse(before));
    if (delta.zero() || (direction == "up" && delta.negative) ||
        (direction == "down" && !delta.negative))
        return false;
    return compare_sizes(delta, BigDecimal::parse(limit)) >= 0;
}

bool reaches(const std::string& before, const std::string& after, const std::string& fraction,
             std::string_view direction, const std::string& floor) {
    const BigDecimal base = BigDecimal::parse(before);
    const BigDecimal delta = minus(BigDecimal::parse(after), base);
    return differs(before, after, floor, direction) &&
           (base.zero() || compare_sizes(delta, times(BigDecimal::parse(fraction), base)) >= 0);
}

std::size_t lifted_rows(const ModelSourceDiff& diff, int top_n) {
    std::vector<std::pair<int, int>> rows;
    for (const ModelRank& rank : diff.moved)
        if (rank.from != 0 && rank.from <= top_n && rank.to != 0 && rank.to <= top_n)
            rows.emplace_back(rank.from, rank.to);
    for (const int rank : diff.unmoved)
        if (rank <= top_n)
            rows.emplace_back(rank, rank);
    std::sort(rows.begin(), rows.end());
    std::vector<std::size_t> longest(rows.size(), 1); // run that ends here
    std::size_t best = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j)
            if (rows[j].second <= rows[i].second)
                longest[i] = std::max(longest[i], longest[j] + 1);
        best = std::max(best, longest[i]);
    }
    return rows.size() - best;
}

} // namespace dashboard_diff::testing
