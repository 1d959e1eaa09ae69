#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include <openssl/crypto.h>

namespace dashboard_diff::listener {

// A text of fixed size that is wiped when it goes. Move-only, so that no copy stays behind.
class SecretText {
public:
    SecretText() noexcept = default;
    explicit SecretText(std::size_t size) : data_(new char[size]()), size_(size) {}
    explicit SecretText(std::string_view text) : SecretText(text.size()) {
        std::ranges::copy(text, data_.get());
    }
    SecretText(SecretText&& other) noexcept
        : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
    SecretText& operator=(SecretText&& other) noexcept {
        std::swap(data_, other.data_); // `other` wipes what was here
        std::swap(size_, other.size_);
        return *this;
    }
    ~SecretText() {
        if (data_)
            OPENSSL_cleanse(data_.get(), size_);
    }

    std::string_view view() const noexcept { return {data_.get(), size_}; }
    char* data() noexcept { return data_.get(); }
    std::size_t size() const noexcept { return size_; }

private:
    std::unique_ptr<char[]> data_;
    std::size_t size_ = 0;
};

} // namespace dashboard_diff::listener
