#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct sockaddr;

namespace dashboard_diff::listener {

// An IPv4 or IPv6 address, in network byte order. An IPv4-mapped IPv6 address is held as the
// IPv4 address it reaches, so that no rule can be passed by writing it the other way.
class IpAddress {
public:
    // nullopt for families other than AF_INET and AF_INET6.
    static std::optional<IpAddress> from_socket(const sockaddr& address) noexcept;
    static std::optional<IpAddress> parse(std::string_view text);
    static IpAddress v4(const unsigned char* bytes) noexcept;
    static IpAddress v6(const unsigned char* bytes) noexcept;

    bool is_v4() const noexcept { return is_v4_; }
    unsigned bits() const noexcept { return is_v4_ ? 32 : 128; }
    const unsigned char* bytes() const noexcept { return bytes_.data(); }
    std::string text() const;

private:
    std::array<unsigned char, 16> bytes_{};
    bool is_v4_ = true;
};

// A network in CIDR form.
class Network {
public:
    // Accepts `10.0.0.0/8`, `fd00::/8` or a bare address; bits after the prefix are ignored.
    // Throws std::invalid_argument.
    static Network parse(std::string_view text);

    Network(const IpAddress& base, unsigned prefix) noexcept : base_(base), prefix_(prefix) {}
    bool contains(const IpAddress& address) const noexcept;

private:
    IpAddress base_;
    unsigned prefix_; // leading bits that count, at most base_.bits()
};

// False for every address that is not reachable over the public internet by itself, and for
// NAT64 and 6to4 addresses that lead to such an IPv4 address.
bool is_public(const IpAddress& address) noexcept;

// Where requests may go: public addresses, and the networks the operator added.
class AddressPolicy {
public:
    explicit AddressPolicy(std::vector<Network> allowed) : allowed_(std::move(allowed)) {}
    bool permits(const IpAddress& address) const noexcept;

private:
    std::vector<Network> allowed_;
};

} // namespace dashboard_diff::listener
