#include "extension/server_runtime.h"

#include <ctime>

#include "extension/guard.h"

namespace dashboard_diff {

namespace {

void check_interrupts() {
    if (INTERRUPTS_PENDING_CONDITION())
        guarded([] { CHECK_FOR_INTERRUPTS(); });
    TimeLimit::check();
}

std::size_t clip_multibyte(std::string_view text, std::size_t limit) {
    if (text.size() <= limit)
        return text.size();
    return static_cast<std::size_t>(
        pg_mbcliplen(text.data(), static_cast<int>(text.size()), static_cast<int>(limit)));
}

// One seed a backend: unknown to whoever chooses the ids.
std::uint64_t hash_seed() {
    static std::uint64_t seed = 0;
    if (seed == 0 && !pg_strong_random(&seed, sizeof seed))
        seed = static_cast<std::uint64_t>(GetCurrentTimestamp());
    return seed;
}

} // namespace

std::int64_t processor_time() noexcept {
    timespec now;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0)
        return INT64_MAX;
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

TimeLimit::TimeLimit(TimestampTz until, std::int64_t processor) noexcept
    : until_(until), processor_(processor), outer_(current_) {
    current_ = this;
}

TimeLimit::~TimeLimit() {
    current_ = outer_;
}

// The clock takes some 20 ns, a poll stands for a thousand rows and more.
void TimeLimit::check() {
    if (current_ != nullptr && current_->until_ != DT_NOEND &&
        GetCurrentTimestamp() >= current_->until_ && processor_time() >= current_->processor_)
        throw TimeUp();
}

void* ContextResource::do_allocate(std::size_t bytes, std::size_t alignment) {
    if (alignment > MAXIMUM_ALIGNOF || bytes > MaxAllocHugeSize)
        throw std::bad_alloc();
    void* chunk = MemoryContextAllocExtended(context_, bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
    if (chunk == nullptr)
        throw std::bad_alloc();
    return chunk;
}

ServerRuntime::ServerRuntime(MemoryContext context) : resource_(context) {
    memory = &resource_;
    Runtime::check_interrupts = &dashboard_diff::check_interrupts;
    Runtime::hash_seed = dashboard_diff::hash_seed();
    has_unicode = GetDatabaseEncoding() == PG_UTF8;
    if (!has_unicode)
        clip = &clip_multibyte;
}

Value detoast_jsonb(Datum datum, MemoryContext context) {
    const Jsonb* jsonb = guarded([&] {
        const MemoryContext outer = MemoryContextSwitchTo(context);
        const Jsonb* detoasted = DatumGetJsonbP(datum);
        MemoryContextSwitchTo(outer);
        return detoasted;
    });
    return root_value(reinterpret_cast<const std::byte*>(&jsonb->root),
                      static_cast<std::uint32_t>(VARSIZE(jsonb) - VARHDRSZ));
}

Value jsonb_argument(FunctionCallInfo fcinfo, int n) {
    return detoast_jsonb(PG_GETARG_DATUM(n));
}

Datum jsonb_datum(const JsonbDatum& document) {
    SET_VARSIZE(document.data, document.size);
    return PointerGetDatum(document.data);
}

Datum text_datum(std::string_view text) {
    return guarded([&] {
        return PointerGetDatum(
            cstring_to_text_with_len(text.data(), static_cast<int>(text.size())));
    });
}

} // namespace dashboard_diff
