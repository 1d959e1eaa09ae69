#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string_view>

namespace dashboard_diff {

// What the core needs from its host: the core knows neither the server nor malloc.
struct Runtime {
    std::pmr::memory_resource* memory = std::pmr::get_default_resource();

    // Called every few thousand steps of long work; may throw to end it.
    void (*check_interrupts)() = nullptr;

    // Keys the hash of row ids, so that nobody can craft ids that collide.
    std::uint64_t hash_seed = 0x9e3779b97f4a7c15;

    // The largest length <= limit at which `text` may be cut without splitting a character.
    std::size_t (*clip)(std::string_view text, std::size_t limit) = &clip_utf8;

    // False where the text encoding lacks arrows and ellipses.
    bool has_unicode = true;

    static std::size_t clip_utf8(std::string_view text, std::size_t limit) {
        if (text.size() <= limit)
            return text.size();
        while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80)
            --limit;
        return limit;
    }

    void poll() const {
        if (check_interrupts != nullptr)
            check_interrupts();
    }
};

// Polls once every `period` steps of a loop; cheap enough for the innermost one.
class Ticker {
public:
    explicit Ticker(const Runtime& runtime) noexcept : runtime_(runtime) {}

    void tick() {
        if (++steps_ % period == 0)
            runtime_.poll();
    }

private:
    static constexpr std::uint32_t period = 1024;
    const Runtime& runtime_;
    std::uint32_t steps_ = 0;
};

} // namespace dashboard_diff
