#include "listener/secret_memory.h"

#include "listener/secret_text.h"
#include "listener/signature.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace dashboard_diff::listener {
namespace {

// The VmFlags of the mapping that the address is in, as smaps shows them.
std::string flags_of(const void* address) {
    std::ifstream maps("/proc/self/smaps");
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    bool inside = false;
    for (std::string line; std::getline(maps, line);) {
        unsigned long first = 0;
        unsigned long last = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx ", &first, &last) == 2)
            inside = wanted >= first && wanted < last;
        else if (inside && line.starts_with("VmFlags:"))
            return line + " ";
    }
    return "";
}

bool is_zero(const void* memory, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(memory);
    return std::all_of(bytes, bytes + size, [](unsigned char byte) { return byte == 0; });
}

// That it is locked cannot be seen here: the address sanitizer leaves that out.
TEST(SecretMemory, IsNeitherDumpedNorInherited) {
    for (const std::size_t size : {std::size_t(32), std::size_t(100'000)}) {
        void* const memory = allocate_secret(size);
        const std::string flags = flags_of(memory);
        EXPECT_NE(flags.find(" dd "), std::string::npos) << flags;
        EXPECT_NE(flags.find(" wf "), std::string::npos) << flags;
        std::memset(memory, 1, size);
        const pid_t child = ::fork();
        if (child == 0)
            ::_exit(is_zero(memory, size) ? 0 : 1);
        int status = -1;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0) << "a child sees it";
        release_secret(memory, size);
    }
}

TEST(SecretMemory, IsWipedAndUsedAgain) {
    std::vector<void*> slots;
    for (int i = 0; i < 300; ++i) {
        slots.push_back(allocate_secret(32));
        EXPECT_TRUE(is_zero(slots.back(), 32));
        std::memset(slots.back(), 0xFF, 32);
    }
    const std::set<void*> distinct(slots.begin(), slots.end());
    EXPECT_EQ(distinct.size(), slots.size());
    for (void* slot : slots)
        release_secret(slot, 32);
    for (int i = 0; i < 300; ++i) {
        void* const slot = allocate_secret(32);
        EXPECT_TRUE(distinct.contains(slot));
        EXPECT_TRUE(is_zero(slot, 32));
        slots[static_cast<std::size_t>(i)] = slot;
    }
    for (void* slot : slots)
        release_secret(slot, 32);
    release_secret(nullptr, 32);
}

TEST(SecretMemory, HoldsKeysAndTexts) {
    SecretKey key;
    EXPECT_TRUE(is_zero(key.bytes().data(), SecretKey::key_size));
    key.writable()[31] = 7;
    EXPECT_NE(flags_of(key.bytes().data()).find(" dd "), std::string::npos);
    SecretKey moved(std::move(key));
    EXPECT_EQ(moved.bytes()[31], 7);
    EXPECT_TRUE(is_zero(key.bytes().data(), SecretKey::key_size)); // NOLINT: of what was moved from
    key = std::move(moved);
    EXPECT_EQ(key.bytes()[31], 7);

    SecretText text("xoxb-secret");
    EXPECT_NE(flags_of(text.view().data()).find(" dd "), std::string::npos);
    SecretText other(std::move(text));
    EXPECT_EQ(other.view(), "xoxb-secret");
    EXPECT_EQ(SecretText(std::string_view()).view(), "");
    EXPECT_EQ(SecretText(std::string(70'000, 'x')).view(), std::string(70'000, 'x'));
}

} // namespace
} // namespace dashboard_diff::listener
