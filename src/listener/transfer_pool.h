#pragma once

#include <memory>
#include <vector>

namespace dashboard_diff::listener {

// Transfers that are used again once they are through.
template <typename Transfer>
class TransferPool {
public:
    // An idle one, made by `make` where there is none. It stays idle until it is taken.
    template <typename Make>
    Transfer& idle(Make&& make) {
        if (idle_.empty()) {
            idle_.reserve(all_.size() + 1);
            all_.push_back(make());
            idle_.push_back(all_.back().get());
        }
        return *idle_.back();
    }

    void take() noexcept { idle_.pop_back(); }
    void give_back(Transfer& transfer) noexcept { idle_.push_back(&transfer); }

private:
    std::vector<std::unique_ptr<Transfer>> all_;
    std::vector<Transfer*> idle_; // has room for all
};

} // namespace dashboard_diff::listener
