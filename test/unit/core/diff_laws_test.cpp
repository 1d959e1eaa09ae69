// Laws of diffs and rules that need no second opinion: how the answers to related questions
// relate, tried on random pairs of snapshots.

#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "core/diff_read.h"
#include "core/explain.h"
#include "support/fixtures.h"
#include "support/random_models.h"

namespace dashboard_diff::testing {
namespace {

constexpr int pairs = 250;

const Runtime runtime;

// Calls check(before, after, random) for random states of one dashboard.
template <typename Check>
void for_each_pair(std::uint32_t seed, Check&& check) {
    Random random(seed);
    for (int i = 0; i < pairs && !::testing::Test::HasFailure(); ++i) {
        const ModelSnapshot before = random.snapshot();
        const ModelSnapshot after = random.chance(80) ? random.changed(before) : random.snapshot();
        SCOPED_TRACE(before.json() + "\nagainst\n" + after.json());
        check(before, after, random);
    }
}

std::uint32_t some_top_n(Random& random) {
    return 1 + static_cast<std::uint32_t>(random.below(8));
}

Comparison compare(const ModelSnapshot& before, const ModelSnapshot& after, std::uint32_t top_n) {
    return {before.json(), after.json(), top_n};
}

void shuffle(ModelRows& rows, Random& random) {
    for (std::size_t i = rows.size(); i > 1; --i)
        std::swap(rows[i - 1], rows[random.below(i)]);
}

// Each entry written by `write`, in an order that does not tell their places.
template <typename List, typename Write>
std::multiset<std::string> texts(const List& list, Write&& write) {
    std::multiset<std::string> result;
    for (const auto& entry : list)
        result.insert(write(entry));
    return result;
}

std::string rank_text(const RankChange& change) {
    return json_text(change.id) + ": " + std::to_string(change.from) + " to " +
           std::to_string(change.to);
}

std::string field_text(const FieldChange& change) {
    return json_text(change.id) + "." + json_text(change.field) + ": " + json_text(change.before) +
           " to " + json_text(change.after);
}

// --- the diff ---

TEST(DiffLaws, RowsInAnotherOrderRankTheSameWhereAFieldRanksThem) {
    for_each_pair(1, [](ModelSnapshot before, ModelSnapshot after, Random& random) {
        before.ranked = after.ranked = true;
        after.ascending = before.ascending;
        const std::uint32_t top_n = some_top_n(random);
        const Comparison plain = compare(before, after, top_n);
        shuffle(before.rows, random);
        shuffle(after.rows, random);
        const Comparison shuffled = compare(before, after, top_n);
        const SourceDiff& a = plain.diff().primary;
        const SourceDiff& b = shuffled.diff().primary;
        EXPECT_EQ(texts(a.top_n_changes, rank_text), texts(b.top_n_changes, rank_text));
        EXPECT_TRUE(std::ranges::equal(a.top_n_unchanged, b.top_n_unchanged));
        EXPECT_EQ(texts(a.row_value_deltas, field_text), texts(b.row_value_deltas, field_text));
        EXPECT_EQ(texts(a.row_changes, field_text), texts(b.row_changes, field_text));
        EXPECT_EQ(texts(a.added, json_text), texts(b.added, json_text));
        EXPECT_EQ(texts(a.removed, json_text), texts(b.removed, json_text));
    });
}

TEST(DiffLaws, SwappingTheSidesSwapsSourcesAndMetricsToo) {
    for_each_pair(2, [](const ModelSnapshot& before, const ModelSnapshot& after, Random& random) {
        const std::uint32_t top_n = some_top_n(random);
        const Comparison forth = compare(before, after, top_n);
        const Comparison back = compare(after, before, top_n);
        const auto metric = [](bool flip) {
            return [flip](const MetricChange& change) {
                return json_text(change.name) + json_text(flip ? change.after : change.before) +
                       " to " + json_text(flip ? change.before : change.after);
            };
        };
        EXPECT_EQ(texts(forth.diff().metrics, metric(false)),
                  texts(back.diff().metrics, metric(true)));
        // Of ids only their number: those of one value may be written differently.
        const auto source = [](bool flip) {
            return [flip](const NamedSourceDiff& named) {
                const SourceDiff& diff = named.diff;
                return json_text(named.name) + " " +
                       std::to_string((flip ? diff.removed : diff.added).size()) + " " +
                       std::to_string((flip ? diff.added : diff.removed).size()) + " " +
                       std::to_string(diff.top_n_changes.size()) + " " +
                       std::to_string(diff.top_n_unchanged.size()) + " " +
                       std::to_string(diff.row_value_deltas.size()) + " " +
                       std::to_string(diff.row_changes.size());
            };
        };
        EXPECT_EQ(texts(forth.diff().sources, source(false)),
                  texts(back.diff().sources, source(true)));
    });
}

ModelRow* row_of(ModelRows& rows, const std::string& id) {
    const auto at = std::ranges::find_if(
        rows, [&](const ModelRow& row) { return same_value(row.at("id"), id); });
    return at == rows.end() ? nullptr : &*at;
}

TEST(DiffLaws, CarryingOutADiffTurnsTheOneIntoTheOther) {
    for_each_pair(3, [](const ModelSnapshot& before, const ModelSnapshot& after, Random& random) {
        const Comparison comparison = compare(before, after, some_top_n(random));
        const SourceDiff& diff = comparison.diff().primary;
        ModelRows rows = before.rows;
        for (const Value& id : diff.removed)
            std::erase_if(rows, [text = json_text(id)](const ModelRow& row) {
                return same_value(row.at("id"), text);
            });
        for (const auto* changes : {&diff.row_value_deltas, &diff.row_changes}) {
            for (const FieldChange& change : *changes) {
                ModelRow* row = row_of(rows, json_text(change.id));
                ASSERT_NE(row, nullptr) << field_text(change);
                const std::string field(change.field.text());
                EXPECT_EQ(change.before.present(), row->contains(field)) << field_text(change);
                if (change.after.present())
                    (*row)[field] = json_text(change.after);
                else
                    row->erase(field);
            }
        }
        EXPECT_EQ(rows.size() + diff.added.size(), after.rows.size());
        for (const Value& id : diff.added)
            EXPECT_EQ(row_of(rows, json_text(id)), nullptr);
        for (const ModelRow& wanted : after.rows) {
            const ModelRow* row = row_of(rows, wanted.at("id"));
            if (row == nullptr)
                continue;
            EXPECT_EQ(row->size(), wanted.size()) << wanted.at("id");
            for (const auto& [field, value] : wanted) {
                ASSERT_TRUE(row->contains(field)) << wanted.at("id") << "." << field;
                EXPECT_TRUE(same_value(row->at(field), value)) << wanted.at("id") << "." << field;
            }
        }
    });
}

TEST(DiffLaws, ASmallerTopNIsAPartOfALargerOne) {
    for_each_pair(4, [](const ModelSnapshot& before, const ModelSnapshot& after, Random& random) {
        const std::uint32_t n = some_top_n(random);
        const Comparison small = compare(before, after, n);
        const Comparison large = compare(before, after, n + some_top_n(random));
        std::multiset<std::string> part;
        for (const RankChange& change : large.diff().primary.top_n_changes)
            if ((change.from > 0 && change.from <= n) || (change.to > 0 && change.to <= n))
                part.insert(rank_text(change));
        EXPECT_EQ(texts(small.diff().primary.top_n_changes, rank_text), part);
        std::vector<std::uint32_t> unchanged;
        for (const std::uint32_t rank : large.diff().primary.top_n_unchanged)
            if (rank <= n)
                unchanged.push_back(rank);
        EXPECT_TRUE(std::ranges::equal(small.diff().primary.top_n_unchanged, unchanged));
    });
}

// --- rules ---

// A rule of one operator, its members as JSON texts.
struct LeafRule {
    std::string op;
    std::map<std::string, std::string> members;

