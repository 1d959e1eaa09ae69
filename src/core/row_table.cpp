#include "core/row_table.h"

#include <algorithm>
#include <array>
#include <string>

namespace dashboard_diff {

RowTable::RowTable(const RowSource& source, const Runtime& runtime)
    : source_(source),
      runtime_(runtime),
      array_(source.rows.data),
      key_(runtime.hash_seed),
      fields_(source_.ranking),
      next_(array_, 0),
      ahead_(source.rows.length),
      ahead_beside_(source.rows.length),
      index_(array_.count(), array_.count(), runtime.memory),
      rank_keys_(runtime.memory) {}

void RowTable::index_to(std::uint32_t end, const std::byte* beside) {
    struct Entry {
        Value id;
        std::uint64_t hash;
    };
    // A few rows at a time: their slots are on the way while the next rows are read.
    std::array<Entry, 32> batch;
    Ticker ticker(runtime_);
    const std::byte* const from = next_.row();
    while (next_.place() < end) {
        const std::uint32_t first = next_.place();
        const auto wanted =
            static_cast<std::uint32_t>(std::min<std::size_t>(batch.size(), end - first));
        std::uint32_t read = 0;
        for (; read < wanted && enter_next(); ++read) {
            ticker.tick();
            ahead_.follow(next_.row());
            if (beside != nullptr)
                ahead_beside_.follow(beside + (next_.row() - from));
            const Value id = fields_.id();
            batch[read] = {id, hash(id)};
            index_.prefetch(batch[read].hash);
            if (!rank_keys_.empty())
                rank_keys_[next_.place()] = fields_.rank_key();
            next_.advance();
        }
        for (std::uint32_t i = 0; i < read; ++i) {
            const std::uint32_t same =
                index_.find_or_insert(batch[i].hash, first + i, [&](std::uint32_t other) {
                    return equal_ids(this->id(other), batch[i].id);
                });
            if (same != none)
                throw_duplicate(first + i, same, batch[i].id);
        }
        if (read < wanted)
            throw_bad_row();
    }
}

void RowTable::throw_bad_row() const {
    const std::string place = source_.place.row(next_.place());
    RowFields fields(source_.ranking);
    if (!next_.is_container() || !fields.enter(next_.row()))
        throw_invalid_snapshot(source_.place.document, place + ": must be an object");
    const std::string field = "\"" + std::string(source_.ranking.id_field) + "\"";
    throw_invalid_snapshot(
        source_.place.document,
        place + (fields.id().present() ? ": id field " + field + " must be a string or a number"
                                       : ": id field " + field + " is missing"),
        "Every row needs a string or a number that is unique within its source; \"id_field\" "
        "names the field that holds it.");
}

void RowTable::throw_duplicate(std::uint32_t place, std::uint32_t first, const Value& id) const {
    throw_invalid_snapshot(source_.place.document, source_.place.row(place) + ": duplicate id " +
                                                       quote_id(id, runtime_) + " (first at " +
                                                       source_.place.row(first) + ")");
}

} // namespace dashboard_diff
