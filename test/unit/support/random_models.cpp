#include "random_models.h"

#include <algorithm>

namespace dashboard_diff::testing {

namespace {

const std::vector<std::string> ids{"1",    "\"1\"", "2",     "\"TP53\"", "\"BRCA1\"", "-3",
                                   "\"\"", "0.50",  "\"é\"", "10000",    "\"x y\"",   "7"};
const std::vector<std::string> fields{"s", "b", "aa", "t", "long_name", "é"};
const std::vector<std::string> numbers{"0",   "0.0", "1",     "1.0", "1.5",      "1.50",
                                       "2",   "-1",  "-1.00", "3.0", "3.3",      "10000",
                                       "0.1", "0.3", "100",   "-7",  "9999.9999"};
const std::vector<std::string> others{
    "\"open\"",       "\"closed\"",      "true", "false", "null", "[1.0]", "[1.00]",
    "{\"k\": [1.0]}", "{\"k\": [1.00]}", "[]",   "{}",    "\"1\""};
const std::vector<std::string> names{"m", "k", "metric", "é"};
const std::vector<std::string> source_names{"src", "by_region"};

// The other way to write an id of the same value.
std::string rewritten(const std::string& id) {
    if (!is_number_text(id))
        return id;
    return id.find('.') == std::string::npos ? id + ".0" : id + "0";
}

} // namespace

std::string Random::digits(std::size_t n) {
    std::string text(1, static_cast<char>('1' + below(9)));
    while (text.size() < n)
        text += static_cast<char>('0' + below(10));
    return text;
}

std::string Random::decimal() {
    if (chance(5))
        return chance(50) ? "0" : "0.000";
    const std::size_t longest = chance(30) ? 60 : 12;
    std::string text = chance(40) ? "-" : "";
    text += chance(30) ? "0" : digits(1 + below(longest));
    if (chance(60) || text.ends_with("0"))
        text += "." + std::string(below(chance(10) ? 30 : 4), '0') + digits(1 + below(longest)) +
                std::string(below(3), '0');
    return text;
}

std::string Random::number() {
    return chance(85) ? pick(numbers) : decimal();
}

std::string Random::value() {
    return chance(70) ? number() : pick(others);
}

ModelRow Random::row(const std::string& id) {
    ModelRow row;
    row["id"] = id;
    for (const std::string& field : fields)
        if (chance(70))
            row[field] = value();
    return row;
}

ModelRows Random::rows() {
    ModelRows list;
    std::vector<std::string> pool = ids;
    std::shuffle(pool.begin(), pool.end(), engine_);
    pool.resize(below(pool.size() + 1));
    for (const std::string& id : pool)
        list.push_back(row(id));
    return list;
}

ModelSnapshot Random::snapshot() {
    ModelSnapshot snapshot;
    snapshot.rows = rows();
    snapshot.ranked = chance(60);
    snapshot.ascending = snapshot.ranked && chance(40);
    if (chance(70))
        snapshot.metric = number();
    for (const std::string& name : names)
        if (chance(60))
            snapshot.metrics[name] = number();
    for (const std::string& name : source_names)
        if (chance(50))
            snapshot.sources[name] = rows();
    return snapshot;
}

void Random::change(ModelRows& list) {
    std::erase_if(list, [&](const ModelRow&) { return chance(10); });
    for (ModelRow& row : list) {
        for (const std::string& field : fields)
            if (chance(15))
                row[field] = value();
            else if (chance(5))
                row.erase(field);
        if (chance(5))
            row["id"] = rewritten(row["id"]);
    }
    for (const std::string& id : ids) {
        const bool there = std::any_of(list.begin(), list.end(), [&](const ModelRow& row) {
            return same_value(row.at("id"), id);
        });
        if (!there && chance(10))
            list.insert(list.begin() + static_cast<std::ptrdiff_t>(below(list.size() + 1)),
                        row(id));
    }
    if (list.size() > 1 && chance(60))
        std::swap(list[below(list.size())], list[below(list.size())]);
}

ModelSnapshot Random::changed(ModelSnapshot snapshot) {
    change(snapshot.rows);
    if (chance(5))
        snapshot.ranked = !snapshot.ranked;
    snapshot.ascending = snapshot.ascending && snapshot.ranked;
    if (chance(10))
        snapshot.metric.reset();
    else if (chance(70))
        snapshot.metric = number();
    for (const std::string& name : names)
        if (chance(30))
            snapshot.metrics[name] = number();
        else if (chance(10))
            snapshot.metrics.erase(name);
    for (auto& [name, source] : snapshot.sources)
        if (chance(60))
            change(source);
    return snapshot;
}

namespace {

ModelRule count_rule(Random& random, const std::string& op, std::size_t found,
                     const std::string& modifiers = "") {
    const std::size_t limit = 1 + random.below(6);
    return {"{\"" + op + "\": " + std::to_string(limit) + modifiers + "}",
            found >= limit ? Truth::yes : Truth::no};
}

ModelRule value_rule(Random& random, const ModelSourceDiff& diff) {
    const std::string fraction = random.pick({"0.1", "0.10", "0.5", "1", "0.000001", "2.0", "100"});
    const std::string direction = random.pick({"any", "any", "up", "down"});
    const std::string floor = random.pick({"0", "0", "0.5", "1.0", "2"});
    const std::size_t min_rows = 1 + (random.chance(50) ? random.below(4) : 0);
    const std::string field = random.chance(50) ? random.pick(fields) : "";
    std::vector<std::string> wanted;
    if (random.chance(30))
        wanted = {rewritten(random.pick(ids)), random.pick(ids), random.pick(ids)};

    std::vector<std::string> rows;
    for (const ModelChange& change : diff.numbers) {
        const bool named =
            wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const std::string& id) {
                return same_value(id, change.id);
            });
        if (named && (field.empty() || field == change.field) &&
            reaches(*change.before, *change.after, fraction, direction, floor) &&
            std::find(rows.begin(), rows.end(), change.id) == rows.end())
            rows.push_back(change.id);
    }
    std::string json = "{\"value_delta_pct\": " + fraction + ", \"direction\": \"" + direction +
                       "\", \"min_abs\": " + floor + ", \"min_rows\": " + std::to_string(min_rows);
    if (!field.empty())
        json += ", \"on_field\": \"" + field + "\"";
    if (!wanted.empty())
        json += ", \"ids\": [" + wanted[0] + ", " + wanted[1] + ", " + wanted[2] + "]";
    return {json + "}", rows.size() >= min_rows ? Truth::yes : Truth::no};
}

