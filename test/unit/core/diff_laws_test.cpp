// Laws of diffs that need no second opinion: how the answers to related questions relate, tried on
// random pairs of snapshots.

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "support/random_pairs.h"

namespace dashboard_diff::testing {
namespace {

constexpr int pairs = 250;

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
    for_each_pair(pairs, 1, [](ModelSnapshot before, ModelSnapshot after, Random& random) {
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
    for_each_pair(
        pairs, 2, [](const ModelSnapshot& before, const ModelSnapshot& after, Random& random) {
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

TEST(DiffLaws, CarryingOutADiffTurnsTheOneIntoTheOther) {
    for_each_pair(
        pairs, 3, [](const ModelSnapshot& before, const ModelSnapshot& after, Random& random) {
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
                    EXPECT_TRUE(same_value(row->at(field), value))
                        << wanted.at("id") << "." << field;
                }
            }
        });
}

TEST(DiffLaws, ASmallerTopNIsAPartOfALargerOne) {
    for_each_pair(
        pairs, 4, [](const ModelSnapshot& before, const ModelSnapshot& after, Random& random) {
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

} // namespace
} // namespace dashboard_diff::testing
