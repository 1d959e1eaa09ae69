#pragma once

// The wall between the server, whose errors are longjmps, and C++, whose errors are exceptions.
// Neither ever crosses a frame of the other:
//   enter() runs a function's C++ body and turns an exception into ereport once it is destroyed;
//   guarded() runs a piece of server code and turns an ereport into a ServerError.
// SQLSTATE, DETAIL, HINT and everything else of an error survive both ways.

#include "extension/pg.h"

namespace dashboard_diff {

// A server error on its way through C++ frames to enter(), which re-throws it as it was. It must
// not be swallowed: only an abort of the transaction cleans up behind it.
class ServerError : public std::exception {
public:
    explicit ServerError(ErrorData* data) noexcept : data_(data) {}
    const char* what() const noexcept override { return data_->message; }
    ErrorData* data() const noexcept { return data_; }

private:
    ErrorData* data_;
};

// Whether somebody wants the running statement to end: not whatever code raised with the SQLSTATE
// of that, which anybody's may.
bool is_cancel(const ErrorData* error) noexcept;

namespace guard_detail {

void run(void (*code)(void*), void* argument);

} // namespace guard_detail

// Runs `code`, which calls the server and must leave nothing with a destructor on the stack while
// it does. Its result, if any, must be trivial too. Throws ServerError.
template <typename Code>
auto guarded(Code&& code) {
    using Result = std::invoke_result_t<Code&>;
    using CodeType = std::remove_reference_t<Code>;
    if constexpr (std::is_void_v<Result>) {
        guard_detail::run([](void* argument) { (*static_cast<CodeType*>(argument))(); },
                          const_cast<std::remove_const_t<CodeType>*>(&code));
    } else {
        static_assert(std::is_trivially_destructible_v<Result>);
        struct Call {
            CodeType* code;
            Result result;
        } call{&code, {}};
        guard_detail::run(
            [](void* argument) {
                auto* c = static_cast<Call*>(argument);
                c->result = (*c->code)();
            },
            &call);
        return call.result;
    }
}

// The outermost frame of every function that the server calls.
Datum enter(FunctionCallInfo fcinfo, Datum (*body)(FunctionCallInfo));

} // namespace dashboard_diff

// Defines the function `name` that SQL calls; a C++ function body follows.
#define DASHBOARD_DIFF_FUNCTION(name)                                                              \
    DASHBOARD_DIFF_EXPORT(name)                                                                    \
    static Datum name##_body(FunctionCallInfo fcinfo);                                             \
    Datum name(PG_FUNCTION_ARGS) {                                                                 \
        return dashboard_diff::enter(fcinfo, name##_body);                                         \
    }                                                                                              \
    static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)
