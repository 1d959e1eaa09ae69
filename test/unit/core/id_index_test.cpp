// The table from ids to rows, and the hash behind it.

#include "core/id_index.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "core/number.h"
#include "support/fixtures.h"
#include "support/numeric_text.h"

namespace dashboard_diff::testing {
namespace {

constexpr std::uint32_t none = IdIndex::none;

// Puts `count` rows into an index and finds each of them again. Rows are their own ids.
template <typename Hash>
void expect_found(std::uint32_t count, std::uint32_t first_row, Hash&& hash) {
    IdIndex index(count, std::size_t{first_row} + count, std::pmr::new_delete_resource());
    const auto is = [](std::uint32_t wanted) {
        return [wanted](std::uint32_t row) { return row == wanted; };
    };
    for (std::uint32_t row = first_row; row < first_row + count; ++row) {
        EXPECT_EQ(index.find(hash(row), is(row)), none);
        EXPECT_EQ(index.find_or_insert(hash(row), row, is(row)), none);
        EXPECT_EQ(index.find_or_insert(hash(row), row, is(row)), row);
    }
    for (std::uint32_t row = first_row; row < first_row + count; ++row)
        EXPECT_EQ(index.find(hash(row), is(row)), row);
    EXPECT_EQ(index.find(hash(first_row + count), is(first_row + count)), none);
}

TEST(IdIndex, HoldsAsManyRowsAsItWasMadeFor) {
    const auto hash = [](std::uint32_t row) { return fold_multiply(row + 1, 0x9e3779b97f4a7c15); };
    for (std::uint32_t count = 0; count <= 300; ++count)
        expect_found(count, 0, hash);
    for (const std::uint32_t count : {1023U, 1024U, 1025U, 4095U, 4096U, 4097U})
        expect_found(count, 0, hash);
}

TEST(IdIndex, FindsRowsWhoseHashesAreTheSame) {
    for (const std::uint64_t hash : {std::uint64_t{0}, UINT64_MAX, std::uint64_t{1} << 32})
        expect_found(100, 0, [hash](std::uint32_t) { return hash; });
}

TEST(IdIndex, FindsRowsWhoseTagsOrPlacesAreTheSame) {
    expect_found(100, 0, [](std::uint32_t row) { return std::uint64_t{row}; });
    expect_found(100, 0, [](std::uint32_t row) { return std::uint64_t{row} << 57; });
}

TEST(IdIndex, HasRowsOfManyBits) {
    const auto hash = [](std::uint32_t row) { return fold_multiply(row, 0x9e3779b97f4a7c15); };
    for (const std::uint32_t limit : {1U << 8, 1U << 17, 1U << 27, (1U << 28) - 1}) {
        expect_found(20, limit - 20, hash); // the last row takes all the bits there are
        expect_found(20, limit - 19, hash);
    }
}

TEST(IdIndex, AsksAboutRowsOfTheSameTagOnly) {
    IdIndex index(2, 2, std::pmr::new_delete_resource());
    const auto ask = [](std::uint32_t) -> bool {
        ADD_FAILURE() << "the tag differs";
        return true;
    };
    index.find_or_insert(std::uint64_t{1} << 60, 0, ask);
    EXPECT_EQ(index.find(std::uint64_t{2} << 60, ask), none);
    EXPECT_EQ(index.find_or_insert(std::uint64_t{3} << 60, 1, ask), none);
}

TEST(IdHash, DependsOnEveryByteAndOnTheLength) {
    const HashKey key(42);
    std::set<std::uint64_t> hashes;
    std::size_t inputs = 0;
    for (std::size_t size = 0; size <= 70; ++size) {
        std::vector<std::byte> bytes(size, std::byte{0});
        hashes.insert(hash_bytes(bytes.data(), size, key));
        ++inputs;
        for (std::byte& byte : bytes) {
            byte = std::byte{1};
            hashes.insert(hash_bytes(bytes.data(), size, key));
            byte = std::byte{0};
            ++inputs;
        }
    }
    EXPECT_EQ(hashes.size(), inputs);
}

TEST(IdHash, DependsOnTheSeed) {
    const std::string_view id = "TP53";
    const auto hashed = [&](std::uint64_t seed) {
        return hash_id(Value::of_text(id), HashKey(seed));
    };
    EXPECT_EQ(hashed(1), hashed(1));
    EXPECT_NE(hashed(1), hashed(2));
    EXPECT_NE(hashed(0), hashed(UINT64_MAX));
}

TEST(IdHash, TellsNumbersByTheirPowers) {
    const HashKey key(7);
    std::set<std::uint64_t> hashes;
    std::size_t inputs = 0;
    for (const char digit : {'1', '2', '9'})
        for (int zeros = 0; zeros <= 400; zeros += 4, inputs += 2)
            for (const std::string sign : {"", "-"})
                hashes.insert(
                    hash(Decimal(numeric_from_text(sign + digit + std::string(zeros, '0')).data()),
                         key));
    EXPECT_EQ(hashes.size(), inputs);
}

TEST(IdSet, KnowsItsIdsHoweverOftenTheyAreNamed) {
    const Document list(R"(["a", 1, "a", 1.0, "1", "b", 100])");
    const IdSet ids(list.root(), Runtime{});
    const Document asked(R"(["a", "b", 1, 1.00, "1", 1e2])");
    const Document others(R"(["", "c", 2, "2", "100", -1])");
    Value id;
    for (Cursor values = Cursor::elements(Container(asked.root().data)); values.next(id);)
        EXPECT_TRUE(ids.contains(id)) << json_text(id);
    for (Cursor values = Cursor::elements(Container(others.root().data)); values.next(id);)
        EXPECT_FALSE(ids.contains(id)) << json_text(id);
    const Document empty("[]");
    EXPECT_FALSE(IdSet(empty.root(), Runtime{}).contains(Value::of_text("a")));
}

} // namespace
} // namespace dashboard_diff::testing
