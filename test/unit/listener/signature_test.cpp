#include "listener/signature.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace dashboard_diff::listener {
namespace {

std::vector<unsigned char> from_hex(std::string_view text) {
    std::vector<unsigned char> bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        bytes.push_back(
            static_cast<unsigned char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
    }
    return bytes;
}

std::string as_text(const std::vector<unsigned char>& bytes) {
    return {bytes.begin(), bytes.end()};
}

Bytes as_bytes(std::string_view text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

std::string hkdf_hex(const std::string& key, const std::string& salt, const std::string& info,
                     std::size_t size) {
    std::vector<unsigned char> output(size);
    hkdf_sha256(from_hex(key), as_text(from_hex(salt)), as_text(from_hex(info)), output);
    return hex(output);
}

// RFC 5869, appendix A.1 to A.3.
TEST(Hkdf, Rfc5869Basic) {
    EXPECT_EQ(hkdf_hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
                       "f0f1f2f3f4f5f6f7f8f9", 42),
              "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
              "34007208d5b887185865");
}

TEST(Hkdf, Rfc5869Long) {
    const auto run = [](unsigned first, unsigned last) {
        std::vector<unsigned char> bytes;
        for (unsigned byte = first; byte <= last; ++byte)
            bytes.push_back(static_cast<unsigned char>(byte));
        return hex(bytes);
    };
    EXPECT_EQ(hkdf_hex(run(0x00, 0x4f), run(0x60, 0xaf), run(0xb0, 0xff), 82),
              "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
              "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
              "cc30c58179ec3e87c14c01d5c1f3434f1d87");
}

TEST(Hkdf, Rfc5869WithoutSaltAndInfo) {
    EXPECT_EQ(hkdf_hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "", 42),
              "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
              "9d201395faa4b61a96c8");
}

// RFC 4231, test case 2, in one part and in several.
TEST(Hmac, Rfc4231) {
    const std::string expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    EXPECT_EQ(hex(hmac_sha256(as_bytes("Jefe"), {"what do ya want for nothing?"})), expected);
    EXPECT_EQ(hex(hmac_sha256(as_bytes("Jefe"), {"what do ya", "", " want for nothing?"})),
              expected);
}

TEST(Base64, Rfc4648) {
    EXPECT_EQ(base64(as_bytes("")), "");
    EXPECT_EQ(base64(as_bytes("f")), "Zg==");
    EXPECT_EQ(base64(as_bytes("fo")), "Zm8=");
    EXPECT_EQ(base64(as_bytes("foo")), "Zm9v");
    EXPECT_EQ(base64(as_bytes("foobar")), "Zm9vYmFy");
}

TEST(DecodeKey, TakesWhatBase64Gives) {
    SecretKey key;
    for (std::size_t i = 0; i < SecretKey::key_size; ++i)
        key.writable()[i] = static_cast<unsigned char>(i * 37);
    SecretKey decoded;
    ASSERT_TRUE(decode_key(base64(key.bytes()), decoded));
    EXPECT_EQ(hex(decoded.bytes()), hex(key.bytes()));
}

TEST(DecodeKey, RefusesEverythingElse) {
    const std::string good = base64(SecretKey().bytes());
    SecretKey key;
    ASSERT_TRUE(decode_key(good, key));
    EXPECT_FALSE(decode_key("", key));
    EXPECT_FALSE(decode_key(good + "\n", key));
    EXPECT_FALSE(decode_key(good.substr(0, 40), key));
    EXPECT_FALSE(decode_key(" " + good.substr(1), key));
    EXPECT_FALSE(decode_key("-" + good.substr(1), key));
    EXPECT_FALSE(decode_key(good.substr(0, 42) + "==", key)); // 31 bytes
    EXPECT_FALSE(decode_key(good.substr(0, 42) + "B=", key)); // bits after the last byte
    EXPECT_FALSE(decode_key("=" + good.substr(1), key));
}

TEST(SecretKey, MovesAndLeavesNothing) {
    SecretKey key;
    key.writable()[0] = 1;
    const SecretKey moved = std::move(key);
    EXPECT_EQ(moved.bytes()[0], 1);
    EXPECT_EQ(key.bytes()[0], 0); // NOLINT(bugprone-use-after-move): that is the point
}

TEST(WebhookKey, DependsOnSubscriptionAndVersion) {
    SecretKey master;
    master.writable()[5] = 42;
    const auto secret = [&](Source::Kind kind, std::int64_t id, int version) {
        return printable_secret(WebhookKeys(master).key({kind, id}, version));
    };
    const std::string first = secret(Source::Kind::subscription, 12, 1);
    EXPECT_EQ(first, secret(Source::Kind::subscription, 12, 1));
    EXPECT_NE(first, secret(Source::Kind::subscription, 12, 2));
    EXPECT_NE(first, secret(Source::Kind::subscription, 121, 1));
    EXPECT_NE(first, secret(Source::Kind::policy, 12, 1));
    EXPECT_EQ(first.substr(0, 6), "whsec_");
    EXPECT_EQ(first.size(), 6U + 44U);
}

// Worked out with an independent HKDF; a change would make every receiver refuse us.
TEST(WebhookKey, NeverChanges) {
    SecretKey master;
    for (std::size_t i = 0; i < SecretKey::key_size; ++i)
        master.writable()[i] = static_cast<unsigned char>(i);
    const SecretKey key = WebhookKeys(master).key({Source::Kind::subscription, 12}, 3);
    SecretKey by_openssl;
    hkdf_sha256(master.bytes(), "dashboard_diff", "webhook:12:3", by_openssl.writable());
    EXPECT_EQ(hex(key.bytes()), hex(by_openssl.bytes()));
    EXPECT_EQ(printable_secret(key), "whsec_KiRr75Pd9zH/Ag6ojVIBX2uFKdvUqw1KkAMz+H/pxNI=");
}

} // namespace
} // namespace dashboard_diff::listener