    std::string json() const {
        std::string text = "{";
        for (const auto& [key, value] : members)
            text += (text.size() > 1 ? ", \"" : "\"") + key + "\": " + value;
        return text + "}";
    }
};

struct Modifier {
    std::string key;
    std::vector<std::string> values;
};

const Modifier top_n{"top_n", {"1", "2", "3", "4", "8"}};
const Modifier direction{"direction", {"\"up\"", "\"down\"", "\"any\""}};
const Modifier on_field{"on_field", {"\"s\"", "\"aa\"", "\"b\""}};
const Modifier min_rows{"min_rows", {"1", "2", "3"}};
const Modifier min_abs{"min_abs", {"0", "0.5", "2"}};
const Modifier ids{"ids", {"[1, \"TP53\", 7]", "[\"1\", 2.0, \"BRCA1\"]"}};
// Smaller before larger: see ALargerLimitIsNeverEasier.
const std::vector<std::string> counts{"1", "2", "3", "4", "6"};
const std::vector<std::string> shares{"0.000001", "0.1", "0.5", "1", "1.0000001", "100"};

struct LeafKind {
    std::string op;
    std::vector<std::string> limits;
    std::vector<Modifier> modifiers;
};

const std::vector<LeafKind> leaf_kinds{
    {"top_n_reordering", counts, {top_n}},
    {"set_added_min", counts, {}},
    {"set_removed_min", counts, {}},
    {"value_delta_pct", shares, {on_field, direction, min_abs, min_rows, ids}},
    {"primary_metric_delta_pct", shares, {direction, min_abs}},
};

LeafRule random_leaf(Random& random) {
    const LeafKind& kind = leaf_kinds[random.below(leaf_kinds.size())];
    LeafRule rule{kind.op, {{kind.op, random.pick(kind.limits)}}};
    for (const Modifier& modifier : kind.modifiers)
        if (modifier.key == "top_n" || modifier.key == "on_metric" || random.chance(40))
            rule.members[modifier.key] = random.pick(modifier.values);
    return rule;
}

Truth judge(const Diff& diff, const std::string& json) {
    const Document document(json);
    const Threshold threshold = Threshold::read(document.root(), runtime);
    const Truth truth = threshold.judge(diff, runtime);
    const Document explanation(explain(threshold, diff, runtime));
    EXPECT_EQ(member_text(explanation.root(), "result"), truth == Truth::unknown ? "null"
                                                         : truth == Truth::yes   ? "true"
                                                                                 : "false")
        << json;
    return truth;
}

// Calls check(diff, rule, random) for rules about random diffs of the top 8, a few a diff.
template <typename Check>
void for_each_rule(std::uint32_t seed, Check&& check) {
    for_each_pair(seed,
                  [&](const ModelSnapshot& before, const ModelSnapshot& after, Random& random) {
                      const Comparison comparison = compare(before, after, 8);
                      for (int i = 0; i < 5; ++i) {
                          const LeafRule rule = random_leaf(random);
                          SCOPED_TRACE(rule.json());
                          check(comparison.diff(), rule, random);
                      }
                  });
}

TEST(RuleLaws, EveryOperatorIsTriedBothWays) {
    std::map<std::string, std::set<Truth>> said;
    for_each_rule(11, [&](const Diff& diff, const LeafRule& rule, Random&) {
        said[rule.op].insert(judge(diff, rule.json()));
    });
    EXPECT_EQ(said.size(), leaf_kinds.size());
    for (const auto& [op, truths] : said)
        EXPECT_TRUE(truths.contains(Truth::yes) && truths.contains(Truth::no)) << op;
}

TEST(RuleLaws, ALargerLimitIsNeverEasier) {
    int tried = 0;
    for_each_rule(12, [&](const Diff& diff, const LeafRule& rule, Random& random) {
        const auto kind = std::ranges::find(leaf_kinds, rule.op, &LeafKind::op);
        std::vector<Modifier> limits{{rule.op, kind->limits}};
        for (const Modifier& modifier : {min_rows, min_abs})
            if (rule.members.contains(modifier.key))
                limits.push_back(modifier);
        for (const Modifier& limit : limits) {
            const std::size_t small = random.below(limit.values.size() - 1);
            const std::size_t large = small + 1 + random.below(limit.values.size() - small - 1);
            LeafRule easy = rule;
            LeafRule hard = rule;
            easy.members[limit.key] = limit.values[small];
            hard.members[limit.key] = limit.values[large];
            const Truth truth = judge(diff, easy.json());
            EXPECT_FALSE(truth == Truth::no && judge(diff, hard.json()) == Truth::yes)
                << hard.json();
            EXPECT_EQ(truth == Truth::unknown, judge(diff, hard.json()) == Truth::unknown);
            tried += truth == Truth::no;
        }
    });
    EXPECT_GT(tried, pairs);
}

TEST(RuleLaws, AModifierOnlyNarrows) {
    for_each_rule(13, [](const Diff& diff, const LeafRule& rule, Random&) {
        for (const char* key : {"on_field", "direction", "min_abs", "min_rows", "ids"}) {
            LeafRule wider = rule;
            if (wider.members.erase(key) == 0)
                continue;
            const bool narrow = judge(diff, rule.json()) == Truth::yes;
            EXPECT_FALSE(narrow && judge(diff, wider.json()) != Truth::yes) << wider.json();
        }
    });
}

TEST(RuleLaws, WhatHoldsInSomeDirectionHoldsUpOrDown) {
    for_each_rule(14, [](const Diff& diff, LeafRule rule, Random&) {
        const auto kind = std::ranges::find(leaf_kinds, rule.op, &LeafKind::op);
        const bool directed = std::ranges::find(kind->modifiers, std::string("direction"),
                                                &Modifier::key) != kind->modifiers.end();
        if (!directed)
            return;
        rule.members.erase("min_rows"); // some of several rows may go up and some down
        std::map<std::string, Truth> said;
        for (const std::string& value : direction.values) {
            rule.members["direction"] = value;
            said[value] = judge(diff, rule.json());
        }
        EXPECT_EQ(said["\"any\""] == Truth::yes,
                  said["\"up\""] == Truth::yes || said["\"down\""] == Truth::yes);
    });
}

TEST(RuleLaws, NegationTurnsAndIntoOr) {
    for_each_pair(15, [](const ModelSnapshot& before, const ModelSnapshot& after, Random& random) {
        const Comparison comparison = compare(before, after, 8);
        const std::string a = random_leaf(random).json();
        const std::string b = random_leaf(random).json();
        const auto said = [&](const std::string& json) { return judge(comparison.diff(), json); };
        EXPECT_EQ(said("{\"NOT\": {\"AND\": [" + a + ", " + b + "]}}"),
                  said("{\"OR\": [{\"NOT\": " + b + "}, {\"NOT\": " + a + "}]}"));
        EXPECT_EQ(said("{\"NOT\": {\"OR\": [" + a + ", " + b + "]}}"),
                  said("{\"AND\": [{\"NOT\": " + b + "}, {\"NOT\": " + a + "}]}"));
        EXPECT_EQ(said("{\"AND\": [" + a + ", {\"OR\": [" + a + ", " + b + "]}]}"), said(a));
    });
}

TEST(RuleLaws, ADiffThatHoldsMoreJudgesTheSame) {
    for_each_pair(16, [](const ModelSnapshot& before, const ModelSnapshot& after, Random& random) {
        const Comparison enough = compare(before, after, 8);
        const Comparison more = compare(before, after, 8 + some_top_n(random));
        const Document written = more.document();
        const Diff again = read_diff(written.root(), runtime);
        for (int i = 0; i < 5; ++i) {
            const std::string rule = random_leaf(random).json();
            const Truth truth = judge(enough.diff(), rule);
            EXPECT_EQ(judge(more.diff(), rule), truth) << rule;
            EXPECT_EQ(judge(again, rule), truth) << rule;
        }
    });
}

} // namespace
} // namespace dashboard_diff::testing
