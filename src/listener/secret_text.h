#pragma once

#include "listener/secret_memory.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

namespace dashboard_diff::listener {

// A text of fixed size in secret memory, wiped when it goes. Move-only, so that no copy stays
// behind.
class SecretText {
public:
    SecretText() noexcept = default;
    explicit SecretText(std::size_t size)
        : data_(size == 0 ? nullptr : static_cast<char*>(allocate_secret(size))), size_(size) {}
    explicit SecretText(std::string_view text) : SecretText(text.size()) {
        std::ranges::copy(text, data_);
    }
    SecretText(SecretText&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    SecretText& operator=(SecretText&& other) noexcept {
        std::swap(data_, other.data_); // `other` wipes what was here
        std::swap(size_, other.size_);
        return *this;
    }
    ~SecretText() { release_secret(data_, size_); }

    std::string_view view() const noexcept { return {data_, size_}; }
    char* data() noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }

private:
    char* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace dashboard_diff::listener
