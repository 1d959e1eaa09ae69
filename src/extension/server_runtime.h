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

// The processor time that this backend has taken, in microseconds.
std::int64_t processor_time() noexcept;

// What the core's polls throw once a TimeLimit is over. It is none of the core's errors: only who
// set the limit knows what it means.
struct TimeUp final : std::exception {
    const char* what() const noexcept override { return "time is up"; }
};

// While it lives, the core's work ends in TimeUp behind `until` (DT_NOEND: never), though not
// before the backend has taken processor time up to `processor`: a machine that stalls does not
// cut short work. It is for calls of the core alone: nothing that runs code of users may be in it.
class TimeLimit {
public:
    explicit TimeLimit(TimestampTz until, std::int64_t processor = 0) noexcept;
    ~TimeLimit();
    TimeLimit(const TimeLimit&) = delete;
    TimeLimit& operator=(const TimeLimit&) = delete;

    // Throws TimeUp where the limit that holds, if any, is over.
    static void check();

private:
    static inline const TimeLimit* current_ = nullptr;

    TimestampTz until_;
    std::int64_t processor_;
    const TimeLimit* outer_;
};

// A jsonb argument, detoasted. May throw ServerError.
Value jsonb_argument(FunctionCallInfo fcinfo, int n);
// A jsonb datum, detoasted into a memory context where it has to be. May throw ServerError.
Value detoast_jsonb(Datum datum, MemoryContext context = CurrentMemoryContext);

Datum jsonb_datum(const JsonbDatum& document);
// A text datum in the current memory context. May throw ServerError.
Datum text_datum(std::string_view text);

} // namespace dashboard_diff