ModelRule metric_rule(Random& random, const ModelSnapshot& before, const ModelSnapshot& after) {
    const std::string fraction = random.pick({"0.1", "0.5", "1", "2"});
    const std::string direction = random.pick({"any", "up", "down"});
    const std::string json =
        "{\"primary_metric_delta_pct\": " + fraction + ", \"direction\": \"" + direction + "\"}";
    if (!before.metric || !after.metric)
        return {json, Truth::unknown};
    return {json, reaches(*before.metric, *after.metric, fraction, direction, "0") ? Truth::yes
                                                                                   : Truth::no};
}

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
    const auto diff = [&](int n) {
        return compare_rows(before.rows, after.rows, before, after, n);
    };
    switch (random.below(5)) {
    case 0: {
        const int own = 1 + static_cast<int>(random.below(static_cast<std::size_t>(top_n)));
        return count_rule(random, "top_n_reordering", diff(own).moved.size(),
                          ", \"top_n\": " + std::to_string(own));
    }
    case 1:
        return count_rule(random, "set_added_min", diff(1).added.size());
    case 2:
        return count_rule(random, "set_removed_min", diff(1).removed.size());
    case 3:
        return metric_rule(random, before, after);
    default:
        return value_rule(random, diff(1));
    }
}

} // namespace dashboard_diff::testing
