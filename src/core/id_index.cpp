#include "core/id_index.h"

#include <bit>

namespace dashboard_diff {

bool equal_ids(const Value& a, const Value& b) noexcept {
    if (a.kind != b.kind)
        return false;
    if (a.is(Kind::string))
        return a.text() == b.text();
    return equal(Decimal(a), Decimal(b));
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

IdIndex::IdIndex(std::size_t entries, std::size_t row_limit, std::pmr::memory_resource* memory)
    : slots_(std::bit_ceil(entries + entries / 4 + 1), 0, memory),
      slot_mask_(slots_.size() - 1),
      row_mask_((std::uint32_t{1} << std::bit_width(row_limit)) - 1),
      room_(entries) {}

IdSet::IdSet(const Value& list, const Runtime& runtime)
    : key_(runtime.hash_seed),
      ids_(runtime.memory),
      index_(Container(list.data).count(), Container(list.data).count(), runtime.memory) {
    Cursor elements = Cursor::elements(Container(list.data));
    for (Value id; elements.next(id);) {
        const auto next = static_cast<std::uint32_t>(ids_.size());
        const std::uint32_t found = index_.find_or_insert(
            hash_id(id, key_), next, [&](std::uint32_t i) { return equal_ids(ids_[i], id); });
        if (found == IdIndex::none)
            ids_.push_back(id);
    }
}

bool IdSet::contains(const Value& id) const {
    return index_.find(hash_id(id, key_),
                       [&](std::uint32_t i) { return equal_ids(ids_[i], id); }) != IdIndex::none;
}

} // namespace dashboard_diff
