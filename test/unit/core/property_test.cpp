// What must hold for every pair of snapshots, tried on a few thousand random ones.

#include <algorithm>

#include <gtest/gtest.h>

#include "core/describe.h"
#include "core/diff_read.h"
#include "core/diff_write.h"
#include "core/explain.h"
#include "core/explanation_excerpt.h"
#include "support/fixtures.h"
#include "support/random_models.h"

namespace dashboard_diff::testing {
namespace {

// How many pairs the reference judges, and how many the simpler properties are tried on.
constexpr int many = 800;
constexpr int some = 250;

const Runtime runtime;

struct Pair {
    ModelSnapshot before;
    ModelSnapshot after;
    int top_n;
};

// Calls check(pair, random) for each random pair; most are two states of one dashboard.
template <typename Check>
void for_each_pair(int pairs, std::uint32_t seed, Check&& check) {
    Random random(seed);
    for (int i = 0; i < pairs && !::testing::Test::HasFailure(); ++i) {
        Pair pair;
        pair.before = random.snapshot();
        pair.after = random.chance(80) ? random.changed(pair.before) : random.snapshot();
        pair.top_n = 1 + static_cast<int>(random.below(8));
        SCOPED_TRACE(pair.before.json() + "\nagainst\n" + pair.after.json());
        check(pair, random);
    }
}

Comparison compare(const Pair& pair) {
    return {pair.before.json(), pair.after.json(), static_cast<std::uint32_t>(pair.top_n)};
}

TEST(Property, ADiffIsWhatTheNaiveReferenceSays) {
    for_each_pair(many, 1, [](const Pair& pair, Random&) {
        EXPECT_EQ(compare(pair).document().text(),
                  Document(expected_diff(pair.before, pair.after, pair.top_n)).text());
    });
}

TEST(Property, ASnapshotDoesNotDifferFromItself) {
    for_each_pair(some, 2, [](const Pair& pair, Random&) {
        const std::string json = pair.before.json();
        const Comparison comparison(json, json);
        EXPECT_TRUE(comparison.diff().primary.empty());
        EXPECT_TRUE(comparison.diff().sources.empty());
        EXPECT_TRUE(comparison.diff().metrics.empty());
    });
}

// The entries of a list as sorted texts, for lists whose order depends on the side.
template <typename Write>
std::vector<std::string> sorted(const Value& root, std::string_view key, Write&& write) {
    std::vector<std::string> texts;
    Cursor entries = Cursor::elements(Container(find_member(root, key).data));
    for (Value entry; entries.next(entry);)
        texts.push_back(write(entry));
    std::sort(texts.begin(), texts.end());
    return texts;
}

std::string negated(const std::string& number) {
    const bool zero = number.find_first_of("123456789") == std::string::npos;
    return zero ? number : number[0] == '-' ? number.substr(1) : "-" + number;
}

// An id as text; numbers of one value may be written differently on the two sides.
std::string id_text(const Value& entry) {
    const Value id = entry.is(Kind::object) ? find_member(entry, "id") : entry;
    std::string text = json_text(id);
    if (id.is(Kind::numeric) && text.find('.') != std::string::npos) {
        text.erase(text.find_last_not_of('0') + 1);
        if (text.back() == '.')
            text.pop_back();
    }
    return text;
}

std::string metric_delta(const Document& diff) {
    const Value metric = find_member(diff.root(), "primary_metric");
    return metric.is(Kind::object) ? member_text(metric, "delta") : "0";
}

TEST(Property, SwappingTheSidesSwapsTheDiff) {
    for_each_pair(some, 3, [](const Pair& pair, Random&) {
        const Document forth = compare(pair).document();
        const Document back = compare({pair.after, pair.before, pair.top_n}).document();
        EXPECT_EQ(sorted(forth.root(), "id_set_added", id_text),
                  sorted(back.root(), "id_set_removed", id_text));
        EXPECT_EQ(sorted(forth.root(), "id_set_removed", id_text),
                  sorted(back.root(), "id_set_added", id_text));
        EXPECT_EQ(member_text(forth.root(), "top_n_unchanged"),
                  member_text(back.root(), "top_n_unchanged"));

        const auto entry_text = [](std::string_view from, std::string_view to, bool flip) {
            return [=](const Value& entry) {
                const std::string delta = member_text(entry, "delta");
                return id_text(entry) + member_text(entry, "field") + member_text(entry, from) +
                       member_text(entry, to) + (flip ? negated(delta) : delta);
            };
        };
        EXPECT_EQ(sorted(forth.root(), "top_n_changes", entry_text("from", "to", false)),
                  sorted(back.root(), "top_n_changes", entry_text("to", "from", false)));
        EXPECT_EQ(sorted(forth.root(), "row_value_deltas", entry_text("old", "new", false)),
                  sorted(back.root(), "row_value_deltas", entry_text("new", "old", true)));
        EXPECT_EQ(sorted(forth.root(), "row_changes", entry_text("old", "new", false)),
                  sorted(back.root(), "row_changes", entry_text("new", "old", false)));
        EXPECT_EQ(metric_delta(forth), negated(metric_delta(back)));
    });
}

TEST(Property, ADiffThatIsReadBackIsWrittenTheSame) {
    for_each_pair(some, 4, [](const Pair& pair, Random&) {
        const Document written = compare(pair).document();
        const Document again(write_diff(read_diff(written.root(), runtime), runtime));
        EXPECT_EQ(again.bytes(), written.bytes());
    });
}

TEST(Property, AThresholdSaysWhatTheNaiveReferenceSays) {
    int said[3] = {};
    for_each_pair(many, 5, [&](const Pair& pair, Random& random) {
        const Comparison comparison = compare(pair);
        const Document written = comparison.document();
        const Diff read = read_diff(written.root(), runtime);
        for (int i = 0; i < 3; ++i) {
            const ModelRule rule = random_rule(random, pair.before, pair.after, pair.top_n);
            const Document document(rule.json);
            const Threshold threshold = Threshold::read(document.root(), runtime);
            const Truth truth = threshold.judge(comparison.diff(), runtime);
            EXPECT_EQ(truth, rule.truth) << rule.json;
            EXPECT_EQ(threshold.judge(read, runtime), truth) << rule.json;
            ++said[static_cast<int>(truth)];
        }
    });
    // Not all the same, or the test would not tell anything.
    for (const int count : said)
        EXPECT_GT(count, many / 10);
}

TEST(Property, ARuleAndItsNegationAreNeverBothTrue) {
    for_each_pair(some, 6, [](const Pair& pair, Random& random) {
        const Comparison comparison = compare(pair);
        const ModelRule rule = random_rule(random, pair.before, pair.after, pair.top_n);
        const auto judge = [&](const std::string& json) {
            const Document document(json);
            return Threshold::read(document.root(), runtime).judge(comparison.diff(), runtime);
        };
        const Truth plain = judge(rule.json);
        const Truth negation = judge("{\"NOT\": " + rule.json + "}");
        EXPECT_EQ(plain == Truth::unknown, negation == Truth::unknown) << rule.json;
        EXPECT_TRUE(plain == Truth::unknown || plain != negation) << rule.json;
    });
}

TEST(Property, AnExplanationSaysWhatTheJudgementSays) {
    for_each_pair(some, 7, [](const Pair& pair, Random& random) {
        const Comparison comparison = compare(pair);
        const ModelRule rule = random_rule(random, pair.before, pair.after, pair.top_n);
        const Document document(rule.json);
        const Threshold threshold = Threshold::read(document.root(), runtime);
        const Truth truth = threshold.judge(comparison.diff(), runtime);
        const Document explanation(explain(threshold, comparison.diff(), runtime));
        EXPECT_EQ(member_text(explanation.root(), "result"), truth == Truth::unknown ? "null"
                                                             : truth == Truth::yes   ? "true"
                                                                                     : "false")
            << rule.json;
    });
}

TEST(Property, ExcerptsKeepToTheirLength) {
    for_each_pair(some, 8, [](const Pair& pair, Random& random) {
        const Comparison comparison = compare(pair);
        const std::size_t limit = 700 + random.below(4000);
        EXPECT_LE(Document(write_diff_excerpt(comparison.diff(), limit, runtime)).text().size(),
                  limit);
        const ModelRule rule = random_rule(random, pair.before, pair.after, pair.top_n);
        const Document document(rule.json);
        const Document explanation(
            explain(Threshold::read(document.root(), runtime), comparison.diff(), runtime));
        EXPECT_LE(
            Document(write_explanation_excerpt(explanation.root(), limit, runtime)).text().size(),
            limit);
    });
}

TEST(Property, ADescriptionIsOneLineAndNeverEmpty) {
    for_each_pair(some, 9, [](const Pair& pair, Random& random) {
        const Comparison comparison = compare(pair);
        const ModelRule rule = random_rule(random, pair.before, pair.after, pair.top_n);
        const Document document(rule.json);
        const Threshold threshold = Threshold::read(document.root(), runtime);
        const std::string text(describe(comparison.diff(), &threshold, runtime));
        EXPECT_FALSE(text.empty());
        EXPECT_EQ(text.find('\n'), std::string::npos);
        EXPECT_EQ(text == "nothing changed",
                  describe(comparison.diff(), nullptr, runtime) == "nothing changed");
    });
}

} // namespace
} // namespace dashboard_diff::testing
