#include "listener/seal.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace dashboard_diff::listener {
namespace {

SecretKey key_of(unsigned char first) {
    SecretKey master;
    for (unsigned char& byte : master.writable())
        byte = first++;
    return sealing_key(master);
}

std::string opened(const SecretKey& key, std::string_view purpose, std::string_view sealed) {
    try {
        return std::string(unseal(key, purpose, sealed).view());
    } catch (const SealError& error) {
        return std::string("error: ") + error.what();
    }
}

// Computed with another implementation of HKDF and AES-256-GCM (that of Node.js).
TEST(Seal, KnownAnswer) {
    SealNonce nonce;
    for (std::size_t i = 0; i < nonce.size(); ++i)
        nonce[i] = static_cast<unsigned char>(0xA0 + i);
    const std::string sealed =
        seal_with_nonce(key_of(0), credentials_purpose(12), "hunter2", nonce);
    EXPECT_EQ(sealed, "sealed:v1:oKGio6SlpqeoqaqrwLyG3kpKosP6PPyoAZeVYUO0mFzY0FU=");
    EXPECT_EQ(opened(key_of(0), "notification_configs:12", sealed), "hunter2");
}

TEST(Seal, EverySizeAndByteComesBack) {
    const SecretKey key = key_of(7);
    std::string secret;
    for (std::size_t size = 1; size < 300; ++size) {
        secret += static_cast<char>(size);
        EXPECT_EQ(opened(key, "x", seal(key, "x", secret)), secret) << size;
    }
    const std::string longest(longest_sealed_secret, 'x');
    EXPECT_EQ(opened(key, "x", seal(key, "x", longest)), longest);
}

TEST(Seal, NeverTheSameTwice) {
    const SecretKey key = key_of(7);
    std::set<std::string> sealed;
    for (int i = 0; i < 100; ++i)
        sealed.insert(seal(key, "x", "hunter2"));
    EXPECT_EQ(sealed.size(), 100U);
}

TEST(Seal, OnlyForTheRowAndKeyItIsFor) {
    const std::string sealed = seal(key_of(0), credentials_purpose(12), "hunter2");
    const std::string refusal = "error: sealed for another row or with another key file";
    EXPECT_EQ(opened(key_of(0), credentials_purpose(13), sealed), refusal);
    EXPECT_EQ(opened(key_of(0), "", sealed), refusal);
    EXPECT_EQ(opened(key_of(1), credentials_purpose(12), sealed), refusal);
}

TEST(Seal, NoCharacterCanBeChanged) {
    const SecretKey key = key_of(0);
    const std::string sealed = seal(key, "x", "hunter2!"); // 36 bytes: base64 without padding
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        std::string other = sealed;
        other[i] = other[i] == 'A' ? 'B' : 'A';
        EXPECT_TRUE(opened(key, "x", other).starts_with("error: ")) << i;
        EXPECT_TRUE(opened(key, "x", sealed.substr(0, i)).starts_with("error: ")) << i;
    }
    EXPECT_EQ(opened(key, "x", sealed + "AAAA"),
              "error: sealed for another row or with another key file");
}

TEST(Seal, WhatIsNotSealed) {
    for (const std::string text :
         {"", "hunter2", "sealed:v1:", "sealed:v1:!!!!", "sealed:v2:AAAA", "sealed:v1:AAAAAAAA",
          "sealed:v1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=A"})
        EXPECT_EQ(opened(key_of(0), "x", text), "error: not sealed") << text;
}

TEST(Seal, RefusesEmptyAndTooLong) {
    EXPECT_THROW(seal(key_of(0), "x", ""), SealError);
    EXPECT_THROW(seal(key_of(0), "x", std::string(longest_sealed_secret + 1, 'x')), SealError);
}

} // namespace
} // namespace dashboard_diff::listener
