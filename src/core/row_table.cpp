#include "core/row_table.h"

namespace dashboard_diff {

RowTable::RowTable(const RowSource& source, const Runtime& runtime)
    : source_(source),
      runtime_(runtime),
      data_(Container(source.rows.data).data()),
      ends_(runtime.memory),
      id_locator_(source.ranking.id_field),
      index_(0, runtime.memory) {
    const Container array(source.rows.data);
    const std::uint32_t count = array.count();
    ends_.resize(count);
    Ticker ticker(runtime);
    std::uint32_t offset = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        ticker.tick();
        const std::uint32_t entry = array.entry(i);
        const bool is_container = (entry & layout::type_mask) == layout::type_container;
        const std::byte* at = data_ + layout::align(offset);
        if (!is_container || !Container(at).is_object())
            throw_invalid_snapshot(source.place.document,
                                   source.place.row(i) + ": must be an object");
        offset = layout::entry_end(entry, offset);
        ends_[i] = offset;
    }
}

void RowTable::throw_bad_id(std::uint32_t i, const Value& value) const {
    const std::string field = "\"" + std::string(source_.ranking.id_field) + "\"";
    throw_invalid_snapshot(
        source_.place.document,
        source_.place.row(i) + (value.present()
                                    ? ": id field " + field + " must be a string or a number"
                                    : ": id field " + field + " is missing"),
        "Every row needs a string or a number that is unique within its source; \"id_field\" "
        "names the field that holds it.");
}

void RowTable::throw_duplicate(std::uint32_t i, std::uint32_t first) {
    throw_invalid_snapshot(source_.place.document, source_.place.row(i) + ": duplicate id " +
                                                       quote_id(id(i), runtime_) + " (first at " +
                                                       source_.place.row(first) + ")");
}

std::uint32_t RowTable::find(const Value& id_value, std::uint32_t hash) {
    return index_.find(hash, [&](std::uint32_t row) { return equal_ids(id(row), id_value); });
}

void RowTable::index() {
    index_ = IdIndex(ends_.size(), runtime_.memory);
    Ticker ticker(runtime_);
    for (std::uint32_t i = 0; i < size(); ++i) {
        ticker.tick();
        const Value value = id(i);
        const std::uint32_t h = hash(value);
        if (const std::uint32_t first = find(value, h); first != none)
            throw_duplicate(i, first);
        insert(i, h);
    }
}

} // namespace dashboard_diff
