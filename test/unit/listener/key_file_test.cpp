#include "listener/key_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace dashboard_diff::listener {
namespace {

class KeyFile : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (std::filesystem::temp_directory_path() / "key_fileXXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
        path_ = (directory_ / "a" / "b" / "listener.key").string();
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    void write(const std::string& text, mode_t mode = 0400) {
        std::filesystem::create_directories(std::filesystem::path(path_).parent_path());
        std::ofstream(path_) << text;
        ::chmod(path_.c_str(), mode);
    }

    std::string refusal() {
        try {
            load_or_create_key(path_);
            return "";
        } catch (const KeyFileError& error) {
            return error.what();
        }
    }

    unsigned mode_of(const std::filesystem::path& path) {
        struct stat attributes {};
        ::stat(path.c_str(), &attributes);
        return attributes.st_mode & 07777U;
    }

    std::filesystem::path directory_;
    std::string path_;
};

constexpr const char* good_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

TEST_F(KeyFile, IsMadeOnce) {
    const std::string first = printable_secret(load_or_create_key(path_));
    EXPECT_EQ(printable_secret(load_or_create_key(path_)), first);
    EXPECT_EQ(mode_of(path_), 0400U);
    EXPECT_EQ(mode_of(directory_ / "a"), 0700U);
    EXPECT_EQ(mode_of(directory_ / "a" / "b"), 0700U);
    EXPECT_EQ(std::filesystem::file_size(path_), 45U);
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(directory_ / "a" / "b"))
        ++files; // no temporary file stays
    EXPECT_EQ(files, 1U);
}

TEST_F(KeyFile, WhatACrashLeftIsInNobodysWay) {
    namespace fs = std::filesystem;
    const fs::path directory = fs::path(path_).parent_path();
    fs::create_directories(directory);
    const std::string own = std::to_string(::getpid());
    // No process has a number as large as that.
    const std::vector<std::string> dead = {".new." + own, ".new.2000000000", ".new.2000000000.0a"};
    const std::vector<std::string> others = {".new.1.0a", ".new.", ".new.x", ".new.2000000000x",
                                             ".old.2000000000"};
    for (const std::vector<std::string>* names : {&dead, &others})
        for (const std::string& name : *names)
            std::ofstream(path_ + name) << good_key;
    EXPECT_EQ(refusal(), "");
    for (const std::string& name : dead)
        EXPECT_TRUE(fs::exists(path_ + name)) << "young: " << name;
    // To look as if it were later is not possible for a file, but for a clock.
    remove_leftovers(path_, std::time(nullptr) + 120);
    for (const std::string& name : dead)
        EXPECT_FALSE(fs::exists(path_ + name)) << name;
    for (const std::string& name : others)
        EXPECT_TRUE(fs::exists(path_ + name)) << name;
    EXPECT_EQ(refusal(), "");
}

TEST_F(KeyFile, IsRead) {
    write(std::string(good_key) + "\n");
    EXPECT_EQ(printable_secret(load_or_create_key(path_)), std::string("whsec_") + good_key);
    write(good_key);
    EXPECT_EQ(refusal(), "");
}

TEST_F(KeyFile, ModeIsChecked) {
    for (const mode_t mode : {0600U, 0440U, 0404U, 0444U, 0640U, 0500U, 0401U}) {
        write(good_key, mode);
        EXPECT_NE(refusal().find("expected 0400"), std::string::npos) << std::oct << mode;
        std::filesystem::remove(path_);
    }
}

TEST_F(KeyFile, ACredentialOfTheServiceManagerShowsAnAccessListAsItsGroup) {
    write(good_key, 0440);
    const std::filesystem::path directory = std::filesystem::path(path_).parent_path();
    ::setenv("CREDENTIALS_DIRECTORY", directory.c_str(), 1);
    EXPECT_EQ(refusal(), "");
    ::chmod(path_.c_str(), 0444);
    EXPECT_NE(refusal().find("expected 0400"), std::string::npos);
    ::chmod(path_.c_str(), 0440);
    ::setenv("CREDENTIALS_DIRECTORY", directory.parent_path().c_str(), 1);
    EXPECT_NE(refusal().find("expected 0400"), std::string::npos);
    ::unsetenv("CREDENTIALS_DIRECTORY");
}

TEST_F(KeyFile, ContentIsChecked) {
    for (const char* text : {"", "\n", "secret", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
                             "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n",
                             "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=x"}) {
        write(text);
        EXPECT_NE(refusal().find("32 bytes"), std::string::npos) << text;
        std::filesystem::remove(path_);
    }
}

TEST_F(KeyFile, OnlyRegularFiles) {
    std::filesystem::create_directories(path_);
    EXPECT_NE(refusal().find("not a regular file"), std::string::npos);
    std::filesystem::remove(path_);
    ASSERT_EQ(::mkfifo(path_.c_str(), 0400), 0);
    EXPECT_NE(refusal().find("not a regular file"), std::string::npos);
}

} // namespace
} // namespace dashboard_diff::listener
