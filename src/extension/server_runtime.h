#pragma once

// The core's Runtime on top of the server: memory contexts, interrupts, encodings.

#include "core/jsonb_writer.h"
#include "core/runtime.h"

#include "extension/pg.h"

namespace dashboard_diff {

// Allocates in one memory context; what is never freed goes with the context.
class ContextResource final : public std::pmr::memory_resource {
public:
    explicit ContextResource(MemoryContext context) noexcept : context_(context) {}

    MemoryContext context() const noexcept { return context_; }

private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* chunk, std::size_t, std::size_t) override { pfree(chunk); }
    bool do_is_equal(const memory_resource& other) const noexcept override {
        return this == &other;
    }

    MemoryContext context_;
};

// A Runtime whose memory is a memory context, the current one at the time of its making unless
// told.
class ServerRuntime : public Runtime {
public:
    ServerRuntime() : ServerRuntime(CurrentMemoryContext) {}
    explicit ServerRuntime(MemoryContext context);
    ServerRuntime(const ServerRuntime&) = delete;
    ServerRuntime& operator=(const ServerRuntime&) = delete;

    MemoryContext context() const noexcept { return resource_.context(); }

private:
    ContextResource resource_;
};

// A jsonb argument, detoasted. May throw ServerError.
Value jsonb_argument(FunctionCallInfo fcinfo, int n);
// A jsonb datum, detoasted into a memory context where it has to be. May throw ServerError.
Value detoast_jsonb(Datum datum, MemoryContext context = CurrentMemoryContext);

Datum jsonb_datum(const JsonbDatum& document);
// A text datum in the current memory context. May throw ServerError.
Datum text_datum(std::string_view text);

} // namespace dashboard_diff
