// Laws of rules that need no second opinion: how a rule and its relatives are judged, tried on
// random pairs of snapshots.

#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "core/diff_read.h"
#include "core/explain.h"
#include "support/random_pairs.h"

namespace dashboard_diff::testing {
namespace {

constexpr int pairs = 250;

const Runtime runtime;

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
const Modifier source{"source", {"\"src\"", "\"by_region\"", "\"none\""}};
const Modifier to{"to", {"null", "\"open\"", "1.0", "[1]"}};
const Modifier on_metric{"on_metric", {"\"m\"", "\"k\"", "\"metric\""}};
const Modifier ids{"ids", {"[1, \"TP53\", 7]", "[\"1\", 2.0, \"BRCA1\"]"}};
// Smaller before larger: see ALargerLimitIsNeverEasier.
const std::vector<std::string> counts{"1", "2", "3", "4", "6"};
const std::vector<std::string> amounts{"0.1", "0.5", "1", "1.50", "3", "100"};
const std::vector<std::string> shares{"0.000001", "0.1", "0.5", "1", "1.0000001", "100"};

struct LeafKind {
    std::string op;
    std::vector<std::string> limits;
    std::vector<Modifier> modifiers;
};

const std::vector<LeafKind> leaf_kinds{
    {"top_n_reordering", counts, {top_n, source}},
    {"top_n_moved", counts, {top_n, source}},
    {"top_n_entered", counts, {top_n, source}},
    {"top_n_left", counts, {top_n, source}},
    {"rank_delta", counts, {top_n, direction, ids, source}},
    {"value_delta_pct", shares, {on_field, direction, min_abs, min_rows, ids, source}},
    {"value_delta", amounts, {on_field, direction, min_rows, ids, source}},
    {"field_changed", {"\"s\"", "\"t\"", "\"aa\""}, {to, ids, min_rows, source}},
    {"set_added_min", counts, {source}},
    {"set_removed_min", counts, {source}},
    {"primary_metric_delta_pct", shares, {direction, min_abs}},
    {"primary_metric_delta", amounts, {direction, min_abs}},
    {"metric_delta_pct", shares, {direction, min_abs, on_metric}},
    {"metric_delta", amounts, {direction, min_abs, on_metric}},
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
    for_each_pair(pairs, seed,
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
        std::vector<Modifier> limits;
        if (rule.op != "field_changed")
            limits.push_back({rule.op, kind->limits});
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
        for (const char* key : {"on_field", "direction", "min_abs", "min_rows", "ids", "to"}) {
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
    for_each_pair(
        pairs, 15, [](const ModelSnapshot& before, const ModelSnapshot& after, Random& random) {
            const Comparison comparison = compare(before, after, 8);
            const std::string a = random_leaf(random).json();
            const std::string b = random_leaf(random).json();
            const auto said = [&](const std::string& json) {
                return judge(comparison.diff(), json);
            };
            EXPECT_EQ(said("{\"NOT\": {\"AND\": [" + a + ", " + b + "]}}"),
                      said("{\"OR\": [{\"NOT\": " + b + "}, {\"NOT\": " + a + "}]}"));
            EXPECT_EQ(said("{\"NOT\": {\"OR\": [" + a + ", " + b + "]}}"),
                      said("{\"AND\": [{\"NOT\": " + b + "}, {\"NOT\": " + a + "}]}"));
            EXPECT_EQ(said("{\"AND\": [" + a + ", {\"OR\": [" + a + ", " + b + "]}]}"), said(a));
        });
}

TEST(RuleLaws, ADiffThatHoldsMoreJudgesTheSame) {
    for_each_pair(pairs, 16,
                  [](const ModelSnapshot& before, const ModelSnapshot& after, Random& random) {
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

std::int64_t measured(const Diff& diff, const LeafRule& rule) {
    const Document document(rule.json());
    const Threshold threshold = Threshold::read(document.root(), runtime);
    const Document explanation(explain(threshold, diff, runtime));
    return std::stoll(member_text(explanation.root(), "measured"));
}

TEST(RuleLaws, WhoComesWhoGoesAndWhoMovesAreAllWhoHaveAnotherRank) {
    for_each_pair(
        pairs, 17, [](const ModelSnapshot& before, const ModelSnapshot& after, Random& random) {
            const Comparison comparison = compare(before, after, 8);
            const std::uint32_t n = some_top_n(random);
            const auto count = [&](const std::string& op) {
                return measured(comparison.diff(), {op, {{op, "1"}, {"top_n", std::to_string(n)}}});
            };
            const auto in_top = [n](std::uint32_t rank) { return rank > 0 && rank <= n; };
            const auto stayed = std::ranges::count_if(
                comparison.diff().primary.top_n_changes,
                [&](const RankChange& c) { return in_top(c.from) && in_top(c.to); });
            EXPECT_EQ(count("top_n_reordering"),
                      count("top_n_entered") + count("top_n_left") + stayed);
            EXPECT_LE(count("top_n_moved"), stayed);
        });
}

TEST(RuleLaws, WhoComesOrGoesMovesNobody) {
    for_each_pair(pairs, 18, [](ModelSnapshot before, const ModelSnapshot& other, Random& random) {
        before.ranked = false;
        ModelSnapshot after = before;
        std::erase_if(after.rows, [&](const ModelRow&) { return random.chance(20); });
        for (const ModelRow& row : other.rows)
            if (row_of(before.rows, row.at("id")) == nullptr)
                after.rows.insert(after.rows.begin() + static_cast<std::ptrdiff_t>(
                                                           random.below(after.rows.size() + 1)),
                                  row);
        const Comparison comparison = compare(before, after, 8);
        EXPECT_EQ(judge(comparison.diff(), R"({"top_n_moved": 1, "top_n": 8})"), Truth::no);
    });
}

TEST(RuleLaws, OfAnOrderThatIsReversedAllButOneMove) {
    for (std::size_t n = 1; n < 200; n += 7) {
        const auto rows = [n](bool reversed) {
            return "[" +
                   joined(n,
                          [=](std::size_t i) {
                              return "{\"id\": " + std::to_string(reversed ? n - i : i + 1) + "}";
                          }) +
                   "]";
        };
        const Comparison comparison(rows(false), rows(true), 200);
        EXPECT_EQ(
            measured(comparison.diff(), {"top_n_moved", {{"top_n_moved", "1"}, {"top_n", "200"}}}),
            static_cast<std::int64_t>(n - 1));
    }
}

TEST(RuleLaws, AnAmountIsAFloorUnderAnyShare) {
    for_each_pair(
        pairs, 19, [](const ModelSnapshot& before, const ModelSnapshot& after, Random& random) {
            const Comparison comparison = compare(before, after, 8);
            LeafRule rule{"value_delta", {}};
            for (const Modifier& modifier : {on_field, direction, min_rows, ids, source})
                if (random.chance(40))
                    rule.members[modifier.key] = random.pick(modifier.values);
            LeafRule floor = rule;
            const std::string amount = random.pick(amounts);
            rule.members["value_delta"] = amount;
            floor.members["value_delta_pct"] = "1e-300";
            floor.members["min_abs"] = amount;
            EXPECT_EQ(judge(comparison.diff(), rule.json()), judge(comparison.diff(), floor.json()))
                << rule.json();
        });
}

TEST(RuleLaws, ANumberThatChangedIsAFieldThatChanged) {
    for_each_pair(
        pairs, 20, [](const ModelSnapshot& before, const ModelSnapshot& after, Random& random) {
            const Comparison comparison = compare(before, after, 8);
            const std::string field = random.pick(on_field.values);
            const std::string rows = random.pick(min_rows.values);
            const bool number =
                judge(comparison.diff(), "{\"value_delta\": 1e-300, \"on_field\": " + field +
                                             ", \"min_rows\": " + rows + "}") == Truth::yes;
            const bool any =
                judge(comparison.diff(), "{\"field_changed\": " + field +
                                             ", \"min_rows\": " + rows + "}") == Truth::yes;
            EXPECT_TRUE(any || !number) << field << " " << rows;
        });
}

} // namespace
} // namespace dashboard_diff::testing
