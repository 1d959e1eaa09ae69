#pragma once

// Words for people: a line of text that values of the rows cannot break or swell.

#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>

#include "core/decimal.h"
#include "core/jsonb.h"
#include "core/runtime.h"

namespace dashboard_diff {

class Prose {
public:
    explicit Prose(const Runtime& runtime) : runtime_(runtime), text_(runtime.memory) {}

    bool empty() const noexcept { return text_.empty(); }
    std::pmr::string take() { return std::move(text_); }

    void words(std::string_view text) { text_ += text; }
    void number(std::uint64_t n) { text_ += std::to_string(n); }
    // Cut, and free of control characters that could forge a line.
    void value(const Value& value);
    void text(std::string_view text, std::size_t most_bytes);
    void arrow() { text_ += runtime_.has_unicode ? "\u2192" : "->"; }

    // "10→15"
    void step(const Value& before, const Value& after);
    // "+12.3 %", or "0→5" where there is no share.
    void share(const Value& before, const Value& after);
    // "100→150 (+50.0 %)"
    void step_and_share(const Value& before, const Value& after);

    // The first of `total` items, of which `known` can be told, then how many there are beside.
    template <typename Item>
    void list(std::size_t total, std::size_t known, Item&& item) {
        const std::size_t shown = known < max_examples ? known : max_examples;
        for (std::size_t i = 0; i < shown; ++i) {
            if (i > 0)
                text_ += ", ";
            item(i);
        }
        if (shown > 0 && total > shown) {
            text_ += " and ";
            number(total - shown);
            text_ += " more";
        }
    }

    static constexpr std::size_t max_examples = 3;

private:
    void percent(const Decimal& share);
    void ellipsis() { text_ += runtime_.has_unicode ? "\u2026" : "..."; }

    const Runtime& runtime_;
    std::pmr::string text_;
};

} // namespace dashboard_diff
