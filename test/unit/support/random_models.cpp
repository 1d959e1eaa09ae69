#include "random_models.h"

#include <algorithm>

namespace dashboard_diff::testing {

const std::vector<std::string> Random::ids{"1",    "\"1\"", "2",     "\"TP53\"", "\"BRCA1\"", "-3",
                                           "\"\"", "0.50",  "\"é\"", "10000",    "\"x y\"",   "7"};
const std::vector<std::string> Random::fields{"s", "b", "aa", "t", "long_name", "é"};
const std::vector<std::string> Random::names{"m", "k", "metric", "é"};
const std::vector<std::string> Random::source_names{"src", "by_region"};

namespace {

const std::vector<std::string> numbers{"0",   "0.0", "1",     "1.0", "1.5",      "1.50",
                                       "2",   "-1",  "-1.00", "3.0", "3.3",      "10000",
                                       "0.1", "0.3", "100",   "-7",  "9999.9999"};
const std::vector<std::string> others{
    "\"open\"",       "\"closed\"",      "true", "false", "null", "[1.0]", "[1.00]",
    "{\"k\": [1.0]}", "{\"k\": [1.00]}", "[]",   "{}",    "\"1\""};

} // namespace

std::string rewritten(const std::string& id) {
    if (!is_number_text(id))
        return id;
    return id.find('.') == std::string::npos ? id + ".0" : id + "0";
}

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

} // namespace dashboard_diff::testing
