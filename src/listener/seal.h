#pragma once

#include "listener/secret_text.h"
#include "listener/signature.h"

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace dashboard_diff::listener {

// What is sealed cannot be opened; what() is a short reason.
class SealError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Secrets that the database keeps for the listener: AES-256-GCM, bound to the one row each is for,
// as `sealed:v1:` and base64 of nonce, ciphertext and tag.
constexpr std::size_t longest_sealed_secret = 64 * 1024;

using SealNonce = std::array<unsigned char, 12>;

// The key for all of them, derived from the listener's master key.
SecretKey sealing_key(const SecretKey& master);

// What the credentials of a notification config are sealed for.
std::string credentials_purpose(std::int64_t config_id);

// Throws SealError for an empty or too long secret.
std::string seal(const SecretKey& key, std::string_view purpose, std::string_view secret);

// The same with a nonce that must never have been used with this key: for tests.
std::string seal_with_nonce(const SecretKey& key, std::string_view purpose, std::string_view secret,
                            const SealNonce& nonce);

// Throws SealError.
SecretText unseal(const SecretKey& key, std::string_view purpose, std::string_view sealed);

} // namespace dashboard_diff::listener
