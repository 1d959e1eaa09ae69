#include "extension/subtransaction.h"

extern "C" {
#include "utils/guc.h"
#include "utils/resowner.h"
}

namespace dashboard_diff {

Subtransaction::Subtransaction()
    : context_(CurrentMemoryContext),
      owner_(CurrentResourceOwner),
      level_(GetCurrentTransactionNestLevel()) {
    guarded([&] {
        BeginInternalSubTransaction(nullptr);
        MemoryContextSwitchTo(context_);
    });
}

Subtransaction::~Subtransaction() {
    if (!is_open_)
        return;
    try {
        roll_back();
    } catch (const ServerError&) {
        // The error that is on its way ends the transaction, and all that is open in it.
    } catch (const std::bad_alloc&) {
    }
}

void Subtransaction::limit_waiting() {
    guarded([] {
        (void)set_config_option("lock_timeout", "50ms", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
                                true, 0, false);
    });
}

void Subtransaction::commit() {
    is_open_ = false;
    guarded([&] {
        ReleaseCurrentSubTransaction();
        restore();
    });
}

void Subtransaction::roll_back() {
    is_open_ = false;
    guarded([&] {
        while (GetCurrentTransactionNestLevel() > level_)
            RollbackAndReleaseCurrentSubTransaction();
        restore();
    });
}

void Subtransaction::restore() const {
    MemoryContextSwitchTo(context_);
    CurrentResourceOwner = owner_;
}

} // namespace dashboard_diff
