#pragma once

// Which of the known names a mistyped one was probably meant to be.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dashboard_diff {

class NearestName {
public:
    explicit NearestName(std::string_view unknown) noexcept : unknown_(unknown) {}

    void consider(std::string_view name);

    // The nearest of those considered, of equally near ones the first; empty where none is near.
    std::string_view name() const noexcept { return nearest_; }

private:
    std::string_view unknown_;
    std::string_view nearest_;
    std::size_t best_ = SIZE_MAX;
};

} // namespace dashboard_diff
