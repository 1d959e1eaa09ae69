// Long work asks its host now and then whether to go on, and what the host throws comes through.

#include <functional>

#include <gtest/gtest.h>

#include "core/arithmetic.h"
#include "core/decimal.h"
#include "core/describe.h"
#include "core/diff_read.h"
#include "core/diff_write.h"
#include "core/explain.h"
#include "core/json_text_size.h"
#include "core/jsonb_equal.h"
#include "core/number.h"
#include "core/ranking.h"
#include "core/snapshot.h"
#include "core/snapshot_check.h"
#include "core/snapshot_diff.h"
#include "support/fixtures.h"
#include "support/interrupts.h"
#include "support/numeric_text.h"

namespace dashboard_diff::testing {
namespace {

constexpr std::size_t many = 3000; // more than two periods of a Ticker

using Work = std::function<void(const Runtime&)>;

// The work polls at least `least` times, and ends at whichever poll throws. That nothing leaks
// then is for the sanitizer to say.
void expect_interruptible(std::size_t least, const Work& work) {
    std::size_t polls;
    {
        const Interrupts counting;
        work(counting.runtime());
        polls = counting.polls();
    }
    EXPECT_GE(polls, least);
    if (polls == 0)
        return;
    for (const std::size_t at : {std::size_t{1}, polls / 2 + 1, polls}) {
        const Interrupts interrupting(at);
        EXPECT_THROW(work(interrupting.runtime()), Interrupted) << at << " of " << polls;
        EXPECT_EQ(interrupting.polls(), at);
    }
}

std::string snapshot(std::size_t first, std::string_view value) {
    return R"({"rank_by": "v", "primary_metric": 1, "primary_rows": [)" +
           joined(many,
                  [&](std::size_t i) {
                      return "{\"id\": " + std::to_string(first + i) +
                             ", \"v\": " + std::string(value) + ", \"t\": \"" + std::string(value) +
                             "\"}";
                  }) +
           "]}";
}

// Documents that several tests look at.
struct Documents {
    Document before{snapshot(0, "1")};
    Document after{snapshot(0, "2")};
    Document shifted{snapshot(many, "2")};
    Snapshot old_snapshot = Snapshot::read(before.root(), "before");
    Snapshot new_snapshot = Snapshot::read(after.root(), "after");
    Snapshot other_snapshot = Snapshot::read(shifted.root(), "after");
    Runtime runtime;
    Diff changes = compare_snapshots(old_snapshot, new_snapshot, 10, runtime);
    Diff moves = compare_snapshots(old_snapshot, other_snapshot, 10, runtime);
};

const Documents& documents() {
    static const Documents shared;
    return shared;
}

// The bytes of a numeric that no 128 bits hold.
std::vector<std::byte> huge(char digit, std::size_t digits) {
    return numeric_from_text(std::string(digits, digit));
}

TEST(Interrupts, EndIndexingRows) {
    expect_interruptible(
        2, [](const Runtime& runtime) { validate_snapshot(documents().before.root(), runtime); });
}

TEST(Interrupts, EndRanking) {
    const Runtime plain;
    const RowTable table(documents().old_snapshot.primary(), plain);
    expect_interruptible(2, [&](const Runtime& runtime) { Ranking(table, runtime); });
    expect_interruptible(4, [&](const Runtime& runtime) { Ranking(table, runtime).top(10); });
    expect_interruptible(4, [&](const Runtime& runtime) {
        const std::vector<std::uint32_t> rows{1, 2};
        Ranking(table, runtime).ranks(rows);
    });
}

TEST(Interrupts, EndAComparison) {
    // One side is indexed, both are matched and ranked.
    expect_interruptible(8, [](const Runtime& runtime) {
        compare_snapshots(documents().old_snapshot, documents().new_snapshot, 10, runtime);
    });
    expect_interruptible(8, [](const Runtime& runtime) {
        compare_snapshots(documents().old_snapshot, documents().other_snapshot, 10, runtime);
    });
}

TEST(Interrupts, EndTheComparisonOfALargeValue) {
    const auto nested = [](std::string_view last) {
        return "[" + joined(many, [](std::size_t) { return "1.0"; }) + ", " + std::string(last) +
               "]";
    };
    const Document a(nested("1"));
    const Document b(nested("1.0"));
    expect_interruptible(
        2, [&](const Runtime& runtime) { EXPECT_TRUE(equal_values(a.root(), b.root(), runtime)); });
}

TEST(Interrupts, EndTheComparisonOfMetrics) {
    const auto metrics = [](std::string_view value) {
        return R"({"primary_rows": [], "materialized_data": {)" +
               joined(many,
                      [&](std::size_t i) {
                          return "\"m" + std::to_string(i) + "\": " + std::string(value);
                      }) +
               "}}";
    };
    const Document before(metrics("1"));
    const Document after(metrics("2"));
    expect_interruptible(2, [&](const Runtime& runtime) {
        EXPECT_EQ(compare_snapshots(Snapshot::read(before.root(), {}),
                                    Snapshot::read(after.root(), {}), 10, runtime)
                      .metrics.size(),
                  many);
    });
}

TEST(Interrupts, EndWritingADiff) {
    expect_interruptible(4, [](const Runtime& runtime) {
        Document(write_diff(documents().changes, runtime), runtime);
    });
    expect_interruptible(4, [](const Runtime& runtime) {
        Document(write_diff(documents().moves, runtime), runtime);
    });
}

TEST(Interrupts, EndReadingADiff) {
    const Runtime plain;
    const Document changes(write_diff(documents().changes, plain));
    const Document moves(write_diff(documents().moves, plain));
    expect_interruptible(4, [&](const Runtime& runtime) { read_diff(changes.root(), runtime); });
    expect_interruptible(4, [&](const Runtime& runtime) { read_diff(moves.root(), runtime); });
}

TEST(Interrupts, EndMeasuringAndCutting) {
    const Document& document = documents().before;
    expect_interruptible(2,
                         [&](const Runtime& runtime) { json_text_size(document.root(), runtime); });
    // What it has written when it ends is left to the host, whose memory goes as a whole.
    expect_interruptible(4, [](const Runtime& runtime) {
        std::pmr::monotonic_buffer_resource memory;
        Runtime own = runtime;
        own.memory = &memory;
        Document(write_diff_excerpt(documents().changes, 20000, own), own);
    });
}

TEST(Interrupts, EndJudgingAndExplaining) {
    const Document rule(R"({"value_delta_pct": 5})");
    expect_interruptible(2, [&](const Runtime& runtime) {
        Threshold::read(rule.root(), runtime).judge(documents().changes, runtime);
    });
    expect_interruptible(2, [&](const Runtime& runtime) {
        Document(explain(Threshold::read(rule.root(), runtime), documents().changes, runtime),
                 runtime);
    });
}

TEST(Interrupts, EndRulesAboutTheOrder) {
    // A thousand rows and more in both tops, in reverse.
    const auto rows = [](bool reversed) {
        return "[" +
               joined(many,
                      [&](std::size_t i) {
                          return "{\"id\": " + std::to_string(reversed ? many - i : i + 1) + "}";
                      }) +
               "]";
    };
    const Comparison comparison(rows(false), rows(true), many);
    for (const std::string op : {"top_n_moved", "top_n_left", "rank_delta"}) {
        const Document rule("{\"" + op + "\": 3000, \"top_n\": 3000}");
        expect_interruptible(2, [&](const Runtime& runtime) {
            Threshold::read(rule.root(), runtime).judge(comparison.diff(), runtime);
        });
        expect_interruptible(2, [&](const Runtime& runtime) {
            std::pmr::monotonic_buffer_resource memory;
            Runtime own = runtime;
            own.memory = &memory;
            Document(explain(Threshold::read(rule.root(), own), comparison.diff(), own), own);
        });
    }
}

TEST(Interrupts, EndADescription) {
    expect_interruptible(
        2, [](const Runtime& runtime) { describe(documents().changes, nullptr, runtime); });
}

TEST(Interrupts, EndLongDivision) {
    const auto delta = huge('9', 20000);
    const auto base = huge('7', 10000);
    expect_interruptible(20, [&](const Runtime& runtime) {
        Number out(runtime.memory);
        ratio(Decimal(delta.data()), Decimal(base.data()), out, runtime);
    });
}

TEST(Interrupts, EndSubtractionsOfLongNumbers) {
    const auto before = huge('7', 20000);
    const auto after = huge('8', 20000);
    const auto limit = numeric_from_text("1");
    expect_interruptible(1, [&](const Runtime& runtime) {
        differs_by(Decimal(before.data()), Decimal(after.data()), Decimal(limit.data()), runtime);
    });
}

TEST(Interrupts, EndLongMultiplication) {
    const auto number = huge('7', 20000);
    const auto limit = numeric_from_text("0." + std::string(4000, '3'));
    expect_interruptible(20, [&](const Runtime& runtime) {
        reaches_fraction(Decimal(number.data()), Decimal(number.data()), Decimal(limit.data()),
                         runtime);
    });
}

// Finding the largest of many changes takes time by the length of their numbers, not by its square.
TEST(Interrupts, AreFewWhereSharesOfLongNumbersAreCompared) {
    std::string before = "[";
    std::string after = "[";
    for (int i = 1; i <= 20; ++i) {
        const std::string id = std::string(i > 1 ? ", " : "") + R"({"id": )" + std::to_string(i);
        before += id + R"(, "v": 1)" + std::string(20000, '9') + "}";
        after += id + R"(, "v": 2)" + std::string(20000, '8') + "}";
    }
    const Comparison comparison(before + "]", after + "]");
    const Interrupts counting;
    describe(comparison.diff(), nullptr, counting.runtime());
    EXPECT_LT(counting.polls(), 300U);
}

} // namespace
} // namespace dashboard_diff::testing
