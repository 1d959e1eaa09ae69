#pragma once

// A subtransaction for a piece of work whose failure is not that of the whole.

#include "extension/guard.h"

namespace dashboard_diff {

// Over when its scope is left: rolled back unless it was committed before. Left open it would keep
// the session in it, and whatever commits next would commit nothing.
class Subtransaction {
public:
    Subtransaction();
    ~Subtransaction();
    Subtransaction(const Subtransaction&) = delete;
    Subtransaction& operator=(const Subtransaction&) = delete;

    // Within it, locks that others hold are not waited for: 55P03 (lock_not_available) after 50 ms.
    void limit_waiting();

    void commit();
    void roll_back();

private:
    void restore() const;

    MemoryContext context_;
    ResourceOwner owner_;
    int level_; // of what it is in
    bool is_open_ = true;
};

} // namespace dashboard_diff
