#pragma once

// Counting the calls of Runtime::check_interrupts, and ending work from one of them.

#include <cstddef>

#include "core/runtime.h"

namespace dashboard_diff::testing {

struct Interrupted {};

// While it lives, its runtime's calls are counted; the call number `at` (from 1) throws.
class Interrupts {
public:
    explicit Interrupts(std::size_t at = 0) {
        polls_ = 0;
        throw_at_ = at;
        runtime_.check_interrupts = [] {
            if (++polls_ == throw_at_)
                throw Interrupted{};
        };
    }
    const Runtime& runtime() const { return runtime_; }
    std::size_t polls() const { return polls_; }

private:
    static inline std::size_t polls_ = 0;
    static inline std::size_t throw_at_ = 0;
    Runtime runtime_;
};

} // namespace dashboard_diff::testing
