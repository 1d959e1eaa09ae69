#include "listener/signature.h"

#include "listener/secret_memory.h"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

namespace dashboard_diff::listener {
namespace {

template <auto Free>
struct Deleter {
    template <typename T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};

using Mac = std::unique_ptr<EVP_MAC, Deleter<EVP_MAC_free>>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, Deleter<EVP_MAC_CTX_free>>;
using Kdf = std::unique_ptr<EVP_KDF, Deleter<EVP_KDF_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, Deleter<EVP_KDF_CTX_free>>;

void require(bool done, const char* what) {
    if (!done)
        throw std::runtime_error(std::string("OpenSSL: ") + what + " failed");
}

char digest_name[] = "SHA256";

OSSL_PARAM digest_param(const char* key) {
    return OSSL_PARAM_construct_utf8_string(key, digest_name, 0);
}

OSSL_PARAM octets_param(const char* key, const void* data, std::size_t size) {
    // OpenSSL only reads it; its parameter type serves both directions.
    return OSSL_PARAM_construct_octet_string(key, const_cast<void*>(data), size);
}

// A context that knows its digest but no key: copying it saves the look-up of the algorithm.
const EVP_MAC_CTX* hmac_template() {
    static const MacContext context = [] {
        const Mac mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
        require(mac != nullptr, "EVP_MAC_fetch");
        MacContext fresh(EVP_MAC_CTX_new(mac.get()));
        require(fresh != nullptr, "EVP_MAC_CTX_new");
        const OSSL_PARAM params[] = {digest_param(OSSL_MAC_PARAM_DIGEST), OSSL_PARAM_END};
        require(EVP_MAC_CTX_set_params(fresh.get(), params) == 1, "EVP_MAC_CTX_set_params");
        return fresh;
    }();
    return context.get();
}

EVP_KDF* hkdf_algorithm() {
    static const Kdf kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
    require(kdf != nullptr, "EVP_KDF_fetch");
    return kdf.get();
}

} // namespace

SecretKey::SecretKey(SecretKey&& other) noexcept : bytes_(std::exchange(other.bytes_, nullptr)) {}

SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
    std::swap(bytes_, other.bytes_); // `other` wipes what was here
    return *this;
}

SecretKey::~SecretKey() {
    release_secret(bytes_, key_size);
}

Bytes SecretKey::bytes() const noexcept {
    static constexpr std::array<unsigned char, key_size> zero{};
    return bytes_ == nullptr ? Bytes(zero) : Bytes(bytes_, key_size);
}

std::span<unsigned char, SecretKey::key_size> SecretKey::writable() {
    if (bytes_ == nullptr)
        bytes_ = static_cast<unsigned char*>(allocate_secret(key_size));
    return std::span<unsigned char, key_size>(bytes_, key_size);
}

Digest hmac_sha256(Bytes key, std::initializer_list<std::string_view> parts) {
    const MacContext context(EVP_MAC_CTX_dup(hmac_template()));
    require(context != nullptr, "EVP_MAC_CTX_dup");
    require(EVP_MAC_init(context.get(), key.data(), key.size(), nullptr) == 1, "EVP_MAC_init");
    for (const std::string_view part : parts) {
        const auto* data = reinterpret_cast<const unsigned char*>(part.data());
        require(EVP_MAC_update(context.get(), data, part.size()) == 1, "EVP_MAC_update");
    }
    Digest digest;
    std::size_t size = 0;
    require(EVP_MAC_final(context.get(), digest.data(), &size, digest.size()) == 1 &&
                size == digest.size(),
            "EVP_MAC_final");
    return digest;
}

void hkdf_sha256(Bytes input_key, std::string_view salt, std::string_view info,
                 std::span<unsigned char> output) {
    const KdfContext context(EVP_KDF_CTX_new(hkdf_algorithm()));
    require(context != nullptr, "EVP_KDF_CTX_new");
    // OpenSSL 3.0 takes an absent salt for the RFC's string of zeros, but not an empty one.
    const OSSL_PARAM salt_param = salt.empty()
                                      ? OSSL_PARAM_construct_end()
                                      : octets_param(OSSL_KDF_PARAM_SALT, salt.data(), salt.size());
    const OSSL_PARAM params[] = {
        digest_param(OSSL_KDF_PARAM_DIGEST),
        octets_param(OSSL_KDF_PARAM_KEY, input_key.data(), input_key.size()),
        octets_param(OSSL_KDF_PARAM_INFO, info.data(), info.size()), salt_param, OSSL_PARAM_END};
    require(EVP_KDF_derive(context.get(), output.data(), output.size(), params) == 1,
            "EVP_KDF_derive");
}

WebhookKeys::WebhookKeys(const SecretKey& master) {
    const Bytes key = master.bytes();
    constexpr std::string_view salt = "dashboard_diff";
    Digest extracted =
        hmac_sha256({reinterpret_cast<const unsigned char*>(salt.data()), salt.size()},
                    {{reinterpret_cast<const char*>(key.data()), key.size()}});
    std::ranges::copy(extracted, extracted_.writable().begin());
    OPENSSL_cleanse(extracted.data(), extracted.size());
}

SecretKey WebhookKeys::key(const Source& source, int secret_version) const {
    // HKDF's expand, of which a key of one digest's size is the first and only round.
    SecretKey key;
    const char* purpose = source.kind == Source::Kind::policy ? "policy-webhook:" : "webhook:";
    const std::string info =
        purpose + std::to_string(source.id) + ":" + std::to_string(secret_version);
    Digest expanded = hmac_sha256(extracted_.bytes(), {info, "\x01"});
    std::ranges::copy(expanded, key.writable().begin());
    OPENSSL_cleanse(expanded.data(), expanded.size());
    return key;
}

std::string printable_secret(const SecretKey& key) {
    return "whsec_" + base64(key.bytes());
}

std::string base64(Bytes bytes) {
    // EVP_EncodeBlock also writes a NUL, which a string has room for.
    std::string text((bytes.size() + 2) / 3 * 4, '\0');
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                    static_cast<int>(bytes.size()));
    return text;
}

Digest sha256(std::string_view text) {
    Digest digest;
    unsigned size = 0;
    require(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) ==
                    1 &&
                size == digest.size(),
            "EVP_Digest");
    return digest;
}

std::string hex(Bytes bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const unsigned char byte : bytes) {
        text += digits[byte >> 4];
        text += digits[byte & 0xF];
    }
    return text;
}

bool decode_key(std::string_view text, SecretKey& key) {
    constexpr std::size_t encoded_size = 44; // with one "=" of padding
    if (text.size() != encoded_size || text.back() != '=')
        return false;
    std::array<unsigned char, 33> decoded; // the padding decodes to a zero byte
    const int size = EVP_DecodeBlock(
        decoded.data(), reinterpret_cast<const unsigned char*>(text.data()), encoded_size);
    std::string again;
    if (size == 33) {
        std::copy_n(decoded.begin(), SecretKey::key_size, key.writable().begin());
        again = base64(key.bytes());
    }
    // Encoding it again catches what the decoder lets pass: spaces, odd padding, loose bits.
    const bool same = again == text;
    OPENSSL_cleanse(decoded.data(), decoded.size());
    OPENSSL_cleanse(again.data(), again.size());
    return same;
}

} // namespace dashboard_diff::listener
