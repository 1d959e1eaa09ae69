// Documents nested as deeply as nobody writes them: nothing may recurse into row values, and
// nothing may take time by the square of the depth.

#include <gtest/gtest.h>

#include "core/diff_read.h"
#include "core/diff_write.h"
#include "core/explanation_excerpt.h"
#include "core/json_text_size.h"
#include "core/jsonb_writer.h"
#include "core/snapshot.h"
#include "core/snapshot_diff.h"
#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

constexpr std::size_t levels = 100000;
const Runtime runtime;

// [{"v": [[[... innermost ...]]], "id": 1}], each level an array or, where asked, an object.
Document deep_snapshot(bool objects, std::int64_t innermost) {
    static constexpr std::string_view row_keys[] = {"v", "id"};
    static constexpr std::string_view key[] = {"k"};
    JsonbWriter writer(runtime);
    writer.begin_array(1);
    writer.begin_object(row_keys);
    for (std::size_t i = 0; i < levels; ++i)
        objects ? writer.begin_object(key) : writer.begin_array(1);
    writer.integer(innermost);
    for (std::size_t i = 0; i < levels; ++i)
        writer.end();
    writer.integer(1);
    writer.end();
    writer.end();
    return Document(writer.finish());
}

Diff compare(const Document& before, const Document& after) {
    return compare_snapshots(Snapshot::read(before.root(), "before"),
                             Snapshot::read(after.root(), "after"), 10, runtime);
}

TEST(DeepNesting, ADifferenceAtTheBottomIsFound) {
    for (const bool objects : {false, true}) {
        const Document before = deep_snapshot(objects, 1);
        const Document after = deep_snapshot(objects, 2);
        EXPECT_EQ(compare(before, after).primary.row_changes.size(), 1U);
        EXPECT_TRUE(compare(before, before).primary.empty());
    }
}

TEST(DeepNesting, ADifferenceInLengthAtTheBottomIsFound) {
    const Document before = deep_snapshot(false, 1);
    const Document after = deep_snapshot(false, 100'000'001);
    EXPECT_EQ(compare(before, after).primary.row_changes.size(), 1U);
}

TEST(DeepNesting, TheDiffIsWrittenReadAndMeasured) {
    const Document before = deep_snapshot(false, 1);
    const Document after = deep_snapshot(false, 2);
    const Diff diff = compare(before, after);
    const Document written(write_diff(diff, runtime));
    EXPECT_GT(json_text_size(written.root(), runtime), 4 * levels);
    const Diff again = read_diff(written.root(), runtime);
    EXPECT_EQ(Document(write_diff(again, runtime)).bytes(), written.bytes());
    const Document cut(write_diff_excerpt(diff, 20000, runtime));
    EXPECT_LE(cut.text().size(), 20000U);
    EXPECT_EQ(member_text(find_member(cut.root(), "counts"), "row_changes"), "1");
}

TEST(DeepNesting, AnExplanationExcerptOfItIsCut) {
    const Document deep = deep_snapshot(true, 1);
    const Document cut(write_explanation_excerpt(deep.root(), 20000, runtime));
    EXPECT_EQ(cut.text(), R"({"result": null, "truncated": true})");
    const Document whole(write_explanation_excerpt(deep.root(), 10 * levels, runtime));
    EXPECT_EQ(whole.bytes(), deep.bytes());
}

TEST(DeepNesting, IsRefusedWhereANumberOrTextIsExpected) {
    const Document deep = deep_snapshot(false, 1);
    const Value row = Container(deep.root().data).child(0);
    EXPECT_EQ(error_of([&] { Threshold::read(find_member(row, "v"), runtime); }).detail,
              "at $: must be an object with one operator");
    EXPECT_EQ(error_of([&] { read_diff(find_member(row, "v"), runtime); }).detail,
              "at $: must be an object");
    EXPECT_EQ(error_of([&] { Snapshot::read(row, {}); }).detail, "primary_rows: is missing");
}

} // namespace
} // namespace dashboard_diff::testing
