#pragma once

// A memory context for a piece of work, with the Runtime on top of it.

#include "extension/guard.h"
#include "extension/server_runtime.h"

namespace dashboard_diff {

// Allocated in, then freed at once; a child of the context that is current when it is made, which
// it must not outlive.
class MemoryScope {
public:
    MemoryScope()
        : context_(guarded([] {
              return AllocSetContextCreate(CurrentMemoryContext, "dashboard_diff work",
                                           ALLOCSET_DEFAULT_SIZES);
          })),
          runtime_(context_) {}
    ~MemoryScope() { MemoryContextDelete(context_); }
    MemoryScope(const MemoryScope&) = delete;
    MemoryScope& operator=(const MemoryScope&) = delete;

    const ServerRuntime& runtime() const noexcept { return runtime_; }

    // Runs code of the server, guarded, with this as the current memory context. An error it raises
    // outlives the scope.
    template <typename Code>
    auto run(Code&& code) const {
        return guarded([&] {
            const MemoryContext outer = MemoryContextSwitchTo(context_);
            if constexpr (std::is_void_v<std::invoke_result_t<Code&>>) {
                code();
                MemoryContextSwitchTo(outer);
            } else {
                const auto result = code();
                MemoryContextSwitchTo(outer);
                return result;
            }
        });
    }

private:
    MemoryContext context_;
    ServerRuntime runtime_;
};

} // namespace dashboard_diff
