#include "listener/seal.h"

#include <memory>
#include <vector>

#include <openssl/evp.h>
#include <openssl/rand.h>

namespace dashboard_diff::listener {
namespace {

constexpr std::string_view prefix = "sealed:v1:";
constexpr std::size_t nonce_size = SealNonce().size();
constexpr std::size_t tag_size = 16;

struct FreeCipher {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

void require(bool done, const char* what) {
    if (!done)
        throw std::runtime_error(std::string("OpenSSL: ") + what + " failed");
}

const unsigned char* bytes_of(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}

// A context that knows key, nonce and purpose.
Cipher begin(const SecretKey& key, std::string_view purpose, const unsigned char* nonce,
             bool encrypt) {
    Cipher cipher(EVP_CIPHER_CTX_new());
    require(cipher != nullptr, "EVP_CIPHER_CTX_new");
    require(EVP_CipherInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.bytes().data(), nonce,
                              encrypt ? 1 : 0) == 1,
            "EVP_CipherInit_ex");
    int size = 0;
    require(EVP_CipherUpdate(cipher.get(), nullptr, &size, bytes_of(purpose),
                             static_cast<int>(purpose.size())) == 1,
            "EVP_CipherUpdate");
    return cipher;
}

// Strict base64; empty for anything else.
std::vector<unsigned char> decode(std::string_view text) {
    if (text.empty() || text.size() % 4 != 0)
        return {};
    std::vector<unsigned char> bytes(text.size() / 4 * 3);
    const int size = EVP_DecodeBlock(bytes.data(), bytes_of(text), static_cast<int>(text.size()));
    if (size < 0)
        return {};
    bytes.resize(static_cast<std::size_t>(size) - (text.ends_with("==")  ? 2
                                                   : text.ends_with('=') ? 1
                                                                         : 0));
    // Encoding it again catches what the decoder lets pass: spaces, odd padding, loose bits.
    if (base64(bytes) != text)
        return {};
    return bytes;
}

} // namespace

SecretKey sealing_key(const SecretKey& master) {
    SecretKey key;
    hkdf_sha256(master.bytes(), "dashboard_diff", "seal:v1", key.writable());
    return key;
}

std::string credentials_purpose(std::int64_t config_id) {
    return "notification_configs:" + std::to_string(config_id);
}

std::string seal(const SecretKey& key, std::string_view purpose, std::string_view secret) {
    SealNonce nonce;
    require(RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) == 1, "RAND_bytes");
    return seal_with_nonce(key, purpose, secret, nonce);
}

std::string seal_with_nonce(const SecretKey& key, std::string_view purpose, std::string_view secret,
                            const SealNonce& nonce) {
    if (secret.empty())
        throw SealError("the secret is empty");
    if (secret.size() > longest_sealed_secret)
        throw SealError("the secret is longer than 64 kB");
    const Cipher cipher = begin(key, purpose, nonce.data(), true);
    std::vector<unsigned char> sealed(nonce.begin(), nonce.end());
    sealed.resize(nonce_size + secret.size() + tag_size);
    unsigned char* const text = sealed.data() + nonce_size;
    int size = 0;
    int rest = 0;
    require(EVP_CipherUpdate(cipher.get(), text, &size, bytes_of(secret),
                             static_cast<int>(secret.size())) == 1 &&
                EVP_CipherFinal_ex(cipher.get(), text + size, &rest) == 1 &&
                EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, tag_size,
                                    text + secret.size()) == 1,
            "encryption");
    return std::string(prefix) + base64(sealed);
}

SecretText unseal(const SecretKey& key, std::string_view purpose, std::string_view sealed) {
    if (!sealed.starts_with(prefix))
        throw SealError("not sealed");
    std::vector<unsigned char> bytes = decode(sealed.substr(prefix.size()));
    if (bytes.size() <= nonce_size + tag_size)
        throw SealError("not sealed");
    const std::size_t size = bytes.size() - nonce_size - tag_size;
    const Cipher cipher = begin(key, purpose, bytes.data(), false);
    SecretText secret(size);
    auto* const out = reinterpret_cast<unsigned char*>(secret.data());
    int done = 0;
    int rest = 0;
    require(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, tag_size,
                                bytes.data() + nonce_size + size) == 1 &&
                EVP_CipherUpdate(cipher.get(), out, &done, bytes.data() + nonce_size,
                                 static_cast<int>(size)) == 1,
            "decryption");
    if (EVP_CipherFinal_ex(cipher.get(), out + done, &rest) != 1)
        throw SealError("sealed for another row or with another key file");
    return secret;
}

} // namespace dashboard_diff::listener
