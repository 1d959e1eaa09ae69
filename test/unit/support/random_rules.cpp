#include <algorithm>

#include "random_models.h"

namespace dashboard_diff::testing {

namespace {

Truth truth_of(bool holds) {
    return holds ? Truth::yes : Truth::no;
}

std::string quote(const std::string& text) {
    return "\"" + text + "\"";
}

// One rule about a pair of snapshots, with modifiers that are there or not.
class RuleMaker {
public:
    RuleMaker(Random& random, const ModelSnapshot& before, const ModelSnapshot& after, int top_n)
        : random_(random), before_(before), after_(after), largest_top_n_(top_n) {}

    ModelRule make() {
        const std::size_t op = random_.below(16);
        switch (op) {
        case 0:
        case 1:
        case 2:
        case 3:
            return order_rule(op);
        case 4:
            return rank_rule();
        case 5:
        case 6:
            return value_rule(true);
        case 7:
            return value_rule(false);
        case 8:
            return field_rule();
        case 9:
            return set_rule(true);
        case 10:
            return set_rule(false);
        case 11:
        case 12:
        case 13:
            return primary_metric_rule();
        default:
            return metric_rule();
        }
    }

private:
    void modify(const std::string& name, const std::string& json) {
        modifiers_ += ", " + quote(name) + ": " + json;
    }

    ModelRule rule(const std::string& op, const std::string& limit, Truth truth) const {
        return {"{" + quote(op) + ": " + limit + modifiers_ + "}", truth};
    }

    ModelRule count_rule(const std::string& op, std::size_t found) {
        const std::size_t limit = 1 + random_.below(random_.chance(50) ? 2 : 6);
        return rule(op, std::to_string(limit), truth_of(found >= limit));
    }

    // The changes of the primary rows or of a source, which one of the snapshots may lack.
    ModelSourceDiff rows(int top_n) {
        if (random_.chance(70))
            return compare_rows(before_.rows, after_.rows, before_, after_, top_n);
        const std::string name = random_.chance(10) ? "none" : random_.pick(Random::source_names);
        modify("source", quote(name));
        const auto old_rows = before_.sources.find(name);
        const auto new_rows = after_.sources.find(name);
        if (old_rows == before_.sources.end() || new_rows == after_.sources.end())
            return {};
        return compare_rows(old_rows->second, new_rows->second, before_, after_, top_n);
    }

    int choose_top_n() {
        const int n = 1 + static_cast<int>(random_.below(static_cast<std::size_t>(largest_top_n_)));
        modify("top_n", std::to_string(n));
        return n;
    }

    std::string choose_direction() {
        if (random_.chance(40))
            return "any";
        const std::string direction = random_.pick({"any", "up", "down"});
        modify("direction", quote(direction));
        return direction;
    }

    // The ids a rule is limited to; none: any.
    std::vector<std::string> choose_ids() {
        if (random_.chance(70))
            return {};
        const std::vector<std::string> chosen{rewritten(random_.pick(Random::ids)),
                                              random_.pick(Random::ids), random_.pick(Random::ids)};
        modify("ids", "[" + chosen[0] + ", " + chosen[1] + ", " + chosen[2] + "]");
        return chosen;
    }

    static bool named(const std::vector<std::string>& chosen, const std::string& id) {
        return chosen.empty() || std::any_of(chosen.begin(), chosen.end(), [&](const auto& other) {
                   return same_value(other, id);
               });
    }

    std::size_t choose_min_rows() {
        if (random_.chance(50))
            return 1;
        const std::size_t min_rows = 1 + random_.below(4);
        modify("min_rows", std::to_string(min_rows));
        return min_rows;
    }

    std::string choose_floor() {
        if (random_.chance(50))
            return "0";
        const std::string floor = random_.pick({"0", "0.5", "1.0", "2"});
        modify("min_abs", floor);
        return floor;
    }

    ModelRule order_rule(std::size_t op) {
        const int n = choose_top_n();
        const ModelSourceDiff diff = rows(n);
        const auto in_top = [n](int rank) { return rank != 0 && rank <= n; };
        const auto count = [&](bool from_in_top, bool to_in_top) {
            return static_cast<std::size_t>(
                std::count_if(diff.moved.begin(), diff.moved.end(), [&](const ModelRank& rank) {
                    return in_top(rank.from) == from_in_top && in_top(rank.to) == to_in_top;
                }));
        };
        switch (op) {
        case 0:
            return count_rule("top_n_reordering", diff.moved.size());
        case 1:
            return count_rule("top_n_moved", lifted_rows(diff, n));
        case 2:
            return count_rule("top_n_entered", count(false, true));
        default:
            return count_rule("top_n_left", count(true, false));
        }
    }

    ModelRule rank_rule() {
        const ModelSourceDiff diff = rows(choose_top_n());
        const std::string direction = choose_direction();
        const std::vector<std::string> chosen = choose_ids();
        const int limit = 1 + static_cast<int>(random_.below(4));
        const auto reaches_limit = [&](const ModelRank& rank) {
            const int climb = rank.from - rank.to;
            return rank.from != 0 && rank.to != 0 && named(chosen, rank.id) &&
                   ((direction != "down" && climb >= limit) ||
                    (direction != "up" && -climb >= limit));
        };
        return rule("rank_delta", std::to_string(limit),
                    truth_of(std::any_of(diff.moved.begin(), diff.moved.end(), reaches_limit)));
    }

