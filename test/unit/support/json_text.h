#pragma once

// JSON text to binary jsonb and back, as the server's jsonb does both.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/jsonb.h"
#include "core/jsonb_writer.h"
#include "core/runtime.h"

namespace dashboard_diff::testing {

// A jsonb document that owns its bytes: exactly as many as it takes, so that the sanitizer sees
// every step beyond its end.
class Document {
public:
    // Throws std::invalid_argument for text that is no JSON.
    explicit Document(std::string_view json);

    // Takes over what a writer made, and releases it.
    explicit Document(JsonbDatum datum, const Runtime& runtime = {});

    Value root() const { return root_value(bytes_.get(), size_); }
    std::string text() const;
    std::string_view bytes() const { return {reinterpret_cast<const char*>(bytes_.get()), size_}; }

private:
    void take(JsonbDatum datum, const Runtime& runtime);

    std::unique_ptr<std::byte[]> bytes_;
    std::uint32_t size_ = 0;
};

// In jsonb's output style: {"a": 1, "b": [1, 2]}.
std::string json_text(const Value& value);

// A JSON string literal, quotes included.
std::string quoted(std::string_view text);

} // namespace dashboard_diff::testing
