#include "core/id_index.h"

#include <bit>

#include "core/decimal.h"
#include "core/hash.h"

namespace dashboard_diff {

bool equal_ids(const Value& a, const Value& b) noexcept {
    if (a.kind != b.kind)
        return false;
    if (a.is(Kind::string))
        return a.text() == b.text();
    return equal(Decimal(a), Decimal(b));
}

std::uint32_t hash_id(const Value& id, std::uint64_t seed) noexcept {
    const std::uint64_t h =
        id.is(Kind::string) ? hash_bytes(id.data, id.length, seed) : hash(Decimal(id), ~seed);
    return static_cast<std::uint32_t>(h);
}

std::string quote_id(const Value& id, const Runtime& runtime) {
    constexpr std::size_t longest = 100;
    if (!id.is(Kind::string)) {
        std::string text = to_text(Decimal(id));
        if (text.size() > longest)
            text.resize(longest), text += "...";
        return text;
    }
    const std::size_t cut = runtime.clip(id.text(), longest);
    std::string quoted = "\"" + std::string(id.text().substr(0, cut));
    return quoted + (cut < id.length ? "...\"" : "\"");
}

IdIndex::IdIndex(std::size_t expected, std::pmr::memory_resource* memory) : slots_(memory) {
    rehash(std::bit_ceil(expected + expected / 4 + 8));
}

void IdIndex::rehash(std::size_t capacity) {
    std::pmr::vector<std::uint64_t> old(capacity, 0, slots_.get_allocator());
    old.swap(slots_);
    mask_ = capacity - 1;
    for (const std::uint64_t slot : old) {
        if (slot == 0)
            continue;
        std::size_t i = static_cast<std::uint32_t>(slot >> 32) & mask_;
        while (slots_[i] != 0)
            i = (i + 1) & mask_;
        slots_[i] = slot;
    }
}

void IdIndex::insert(std::uint32_t hash, std::uint32_t row) {
    if (5 * (used_ + 1) > 4 * slots_.size())
        rehash(2 * slots_.size());
    std::size_t i = hash & mask_;
    while (slots_[i] != 0)
        i = (i + 1) & mask_;
    slots_[i] = std::uint64_t{hash} << 32 | (row + 1);
    ++used_;
}

IdSet::IdSet(const Value& list, const Runtime& runtime)
    : seed_(runtime.hash_seed),
      ids_(runtime.memory),
      index_(Container(list.data).count(), runtime.memory) {
    Cursor elements = Cursor::elements(Container(list.data));
    for (Value id; elements.next(id);) {
        if (contains(id))
            continue;
        index_.insert(hash_id(id, seed_), static_cast<std::uint32_t>(ids_.size()));
        ids_.push_back(id);
    }
}

bool IdSet::contains(const Value& id) const {
    return index_.find(hash_id(id, seed_),
                       [&](std::uint32_t i) { return equal_ids(ids_[i], id); }) != IdIndex::none;
}

} // namespace dashboard_diff
