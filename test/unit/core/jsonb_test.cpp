// Reading and writing binary jsonb.

#include "core/jsonb.h"
#include "core/jsonb_equal.h"
#include "core/jsonb_writer.h"

#include <gtest/gtest.h>

#include "support/fixtures.h"

namespace dashboard_diff::testing {
namespace {

const Runtime runtime;

std::string round_trip(std::string_view json) {
    return Document(json).text();
}

bool same(std::string_view a, std::string_view b) {
    const Document left(a);
    const Document right(b);
    return equal_values(left.root(), right.root(), runtime);
}

// {"k0": make(0), "k1": ...}
template <typename Make>
std::string object_of(std::size_t count, Make&& make) {
    return "{" +
           joined(count,
                  [&](std::size_t i) { return "\"k" + std::to_string(i) + "\": " + make(i); }) +
           "}";
}

TEST(JsonbText, ComesOutInTheServersStyle) {
    EXPECT_EQ(round_trip(R"({"b":[1,2.50,null,true,false],"a":{"x":"y"}})"),
              R"({"a": {"x": "y"}, "b": [1, 2.50, null, true, false]})");
    EXPECT_EQ(round_trip("[]"), "[]");
    EXPECT_EQ(round_trip("{}"), "{}");
    EXPECT_EQ(round_trip("5"), "5");
    EXPECT_EQ(round_trip("\"five\""), "\"five\"");
    EXPECT_EQ(round_trip("null"), "null");
}

TEST(JsonbText, KeysAreSortedByLengthThenBytesAndTheLastOfOneWins) {
    EXPECT_EQ(round_trip(R"({"bb":1,"a":2,"c":3,"aa":4,"a":5})"),
              R"({"a": 5, "c": 3, "aa": 4, "bb": 1})");
    EXPECT_EQ(round_trip(R"({"é":1,"z":2,"":3})"), R"({"": 3, "z": 2, "é": 1})");
}

TEST(JsonbText, EscapesWhatMustBeEscaped) {
    EXPECT_EQ(round_trip(R"(["\u0001\n\"\\ü😀"])"), R"(["\u0001\n\"\\ü😀"])");
}

TEST(JsonbWriter, WritesTheBytesThatTheServerWrites) {
    // select '{"a": 1, "b": "xy"}'::jsonb, the varlena header left out.
    const Document document(R"({"a": 1, "b": "xy"})");
    const unsigned char expected[] = {
        0x02, 0x00, 0x00, 0x20,             // an object of 2
        0x01, 0x00, 0x00, 0x80,             // key of 1 byte, with an offset
        0x01, 0x00, 0x00, 0x00,             // key of 1 byte
        0x0a, 0x00, 0x00, 0x10,             // number of 8 bytes behind 2 of padding
        0x02, 0x00, 0x00, 0x00,             // string of 2 bytes
        'a',  'b',  0x00, 0x00,             // keys, padding
        0x20, 0x00, 0x00, 0x00, 0x00, 0x80, // numeric: size 8, short header
        0x01, 0x00, 'x',  'y'};
    EXPECT_EQ(document.bytes(),
              std::string_view(reinterpret_cast<const char*>(expected), sizeof expected));
}

TEST(JsonbWriter, WritesADocumentThatIsNoContainer) {
    for (const std::string json : {"\"\"", "\"ids\"", "0", "-1.50", "1e100", "true", "false",
                                   "null", "[]", "{}", "[1]", "{\"a\": null}"}) {
        const Document document(json);
        JsonbWriter writer(runtime, 1);
        writer.value(document.root());
        const Document copy(writer.finish());
        EXPECT_EQ(copy.bytes(), document.bytes()) << json;
        EXPECT_EQ(copy.text(), document.text());
    }
    JsonbWriter number(runtime);
    number.integer(-20000);
    EXPECT_EQ(Document(number.finish()).text(), "-20000");
}

TEST(JsonbWriter, PutsAnOffsetIntoEvery32ndEntry) {
    const Document document("[" + joined(100, [](std::size_t) { return "\"abc\""; }) + "]");
    const Container array(document.root().data);
    for (std::uint32_t i = 0; i < 100; ++i) {
        const bool has_offset = (array.entry(i) & layout::offset_flag) != 0;
        EXPECT_EQ(has_offset, i % 32 == 0) << i;
        EXPECT_EQ(array.entry(i) & layout::length_mask, has_offset ? 3 * (i + 1) : 3) << i;
    }
}

TEST(JsonbWriter, RefusesMoreThanJsonbCanHold) {
    JsonbWriter writer(runtime);
    const Caught caught =
        error_of([&] { writer.begin_array(std::size_t{layout::count_mask} + 1); });
    EXPECT_EQ(caught.code, ErrorCode::limit_exceeded);
    EXPECT_EQ(caught.message, "result exceeds the maximum size of jsonb");
}

TEST(JsonbWriter, GrowsFromTheSmallestBuffer) {
    JsonbWriter writer(runtime, 1);
    writer.begin_array(1000);
    for (int i = 0; i < 1000; ++i)
        writer.integer(i);
    writer.end();
    const Document document(writer.finish());
    EXPECT_EQ(json_text(Container(document.root().data).child(999)), "999");
    EXPECT_EQ(json_text(Container(document.root().data).child(512)), "512");
}

TEST(JsonbWriter, WritesAnAbsentValueAsNull) {
    JsonbWriter writer(runtime);
    writer.begin_array(1);
    writer.value({});
    writer.end();
    EXPECT_EQ(Document(writer.finish()).text(), "[null]");
}

TEST(JsonbWriter, CopiesValuesOfEveryKind) {
    const Document source(R"([1.50, "text", true, false, null, [1, [2]], {"a": {"b": 3}}, ""])");
    JsonbWriter writer(runtime);
    static constexpr std::string_view keys[] = {"odd", "copy"};
    writer.begin_object(keys);
    writer.string("x"); // the copy starts at an odd place
    writer.value(source.root());
    writer.end();
    EXPECT_EQ(Document(writer.finish()).text(),
              R"({"odd": "x", "copy": [1.50, "text", true, false, null, [1, [2]], )"
              R"({"a": {"b": 3}}, ""]})");
}

TEST(JsonbReader, FindsEveryChildOfAnArrayOfMoreThan32) {
    const Document document("[" +
                            joined(200,
                                   [](std::size_t i) {
                                       return i % 3 == 0 ? std::to_string(i)
                                                         : "\"" + std::string(i % 7, 'x') + "\"";
                                   }) +
                            "]");
    const Container array(document.root().data);
    Cursor cursor = Cursor::elements(array);
    Value value;
    for (std::uint32_t i = 0; i < 200; ++i) {
        ASSERT_TRUE(cursor.next(value));
        const Value child = array.child(i);
        EXPECT_EQ(child.data, value.data);
        EXPECT_EQ(child.length, value.length);
        EXPECT_EQ(json_text(child),
                  i % 3 == 0 ? std::to_string(i) : "\"" + std::string(i % 7, 'x') + "\"");
    }
    EXPECT_FALSE(cursor.next(value));
}

TEST(JsonbReader, FindsEveryMemberOfLargeObjects) {
    for (const std::size_t count : {31U, 32U, 33U, 64U, 100U, 150U, 1000U}) {
        const Document document(object_of(count, [](std::size_t i) { return std::to_string(i); }));
        for (std::size_t i = 0; i < count; ++i)
            ASSERT_EQ(member_text(document.root(), "k" + std::to_string(i)), std::to_string(i));
        EXPECT_FALSE(find_member(document.root(), "k" + std::to_string(count)).present());
        EXPECT_FALSE(find_member(document.root(), "").present());
        EXPECT_FALSE(find_member(document.root(), "a key longer than all").present());
    }
}

TEST(JsonbReader, TellsAMissingMemberFromNull) {
    const Document document(R"({"null": null, "": 1})");
    EXPECT_TRUE(find_member(document.root(), "null").is(Kind::null));
    EXPECT_TRUE(find_member(document.root(), "").is(Kind::numeric));
    EXPECT_TRUE(find_member(document.root(), "none").is(Kind::absent));
    EXPECT_TRUE(find_member(Document("{}").root(), "none").is(Kind::absent));
}

TEST(JsonbReader, UnwrapsAScalarDocument) {
    EXPECT_TRUE(Document("5").root().is(Kind::numeric));
    EXPECT_TRUE(Document("null").root().is(Kind::null));
    EXPECT_TRUE(Document("\"s\"").root().is(Kind::string));
    EXPECT_TRUE(Document("[5]").root().is(Kind::array));
}

TEST(EqualValues, IgnoresTheScaleOfNumbersAtAnyDepth) {
    EXPECT_TRUE(same("[1.0]", "[1.00]"));
    EXPECT_TRUE(same(R"({"a": [{"b": 1.0}, 2]})", R"({"a": [{"b": 1.00}, 2.0]})"));
    EXPECT_FALSE(same(R"({"a": [{"b": 1.0}, 2]})", R"({"a": [{"b": 1.01}, 2]})"));
}

TEST(EqualValues, ComparesObjectsByMembersAndArraysInOrder) {
    EXPECT_TRUE(same(R"({"a": 1, "b": 2})", R"({"b": 2, "a": 1})"));
    EXPECT_FALSE(same("[1, 2]", "[2, 1]"));
    EXPECT_FALSE(same("[1]", "[1, 2]"));
    EXPECT_FALSE(same(R"({"a": 1})", R"({"b": 1})"));
    EXPECT_FALSE(same(R"({"a": 1})", R"({"a": 1, "b": 1})"));
    EXPECT_FALSE(same(R"([{"a": 1}, 2])", R"([{"b": 1}, 2])"));
    EXPECT_FALSE(same(R"({"a": {"k": 1, "x": 1}})", R"({"a": {"k": 1, "y": 1}})"));
    EXPECT_FALSE(same("[]", "{}"));
    EXPECT_TRUE(same("[]", "[]"));
    EXPECT_FALSE(same("[[1.0], 5]", "[[1.00], 6]")); // equal inside, different behind
}

TEST(EqualValues, TellsKindsApart) {
    const std::vector<std::string> kinds{"1", "\"1\"", "true", "false", "null", "[1]", "{}"};
    for (const std::string& a : kinds)
        for (const std::string& b : kinds)
            EXPECT_EQ(same("[" + a + "]", "[" + b + "]"), a == b) << a << " and " << b;
}

TEST(EqualValues, SeesADifferenceInTheLastOfManyMembers) {
    const auto make = [](std::string_view last) {
        return object_of(150, [&](std::size_t i) {
            return i == 149 ? std::string(last) : std::to_string(i) + ".0";
        });
    };
    EXPECT_TRUE(same(make("7"), make("7.0")));
    EXPECT_FALSE(same(make("7"), make("7.1")));
}

} // namespace
} // namespace dashboard_diff::testing
