#include "listener/address_policy.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace dashboard_diff::listener {
namespace {

bool same_prefix(const unsigned char* left, const unsigned char* right, unsigned bits) noexcept {
    const unsigned whole = bits / 8;
    if (std::memcmp(left, right, whole) != 0)
        return false;
    const unsigned rest = bits % 8;
    return rest == 0 || ((left[whole] ^ right[whole]) >> (8 - rest)) == 0;
}

struct Block {
    unsigned char base[16];
    unsigned prefix;
};

// IANA special-purpose registry, and what is not unicast.
constexpr Block not_public_v4[] = {
    {{0}, 8},             // "this network", 0.0.0.0 reaches the host itself
    {{10}, 8},            // private
    {{100, 64}, 10},      // carrier-grade NAT
    {{127}, 8},           // loopback
    {{169, 254}, 16},     // link-local, cloud metadata
    {{172, 16}, 12},      // private
    {{192, 0, 0}, 24},    // protocol assignments
    {{192, 0, 2}, 24},    // documentation
    {{192, 88, 99}, 24},  // 6to4 relays, withdrawn
    {{192, 168}, 16},     // private
    {{198, 18}, 15},      // benchmarks
    {{198, 51, 100}, 24}, // documentation
    {{203, 0, 113}, 24},  // documentation
    {{224}, 4},           // multicast
    {{240}, 4},           // reserved, broadcast
};

constexpr Block global_unicast_v6 = {{0x20}, 3};
constexpr Block not_public_v6[] = {
    {{0x20, 0x01}, 23},             // protocol assignments: Teredo, benchmarks, ORCHID
    {{0x20, 0x01, 0x0D, 0xB8}, 32}, // documentation
    {{0x3F, 0xFF}, 20},             // documentation
};

constexpr Block mapped = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, 96};
constexpr Block nat64 = {{0x00, 0x64, 0xFF, 0x9B}, 96};
constexpr Block k6to4 = {{0x20, 0x02}, 16};

bool in_block(const unsigned char* bytes, const Block& block) noexcept {
    return same_prefix(bytes, block.base, block.prefix);
}

} // namespace

IpAddress IpAddress::v4(const unsigned char* bytes) noexcept {
    IpAddress address;
    std::copy_n(bytes, 4, address.bytes_.begin());
    return address;
}

IpAddress IpAddress::v6(const unsigned char* bytes) noexcept {
    if (in_block(bytes, mapped))
        return v4(bytes + 12);
    IpAddress address;
    address.is_v4_ = false;
    std::copy_n(bytes, 16, address.bytes_.begin());
    return address;
}

std::optional<IpAddress> IpAddress::from_socket(const sockaddr& address) noexcept {
    // Copies instead of casts: the caller's buffer promises no alignment.
    if (address.sa_family == AF_INET) {
        sockaddr_in in;
        std::memcpy(&in, &address, sizeof in);
        return v4(reinterpret_cast<const unsigned char*>(&in.sin_addr));
    }
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 in6;
        std::memcpy(&in6, &address, sizeof in6);
        return v6(in6.sin6_addr.s6_addr);
    }
    return std::nullopt;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string terminated(text);
    unsigned char bytes[16];
    if (inet_pton(AF_INET, terminated.c_str(), bytes) == 1)
        return v4(bytes);
    if (inet_pton(AF_INET6, terminated.c_str(), bytes) == 1)
        return v6(bytes);
    return std::nullopt;
}

std::string IpAddress::text() const {
    char buffer[INET6_ADDRSTRLEN];
    inet_ntop(is_v4_ ? AF_INET : AF_INET6, bytes_.data(), buffer, sizeof buffer);
    return buffer;
}

Network Network::parse(std::string_view text) {
    const auto refuse = [&](const char* why) {
        return std::invalid_argument("\"" + std::string(text) + "\" is not a network: " + why);
    };
    const std::size_t slash = text.find('/');
    const std::string_view base_text = text.substr(0, slash);
    const auto base = IpAddress::parse(base_text);
    if (!base)
        throw refuse("expected an address such as 10.0.0.0/8 or fd00::/8");
    // The prefix counts in the form that was written; a mapped one loses its first 96 bits.
    const bool mapped = base->is_v4() && base_text.find(':') != std::string_view::npos;
    const unsigned skipped = mapped ? 96 : 0;
    if (slash == std::string_view::npos)
        return {*base, base->bits()};
    const std::string_view digits = text.substr(slash + 1);
    unsigned prefix = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, prefix);
    if (error != std::errc() || stop != end || digits.empty())
        throw refuse("expected a number of bits after \"/\"");
    if (prefix < skipped || prefix > base->bits() + skipped)
        throw refuse("the number of bits is out of range");
    return {*base, prefix - skipped};
}

bool Network::contains(const IpAddress& address) const noexcept {
    return base_.is_v4() == address.is_v4() && same_prefix(base_.bytes(), address.bytes(), prefix_);
}

bool is_public(const IpAddress& address) noexcept {
    const unsigned char* bytes = address.bytes();
    const auto holds = [bytes](const Block& block) { return in_block(bytes, block); };
    if (address.is_v4())
        return std::ranges::none_of(not_public_v4, holds);
    if (in_block(bytes, nat64))
        return is_public(IpAddress::v4(bytes + 12));
    if (in_block(bytes, k6to4))
        return is_public(IpAddress::v4(bytes + 2));
    return in_block(bytes, global_unicast_v6) && std::ranges::none_of(not_public_v6, holds);
}

bool AddressPolicy::permits(const IpAddress& address) const noexcept {
    const auto holds = [&](const Network& network) { return network.contains(address); };
    return is_public(address) || std::ranges::any_of(allowed_, holds);
}

} // namespace dashboard_diff::listener
