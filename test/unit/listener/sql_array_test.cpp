#include "listener/sql_array.h"

#include <gtest/gtest.h>

namespace dashboard_diff::listener {
namespace {

TEST(SqlArray, Elements) {
    SqlArray array;
    EXPECT_EQ(array.text(), "{}");
    array.add("plain");
    array.add("");
    array.add("NULL");
    array.add(R"(a "quoted" \ {x,y} ü)");
    array.add_null();
    array.add(-12);
    EXPECT_EQ(array.text(), R"({"plain","","NULL","a \"quoted\" \\ {x,y} ü",NULL,-12})");
}

} // namespace
} // namespace dashboard_diff::listener
