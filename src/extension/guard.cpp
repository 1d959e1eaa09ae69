#include "core/error.h"

#include "extension/guard.h"

namespace dashboard_diff {

namespace {

// Puts the server's error stacks back, however the scope is left.
class ErrorStacks {
public:
    ErrorStacks() noexcept : exception_(PG_exception_stack), context_(error_context_stack) {}
    ~ErrorStacks() { restore(); }
    ErrorStacks(const ErrorStacks&) = delete;
    ErrorStacks& operator=(const ErrorStacks&) = delete;

    void restore() const noexcept {
        PG_exception_stack = exception_;
        error_context_stack = context_;
    }

private:
    sigjmp_buf* exception_;
    ErrorContextCallback* context_;
};

// Copies the error being raised out of the server's error stack, or null where memory is out.
ErrorData* take_error(MemoryContext context) noexcept {
    const ErrorStacks stacks;
    ErrorData* volatile data = nullptr;
    sigjmp_buf here;
    MemoryContextSwitchTo(context);
    if (sigsetjmp(here, 0) == 0) {
        PG_exception_stack = &here;
        data = CopyErrorData();
    }
    MemoryContextSwitchTo(context);
    FlushErrorState();
    return data;
}

// What enter() is going to raise once no C++ object is left: plain data only.
struct PendingError {
    ErrorData* server_error;
    int sqlstate;
    const char* message;
    const char* detail;
    const char* hint;
};

const char* copy_text(const std::string& text) noexcept {
    if (text.empty())
        return nullptr;
    auto* copy = static_cast<char*>(MemoryContextAllocExtended(
        CurrentMemoryContext, text.size() + 1, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE));
    if (copy != nullptr)
        std::memcpy(copy, text.c_str(), text.size() + 1);
    return copy;
}

int sqlstate_of(ErrorCode code) noexcept {
    switch (code) {
    case ErrorCode::invalid_parameter:
        return ERRCODE_INVALID_PARAMETER_VALUE;
    case ErrorCode::numeric_out_of_range:
        return ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
    case ErrorCode::limit_exceeded:
        return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
    }
    return ERRCODE_INTERNAL_ERROR;
}

[[noreturn]] void raise(const PendingError& error) {
    if (error.server_error != nullptr)
        ReThrowError(error.server_error);
    ereport(ERROR, errcode(error.sqlstate), errmsg_internal("%s", error.message),
            error.detail != nullptr ? errdetail_internal("%s", error.detail) : 0,
            error.hint != nullptr ? errhint("%s", error.hint) : 0);
    pg_unreachable();
}

} // namespace

bool is_cancel(const ErrorData* error) noexcept {
    return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION &&
           error->funcname != nullptr && strcmp(error->funcname, "ProcessInterrupts") == 0;
}

namespace guard_detail {

// A server error leaves the memory context to take_error(), a C++ exception would leave it as it
// is.
static void run_code(void (*code)(void*), void* argument, MemoryContext context) {
    try {
        code(argument);
    } catch (...) {
        MemoryContextSwitchTo(context);
        throw;
    }
}

void run(void (*code)(void*), void* argument) {
    const MemoryContext context = CurrentMemoryContext;
    ErrorData* error;
    {
        const ErrorStacks stacks;
        sigjmp_buf here;
        if (sigsetjmp(here, 0) == 0) {
            PG_exception_stack = &here;
            run_code(code, argument, context);
            return;
        }
        stacks.restore();
        error = take_error(context);
    }
    if (error == nullptr)
        throw std::bad_alloc();
    throw ServerError(error);
}

} // namespace guard_detail

Datum enter(FunctionCallInfo fcinfo, Datum (*body)(FunctionCallInfo)) {
    const MemoryContext context = CurrentMemoryContext;
    PendingError error{};
    try {
        return body(fcinfo);
    } catch (const ServerError& e) {
        error.server_error = e.data();
    } catch (const Error& e) {
        MemoryContextSwitchTo(context);
        error.sqlstate = sqlstate_of(e.code());
        error.message = copy_text(e.message());
        error.detail = copy_text(e.detail());
        error.hint = copy_text(e.hint());
    } catch (const std::bad_alloc&) {
        error.sqlstate = ERRCODE_OUT_OF_MEMORY;
        error.message = "out of memory";
    } catch (const std::exception& e) {
        MemoryContextSwitchTo(context);
        error.sqlstate = ERRCODE_INTERNAL_ERROR;
        error.message = copy_text(e.what());
    } catch (...) {
        error.sqlstate = ERRCODE_INTERNAL_ERROR;
        error.message = "unknown C++ exception";
    }
    if (error.server_error == nullptr && error.message == nullptr) {
        error.sqlstate = ERRCODE_OUT_OF_MEMORY;
        error.message = "out of memory";
    }
    MemoryContextSwitchTo(context);
    raise(error);
}

} // namespace dashboard_diff