    ModelRule value_rule(bool share) {
        const ModelSourceDiff diff = rows(1);
        const std::string direction = choose_direction();
        const std::vector<std::string> chosen = choose_ids();
        const std::size_t min_rows = choose_min_rows();
        const std::string field = random_.chance(50) ? random_.pick(Random::fields) : "";
        if (!field.empty())
            modify("on_field", quote(field));
        const std::string floor = share ? choose_floor() : "0";
        const std::string limit =
            random_.pick({"0.1", "0.10", "0.5", "1", "0.000001", "2.0", "100"});

        std::vector<std::string> matching;
        for (const ModelChange& change : diff.numbers)
            if (named(chosen, change.id) && (field.empty() || field == change.field) &&
                (share ? reaches(*change.before, *change.after, limit, direction, floor)
                       : differs(*change.before, *change.after, limit, direction)) &&
                std::find(matching.begin(), matching.end(), change.id) == matching.end())
                matching.push_back(change.id);
        return rule(share ? "value_delta_pct" : "value_delta", limit,
                    truth_of(matching.size() >= min_rows));
    }

    ModelRule field_rule() {
        const ModelSourceDiff diff = rows(1);
        const std::vector<std::string> chosen = choose_ids();
        const std::size_t min_rows = choose_min_rows();
        const std::string field = random_.pick(Random::fields);
        const std::string to = random_.chance(50) ? random_.value() : "";
        if (!to.empty())
            modify("to", to);
        std::size_t matching = 0;
        for (const auto* changes : {&diff.numbers, &diff.others})
            for (const ModelChange& change : *changes)
                if (change.field == field && named(chosen, change.id) &&
                    (to.empty() || (change.after && same_value(*change.after, to))))
                    ++matching;
        return rule("field_changed", quote(field), truth_of(matching >= min_rows));
    }

    ModelRule set_rule(bool added) {
        const ModelSourceDiff diff = rows(1);
        return count_rule(added ? "set_added_min" : "set_removed_min",
                          added ? diff.added.size() : diff.removed.size());
    }

    Truth judge_figure(const std::string& before, const std::string& after,
                       const std::string& limit, bool share) {
        const std::string direction = choose_direction();
        const std::string floor = choose_floor();
        return truth_of(share ? reaches(before, after, limit, direction, floor)
                              : differs(before, after, limit, direction) &&
                                    differs(before, after, floor, direction));
    }

    ModelRule primary_metric_rule() {
        const bool share = random_.chance(50);
        const std::string limit = random_.pick({"0.1", "0.5", "1", "2"});
        const std::string op = share ? "primary_metric_delta_pct" : "primary_metric_delta";
        if (!before_.metric || !after_.metric)
            return rule(op, limit, Truth::unknown);
        const Truth truth = judge_figure(*before_.metric, *after_.metric, limit, share);
        return rule(op, limit, truth);
    }

    ModelRule metric_rule() {
        const bool share = random_.chance(50);
        const std::string limit = random_.pick({"0.1", "0.5", "1", "2"});
        const std::string op = share ? "metric_delta_pct" : "metric_delta";
        const std::string name = random_.chance(10) ? "none" : random_.pick(Random::names);
        modify("on_metric", quote(name));
        const auto before = before_.metrics.find(name);
        const auto after = after_.metrics.find(name);
        if (before == before_.metrics.end() || after == after_.metrics.end())
            return rule(op, limit, Truth::no);
        const Truth truth = judge_figure(before->second, after->second, limit, share);
        return rule(op, limit, truth);
    }

    Random& random_;
    const ModelSnapshot& before_;
    const ModelSnapshot& after_;
    int largest_top_n_;
    std::string modifiers_;
};

// AND is the least of its children, OR the greatest, in the order no < unknown < yes.
int rank(Truth truth) {
    return truth == Truth::no ? 0 : truth == Truth::unknown ? 1 : 2;
}

} // namespace

ModelRule random_rule(Random& random, const ModelSnapshot& before, const ModelSnapshot& after,
                      int top_n, int depth) {
    if (depth > 0 && random.chance(20)) {
        const ModelRule child = random_rule(random, before, after, top_n, depth - 1);
        const Truth negated[] = {Truth::yes, Truth::no, Truth::unknown};
        return {"{\"NOT\": " + child.json + "}", negated[static_cast<int>(child.truth)]};
    }
    if (depth > 0 && random.chance(50)) {
        const bool all = random.chance(50);
        std::string json = all ? "{\"AND\": [" : "{\"OR\": [";
        Truth truth = all ? Truth::yes : Truth::no;
        for (std::size_t i = random.below(3) + 1; i > 0; --i) {
            const ModelRule child = random_rule(random, before, after, top_n, depth - 1);
            json += child.json + (i > 1 ? ", " : "");
            if (all ? rank(child.truth) < rank(truth) : rank(child.truth) > rank(truth))
                truth = child.truth;
        }
        return {json + "]}", truth};
    }
    return RuleMaker(random, before, after, top_n).make();
}

} // namespace dashboard_diff::testing
