// Pairing rows by id, whatever order they come in, and what it says of rows that are not valid.

#include <algorithm>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "core/jsonb_writer.h"
#include "core/snapshot.h"
#include "core/snapshot_diff.h"
#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

struct Row {
    std::string id; // as JSON
    int value = 0;
    std::string raw = {}; // the whole row, where it is none of the usual kind
};

using Rows = std::vector<Row>;

std::string json(const Rows& rows) {
    return "[" +
           joined(rows.size(),
                  [&](std::size_t i) {
                      return !rows[i].raw.empty()
                                 ? rows[i].raw
                                 : "{\"id\": " + rows[i].id +
                                       ", \"v\": " + std::to_string(rows[i].value) + "}";
                  }) +
           "]";
}

Rows numbered(std::size_t count) {
    Rows rows;
    for (std::size_t i = 0; i < count; ++i)
        rows.push_back({"\"g" + std::to_string(i) + "\"", static_cast<int>(i % 7)});
    return rows;
}

std::string ids_of(const std::pmr::vector<Value>& ids) {
    return joined(ids.size(), [&](std::size_t i) { return json_text(ids[i]); });
}

// What one comparison must say, found by looking everything up in maps.
void expect_matched(const Rows& before, const Rows& after) {
    const Comparison comparison(json(before), json(after));
    const SourceDiff& diff = comparison.diff().primary;
    std::map<std::string, int> old_values;
    for (const Row& row : before)
        old_values[row.id] = row.value;
    std::map<std::string, int> new_values;
    std::vector<std::string> added;
    std::vector<std::string> changed;
    for (const Row& row : after) {
        new_values[row.id] = row.value;
        const auto old = old_values.find(row.id);
        if (old == old_values.end())
            added.push_back(row.id);
        else if (old->second != row.value)
            changed.push_back(row.id + " " + std::to_string(old->second) + " " +
                              std::to_string(row.value));
    }
    std::vector<std::string> removed;
    for (const Row& row : before)
        if (!new_values.contains(row.id))
            removed.push_back(row.id);
    const auto list = [](const std::vector<std::string>& texts) {
        return joined(texts.size(), [&](std::size_t i) { return texts[i]; });
    };
    EXPECT_EQ(ids_of(diff.added), list(added));
    EXPECT_EQ(ids_of(diff.removed), list(removed));
    EXPECT_EQ(joined(diff.row_value_deltas.size(),
                     [&](std::size_t i) {
                         const FieldChange& change = diff.row_value_deltas[i];
                         return json_text(change.id) + " " + json_text(change.before) + " " +
                                json_text(change.after);
                     }),
              list(changed));
}

// Sizes at and next to those of runs, batches and tables.
const std::vector<std::size_t> sizes{0,  1,  2,  3,  15, 16,  17,  31,  32,
                                     33, 63, 64, 65, 96, 127, 128, 129, 700};

TEST(RowMatcher, FindsRowsThatKeptTheirPlaces) {
    for (const std::size_t size : sizes) {
        SCOPED_TRACE(size);
        const Rows before = numbered(size);
        expect_matched(before, before);
        for (std::size_t i = 0; i < size; i += 1 + size / 16) {
            Rows after = before;
            after[i].value += 100;
            after[size - 1].value += 1000;
            expect_matched(before, after);
        }
    }
}

TEST(RowMatcher, FindsRowsBehindOnesThatCameOrWent) {
    for (const std::size_t shift : {1, 15, 16, 17, 31, 32, 33, 64, 65, 200, 400}) {
        SCOPED_TRACE(shift);
        const Rows all = numbered(400);
        Rows fewer(all.begin() + static_cast<std::ptrdiff_t>(shift), all.end());
        for (std::size_t i = 0; i < fewer.size(); i += 5)
            fewer[i].value += 10;
        expect_matched(all, fewer);
        expect_matched(fewer, all);
        // From the middle, to the end, and on both sides.
        Rows gap = all;
        gap.erase(gap.begin() + 100, gap.begin() + static_cast<std::ptrdiff_t>(100 + shift / 2));
        expect_matched(all, gap);
        expect_matched(gap, all);
        expect_matched(gap, fewer);
        expect_matched(fewer, gap);
    }
}

