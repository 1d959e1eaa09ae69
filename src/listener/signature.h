#pragma once

#include "listener/source.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace dashboard_diff::listener {

using Bytes = std::span<const unsigned char>;
using Digest = std::array<unsigned char, 32>; // SHA-256

// 32 bytes of secret memory, wiped when they go. Move-only, so that no copy stays behind.
class SecretKey {
public:
    static constexpr std::size_t key_size = 32;

    SecretKey() noexcept = default; // all zero: to be filled through writable()
    SecretKey(SecretKey&& other) noexcept;
    SecretKey& operator=(SecretKey&& other) noexcept;
    ~SecretKey();

    Bytes bytes() const noexcept;
    std::span<unsigned char, key_size> writable(); // throws std::bad_alloc

private:
    unsigned char* bytes_ = nullptr; // null: all zero
};

// Throws std::runtime_error (OpenSSL failed).
Digest sha256(std::string_view text);

// HMAC-SHA256 over the parts one after the other. Throws std::runtime_error (OpenSSL failed).
Digest hmac_sha256(Bytes key, std::initializer_list<std::string_view> parts);

// HKDF-SHA256 (RFC 5869, extract and expand); fills `output`. Throws std::runtime_error.
void hkdf_sha256(Bytes input_key, std::string_view salt, std::string_view info,
                 std::span<unsigned char> output);

// The signing keys of webhooks, one for each subscription and each policy, derived from the
// listener's master key.
class WebhookKeys {
public:
    explicit WebhookKeys(const SecretKey& master);
    SecretKey key(const Source& source, int secret_version) const;

private:
    SecretKey extracted_; // the first half of HKDF, which is the same for all
};

// The key in the form receivers configure: `whsec_` and base64.
std::string printable_secret(const SecretKey& key);

std::string base64(Bytes bytes);
std::string hex(Bytes bytes); // lower case

// Strict RFC 4648 base64 of exactly 32 bytes; false for anything else.
bool decode_key(std::string_view text, SecretKey& key);

} // namespace dashboard_diff::listener
