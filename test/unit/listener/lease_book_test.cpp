#include "listener/lease_book.h"

#include <gtest/gtest.h>

namespace dashboard_diff::listener {
namespace {

TEST(LeaseBook, ALeaseEndsWithItsLastDelivery) {
    LeaseBook book;
    book.took(7);
    book.took(7);
    book.took(8);
    book.settled(7);
    EXPECT_FALSE(book.has_ended());
    book.settled(8);
    EXPECT_EQ(book.take_ended(), std::vector<std::int64_t>{8});
    EXPECT_FALSE(book.has_ended());
    EXPECT_EQ(book.open(), std::vector<std::int64_t>{7});
    book.settled(7);
    EXPECT_EQ(book.take_ended(), std::vector<std::int64_t>{7});
    EXPECT_TRUE(book.open().empty());
}

} // namespace
} // namespace dashboard_diff::listener