TEST(RowMatcher, FindsRowsInAnyOrder) {
    std::mt19937 random(11);
    for (const std::size_t size : sizes) {
        SCOPED_TRACE(size);
        const Rows before = numbered(size);
        Rows after = before;
        std::reverse(after.begin(), after.end());
        expect_matched(before, after);
        for (int round = 0; round < 8; ++round) {
            std::shuffle(after.begin(), after.end(), random);
            expect_matched(before, after);
            if (size > 0)
                after[random() % size].value += 1;
        }
    }
}

TEST(RowMatcher, FindsRowsInPartsThatMoved) {
    std::mt19937 random(12);
    for (int round = 0; round < 60; ++round) {
        SCOPED_TRACE(round);
        const Rows before = numbered(1 + random() % 600);
        Rows after = before;
        for (std::size_t moves = random() % 6; moves > 0; --moves) {
            const auto place = [&] {
                return after.begin() + static_cast<std::ptrdiff_t>(random() % after.size());
            };
            const auto middle = place();
            std::rotate(std::min(place(), middle), middle, std::max(place(), middle));
        }
        for (std::size_t i = 0; i < after.size(); ++i) {
            if (random() % 50 == 0)
                after[i].value += 1;
            if (random() % 50 == 0)
                after[i].id = "\"new " + std::to_string(i) + "\"";
            else if (random() % 50 == 0)
                after.erase(after.begin() + static_cast<std::ptrdiff_t>(i));
        }
        expect_matched(before, after);
        expect_matched(after, before);
    }
}

TEST(RowMatcher, ComparesRowsThatHaveOtherKeysEach) {
    Rows before;
    Rows after;
    for (int i = 0; i < 200; ++i) {
        const std::string start = "{\"id\": " + std::to_string(i) + ", \"k" + std::to_string(i);
        before.push_back({"", 0, start + "\": 1}"});
        after.push_back({"", 0, start + (i % 3 == 0 ? "\": 2}" : "\": 1.0}")});
    }
    const auto changed = [&] {
        const Comparison comparison(json(before), json(after));
        const auto& deltas = comparison.diff().primary.row_value_deltas;
        return joined(deltas.size(), [&](std::size_t i) { return json_text(deltas[i].field); });
    };
    EXPECT_EQ(changed(),
              joined(67, [](std::size_t i) { return "\"k" + std::to_string(3 * i) + "\""; }));
    std::reverse(before.begin(), before.end());
    EXPECT_EQ(changed(),
              joined(67, [](std::size_t i) { return "\"k" + std::to_string(3 * i) + "\""; }));
}

TEST(RowMatcher, TellsACopyFromAStringOfTheSameBytes) {
    // What follows the header word of the row, taken for text.
    const Document row(R"([{"id": 1}])");
    const Value object = Container(row.root().data).child(0);
    const std::string text(reinterpret_cast<const char*>(object.data), object.length);
    JsonbWriter writer{Runtime{}};
    writer.begin_array(1);
    writer.string(text);
    writer.end();
    const Document disguised(writer.finish());
    const Runtime runtime;
    const Caught caught = error_of([&] {
        compare_snapshots(Snapshot::read(row.root(), "before"),
                          Snapshot::read(disguised.root(), "after"), 10, runtime);
    });
    EXPECT_EQ(caught.detail, "primary_rows[0]: must be an object");
}

// The error that a list of rows has, found by looking at each in turn; empty where there is none.
std::string first_error(const Rows& rows) {
    std::map<std::string, std::size_t> seen;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::string place = "primary_rows[" + std::to_string(i) + "]: ";
        if (rows[i].raw == "{}")
            return place + "id field \"id\" is missing";
        if (!rows[i].raw.empty())
            return place + "must be an object";
        const auto [first, is_new] = seen.emplace(rows[i].id, i);
        if (!is_new)
            return place + "duplicate id " + rows[i].id + " (first at primary_rows[" +
                   std::to_string(first->second) + "])";
    }
    return {};
}

