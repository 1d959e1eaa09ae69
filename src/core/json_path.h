#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/runtime.h"

namespace dashboard_diff {

// A JSON path as a chain of steps on the stack; spelled out only for an error.
struct JsonPath {
    const JsonPath* parent = nullptr;
    std::string_view key; // or, where empty, the index
    std::size_t index = 0;
    const Runtime* runtime = nullptr; // of the root alone

    static constexpr std::size_t longest_key = 100;

    auto clip() const -> decltype(Runtime::clip) {
        return parent == nullptr ? runtime->clip : parent->clip();
    }

    std::string text() const {
        if (parent == nullptr)
            return "$";
        if (key.data() == nullptr)
            return parent->text() + "[" + std::to_string(index) + "]";
        const std::size_t cut = clip()(key, longest_key);
        return parent->text() + "." + std::string(key.substr(0, cut)) +
               (cut < key.size() ? "..." : "");
    }
};

} // namespace dashboard_diff
