#include "listener/address_policy.h"

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <stdexcept>
#include <string>

namespace dashboard_diff::listener {
namespace {

IpAddress address(const std::string& text) {
    const auto parsed = IpAddress::parse(text);
    if (!parsed)
        throw std::invalid_argument(text);
    return *parsed;
}

class NotPublic : public testing::TestWithParam<const char*> {};
class Public : public testing::TestWithParam<const char*> {};

TEST_P(NotPublic, IsRefused) {
    EXPECT_FALSE(is_public(address(GetParam())));
}
TEST_P(Public, IsAllowed) {
    EXPECT_TRUE(is_public(address(GetParam())));
}

INSTANTIATE_TEST_SUITE_P(V4, NotPublic,
                         testing::Values("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255",
                                         "100.64.0.1", "100.127.255.255", "127.0.0.1",
                                         "127.255.255.254", "169.254.169.254", "172.16.0.1",
                                         "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1",
                                         "192.168.1.1", "198.18.0.1", "198.19.255.255",
                                         "198.51.100.7", "203.0.113.9", "224.0.0.1",
                                         "239.255.255.250", "240.0.0.1", "255.255.255.255"));

INSTANTIATE_TEST_SUITE_P(V6, NotPublic,
                         testing::Values("::", "::1", "::127.0.0.1", "::8.8.8.8", "fe80::1",
                                         "febf::1", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1",
                                         "100::1", "2001::1", "2001:2::1", "2001:10::1",
                                         "2001:20::1", "2001:db8::1", "3fff::1", "5f00::1",
                                         "64:ff9b:1::8.8.8.8", "4000::1"));

INSTANTIATE_TEST_SUITE_P(Embedded, NotPublic,
                         testing::Values("::ffff:127.0.0.1", "::ffff:10.0.0.1",
                                         "::ffff:169.254.169.254", "::ffff:0.0.0.0",
                                         "64:ff9b::127.0.0.1", "64:ff9b::192.168.0.1",
                                         "64:ff9b::a9fe:a9fe", "2002:7f00:1::1",
                                         "2002:a00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:101::1"));

INSTANTIATE_TEST_SUITE_P(V4, Public,
                         testing::Values("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0",
                                         "100.63.255.255", "100.128.0.0", "126.255.255.255",
                                         "128.0.0.0", "169.253.0.1", "172.15.255.255", "172.32.0.0",
                                         "192.0.1.1", "192.167.255.255", "192.169.0.0",
                                         "198.17.255.255", "198.20.0.0", "223.255.255.255"));

INSTANTIATE_TEST_SUITE_P(V6, Public,
                         testing::Values("2606:4700:4700::1111", "2001:4860:4860::8888",
                                         "2a00:1450::1", "2001:200::1", "3ffe::1", "::ffff:8.8.8.8",
                                         "64:ff9b::8.8.8.8", "2002:808:808::1"));

TEST(IpAddress, MappedIsHeldAsV4) {
    EXPECT_TRUE(address("::ffff:10.0.0.1").is_v4());
    EXPECT_EQ(address("::ffff:10.0.0.1").text(), "10.0.0.1");
    EXPECT_EQ(address("FD00::0001").text(), "fd00::1");
}

TEST(IpAddress, RefusesOtherText) {
    for (const char* text : {"", "1", "1.2.3", "1.2.3.4.5", "127.1", "0x7f.0.0.1", "localhost",
                             "fe80::1%eth0", "[::1]", " ::1"})
        EXPECT_FALSE(IpAddress::parse(text)) << text;
}

TEST(IpAddress, FromSocket) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(0x0A010203);
    EXPECT_EQ(IpAddress::from_socket(reinterpret_cast<const sockaddr&>(in))->text(), "10.1.2.3");
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_addr = in6addr_loopback;
    EXPECT_EQ(IpAddress::from_socket(reinterpret_cast<const sockaddr&>(in6))->text(), "::1");
    sockaddr other{};
    other.sa_family = AF_UNIX;
    EXPECT_FALSE(IpAddress::from_socket(other));
}

TEST(Network, Contains) {
    const auto holds = [](const char* network, const char* text) {
        return Network::parse(network).contains(address(text));
    };
    EXPECT_TRUE(holds("10.1.0.0/16", "10.1.255.255"));
    EXPECT_FALSE(holds("10.1.0.0/16", "10.2.0.0"));
    EXPECT_TRUE(holds("10.1.2.3/8", "10.200.0.1")); // bits after the prefix do not count
    EXPECT_TRUE(holds("172.16.0.0/12", "172.31.0.1"));
    EXPECT_FALSE(holds("172.16.0.0/12", "172.32.0.1"));
    EXPECT_TRUE(holds("0.0.0.0/0", "192.168.0.1"));
    EXPECT_FALSE(holds("0.0.0.0/0", "::1"));
    EXPECT_FALSE(holds("::/0", "127.0.0.1"));
    EXPECT_TRUE(holds("127.0.0.1", "127.0.0.1"));
    EXPECT_FALSE(holds("127.0.0.1", "127.0.0.2"));
    EXPECT_TRUE(holds("fd00::/8", "fdff::1"));
    EXPECT_TRUE(holds("fe80::/10", "febf::1"));
    EXPECT_FALSE(holds("fe80::/10", "fec0::1"));
    EXPECT_TRUE(holds("::1", "::1"));
    EXPECT_TRUE(holds("::ffff:10.0.0.0/104", "10.9.9.9"));
    EXPECT_TRUE(holds("10.0.0.0/8", "::ffff:10.9.9.9"));
}

TEST(Network, RefusesOtherText) {
    for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
                             "10.0.0/8", "fd00::/129", "::ffff:10.0.0.0/8", "example.com/24"})
        EXPECT_THROW(Network::parse(text), std::invalid_argument) << text;
}

TEST(AddressPolicy, AllowedNetworksOnlyAdd) {
    const AddressPolicy policy({Network::parse("10.1.0.0/16"), Network::parse("::1")});
    EXPECT_TRUE(policy.permits(address("10.1.0.1")));
    EXPECT_TRUE(policy.permits(address("::1")));
    EXPECT_TRUE(policy.permits(address("8.8.8.8")));
    EXPECT_FALSE(policy.permits(address("10.2.0.1")));
    EXPECT_FALSE(policy.permits(address("127.0.0.1")));
    EXPECT_FALSE(policy.permits(address("64:ff9b::10.1.0.1"))); // not what was named
}

} // namespace
} // namespace dashboard_diff::listener