TEST(RowMatcher, BlamesTheFirstRowThatIsNotValid) {
    std::mt19937 random(13);
    for (int round = 0; round < 400; ++round) {
        SCOPED_TRACE(round);
        const std::size_t size = 2 + random() % 150;
        Rows before = numbered(size);
        Rows after = before;
        if (round % 3 == 0)
            std::shuffle(after.begin(), after.end(), random);
        if (round % 4 == 0)
            after.erase(after.begin(), after.begin() + static_cast<std::ptrdiff_t>(size / 2));
        const auto spoil = [&](Rows& rows) {
            for (std::size_t faults = 1 + random() % 3; faults > 0; --faults) {
                Row& row = rows[random() % rows.size()];
                switch (random() % 6) {
                case 0:
                    row.raw = "{}";
                    break;
                case 1:
                    row.raw = "[1, 2]";
                    break;
                case 2:
                    row.raw = "null";
                    break;
                default: // a duplicate, byte-identical or not
                    row = rows[random() % rows.size()];
                    row.value += static_cast<int>(random() % 2);
                }
            }
        };
        const std::size_t sides = 1 + random() % 3;
        if ((sides & 1) != 0)
            spoil(before);
        if ((sides & 2) != 0)
            spoil(after);
        const std::string before_error = first_error(before);
        const std::string expected = before_error.empty() ? first_error(after) : before_error;
        if (expected.empty()) { // a row had been made the copy of itself
            EXPECT_NO_THROW(Comparison(json(before), json(after)));
            continue;
        }
        const Caught caught = error_of([&] { Comparison(json(before), json(after)); });
        EXPECT_EQ(caught.detail, expected);
        EXPECT_EQ(caught.message, "invalid dashboard snapshot in argument \"" +
                                      std::string(before_error.empty() ? "after" : "before") +
                                      "\"");
    }
}

TEST(RowMatcher, LooksIdsUpWhereTheSidesNameThemDifferently) {
    // The rows are the same bytes, but their ids are not the same field.
    const std::string rows = R"([{"a": 1, "b": 2}, {"a": 2, "b": 1}])";
    const Comparison comparison(R"({"id_field": "a", "primary_rows": )" + rows + "}",
                                R"({"id_field": "b", "primary_rows": )" + rows + "}");
    const SourceDiff& diff = comparison.diff().primary;
    EXPECT_EQ(diff.row_value_deltas.size(), 4U);
    EXPECT_EQ(diff.top_n_changes.size(), 2U);
}

TEST(RowMatcher, RanksCopiesByTheRuleOfTheirSide) {
    const auto ranked = [](std::string_view field, std::string_view order) {
        return R"({"rank_by": ")" + std::string(field) + R"(", "rank_order": ")" +
               std::string(order) +
               R"(", "primary_rows": [{"id": "x", "s": 1, "t": 5}, {"id": "y", "s": 2, "t": 6}]})";
    };
    const auto moved = [&](std::string_view before, std::string_view after) {
        return diff_member("top_n_changes", before, after);
    };
    const std::string swapped =
        R"([{"id": "x", "to": 1, "from": 2}, {"id": "y", "to": 2, "from": 1}])";
    EXPECT_EQ(moved(ranked("s", "desc"), ranked("s", "desc")), "[]");
    EXPECT_EQ(moved(ranked("s", "desc"), ranked("s", "asc")), swapped);
    EXPECT_EQ(moved(ranked("s", "desc"), ranked("t", "asc")), swapped);
    EXPECT_EQ(moved(ranked("s", "desc"), ranked("t", "desc")), "[]");
    EXPECT_EQ(
        moved(ranked("s", "desc"), R"([{"id": "x", "s": 1, "t": 5}, {"id": "y", "s": 2, "t": 6}])"),
        swapped);
}

} // namespace
} // namespace dashboard_diff::testing
