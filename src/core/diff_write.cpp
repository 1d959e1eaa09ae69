#include "core/diff_write.h"

#include <algorithm>

#include "core/arithmetic.h"
#include "core/json_text_size.h"

namespace dashboard_diff {

namespace {

// How many entries of each list are written.
using ListLimit = std::size_t;
constexpr ListLimit unlimited = SIZE_MAX;

void write_rank(JsonbWriter& writer, std::uint32_t rank) {
    if (rank == 0)
        writer.null();
    else
        writer.integer(rank);
}

// The difference of two numbers and its share of the old one, as two values.
void write_delta(JsonbWriter& writer, const Value& before, const Value& after, Number& delta,
                 Number& share, const Runtime& runtime, bool& has_share) {
    subtract(Decimal(after), Decimal(before), delta, runtime);
    has_share = ratio(delta.view(), Decimal(before), share, runtime);
    writer.value(delta.value());
}

void write_metric_delta(JsonbWriter& writer, const MetricChange& change, const Runtime& runtime) {
    static constexpr ObjectKeys keys("new", "old", "delta", "metric", "delta_pct");
    Number delta(runtime.memory);
    Number share(runtime.memory);
    bool has_share;
    writer.begin_object(keys);
    writer.value(change.after);
    writer.value(change.before);
    write_delta(writer, change.before, change.after, delta, share, runtime, has_share);
    writer.value(change.name);
    writer.value(has_share ? share.value() : Value{});
    writer.end();
}

void write_primary_metric(JsonbWriter& writer, const Diff& diff, const Runtime& runtime) {
    if (!diff.has_primary_metric()) {
        writer.null();
        return;
    }
    static constexpr ObjectKeys keys("new", "old", "delta");
    Number delta(runtime.memory);
    subtract(Decimal(diff.primary_metric.after), Decimal(diff.primary_metric.before), delta,
             runtime);
    writer.begin_object(keys);
    writer.value(diff.primary_metric.after);
    writer.value(diff.primary_metric.before);
    writer.value(delta.value());
    writer.end();
}

void write_primary_share(JsonbWriter& writer, const Diff& diff, const Runtime& runtime) {
    Number delta(runtime.memory);
    Number share(runtime.memory);
    bool has_share = false;
    if (diff.has_primary_metric()) {
        const Decimal before(diff.primary_metric.before);
        subtract(Decimal(diff.primary_metric.after), before, delta, runtime);
        has_share = ratio(delta.view(), before, share, runtime);
    }
    writer.value(has_share ? share.value() : Value{});
}

template <typename List, typename Write>
void write_list(JsonbWriter& writer, const List& list, ListLimit limit, Ticker& ticker,
                Write&& write) {
    const std::size_t count = std::min(list.size(), limit);
    writer.begin_array(count);
    for (std::size_t i = 0; i < count; ++i) {
        ticker.tick();
        write(list[i]);
    }
    writer.end();
}

class DiffWriter {
public:
    DiffWriter(const Diff& diff, ListLimit limit, const Runtime& runtime, bool with_metric = true)
        : diff_(diff),
          limit_(limit),
          with_metric_(with_metric),
          runtime_(runtime),
          ticker_(runtime),
          writer_(runtime, expected_size(diff.primary, limit)) {}

    JsonbDatum write() {
        if (limit_ == unlimited) {
            static constexpr ObjectKeys keys("top_n", "sources", "row_changes", "id_set_added",
                                             "metric_deltas", "top_n_changes", "id_set_removed",
                                             "primary_metric", "top_n_unchanged",
                                             "row_value_deltas", "primary_metric_delta_pct");
            writer_.begin_object(keys);
            writer_.integer(diff_.top_n);
        } else {
            static constexpr ObjectKeys keys("top_n", "counts", "sources", "row_changes",
                                             "id_set_added", "metric_deltas", "top_n_changes",
                                             "id_set_removed", "primary_metric", "top_n_unchanged",
                                             "row_value_deltas", "primary_metric_delta_pct");
            writer_.begin_object(keys);
            writer_.integer(diff_.top_n);
            write_counts();
        }
        write_sources();
        const SourceDiff& primary = diff_.primary;
        row_changes(primary);
        ids(primary.added);
        write_list(writer_, diff_.metrics, limit_, ticker_, [this](const MetricChange& change) {
            write_metric_delta(writer_, change, runtime_);
        });
        rank_changes(primary);
        ids(primary.removed);
        if (with_metric_)
            write_primary_metric(writer_, diff_, runtime_);
        else
            writer_.null();
        unchanged(primary);
        value_deltas(primary);
        if (with_metric_)
            write_primary_share(writer_, diff_, runtime_);
        else
            writer_.null();
        writer_.end();
        return writer_.finish();
    }

private:
    static std::size_t expected_size(const SourceDiff& diff, ListLimit limit) {
        return 512 + 160 * std::min(diff.row_value_deltas.size(), limit) +
               96 * std::min(diff.row_changes.size(), limit) +
               24 * std::min(diff.added.size() + diff.removed.size(), limit);
    }

    void row_changes(const SourceDiff& diff) {
        write_list(writer_, diff.row_changes, limit_, ticker_,
                   [this](const FieldChange& change) { write_row_change(writer_, change); });
    }
    void value_deltas(const SourceDiff& diff) {
        write_list(
            writer_, diff.row_value_deltas, limit_, ticker_,
            [this](const FieldChange& change) { write_value_delta(writer_, change, runtime_); });
    }
    void rank_changes(const SourceDiff& diff) {
        write_list(writer_, diff.top_n_changes, limit_, ticker_,
                   [this](const RankChange& change) { write_rank_change(writer_, change); });
    }
    void unchanged(const SourceDiff& diff) {
        write_list(writer_, diff.top_n_unchanged, limit_, ticker_,
                   [this](std::uint32_t rank) { writer_.integer(rank); });
    }
    void ids(const std::pmr::vector<Value>& list) {
        write_list(writer_, list, limit_, ticker_, [this](const Value& id) { writer_.value(id); });
    }

    void write_sources() {
        const std::size_t count = std::min(diff_.sources.size(), limit_);
        std::pmr::vector<std::string_view> names(runtime_.memory);
        for (std::size_t i = 0; i < count; ++i)
            names.push_back(diff_.sources[i].name.text());
        writer_.begin_object(names);
        for (std::size_t i = 0; i < count; ++i) {
            static constexpr ObjectKeys keys("row_changes", "id_set_added", "top_n_changes",
                                             "id_set_removed", "top_n_unchanged",
                                             "row_value_deltas");
            const SourceDiff& source = diff_.sources[i].diff;
            writer_.begin_object(keys);
            row_changes(source);
            ids(source.added);
            rank_changes(source);
            ids(source.removed);
            unchanged(source);
            value_deltas(source);
            writer_.end();
        }
        writer_.end();
    }

    void write_counts() {
        static constexpr ObjectKeys keys("sources", "row_changes", "id_set_added", "metric_deltas",
                                         "top_n_changes", "id_set_removed", "top_n_unchanged",
                                         "row_value_deltas");
        const SourceDiff& primary = diff_.primary;
        writer_.begin_object(keys);
        for (const std::size_t count :
             {diff_.sources.size(), primary.row_changes.size(), primary.added.size(),
              diff_.metrics.size(), primary.top_n_changes.size(), primary.removed.size(),
              primary.top_n_unchanged.size(), primary.row_value_deltas.size()})
            writer_.integer(static_cast<std::int64_t>(count));
        writer_.end();
    }

    const Diff& diff_;
    ListLimit limit_;
    bool with_metric_;
    const Runtime& runtime_;
    Ticker ticker_;
    JsonbWriter writer_;
};

std::size_t longest_list(const Diff& diff) {
    const auto longest = [](const SourceDiff& d) {
        return std::max({d.top_n_changes.size(), d.top_n_unchanged.size(),
                         d.row_value_deltas.size(), d.row_changes.size(), d.added.size(),
                         d.removed.size()});
    };
    std::size_t n = std::max({longest(diff.primary), diff.metrics.size(), diff.sources.size()});
    for (const NamedSourceDiff& source : diff.sources)
        n = std::max(n, longest(source.diff));
    return n;
}

} // namespace

void write_rank_change(JsonbWriter& writer, const RankChange& change) {
    static constexpr ObjectKeys keys("id", "to", "from");
    writer.begin_object(keys);
    writer.value(change.id);
    write_rank(writer, change.to);
    write_rank(writer, change.from);
    writer.end();
}

void write_value_delta(JsonbWriter& writer, const FieldChange& change, const Runtime& runtime) {
    static constexpr ObjectKeys keys("id", "new", "old", "delta", "field", "delta_pct");
    Number delta(runtime.memory);
    Number share(runtime.memory);
    bool has_share;
    writer.begin_object(keys);
    writer.value(change.id);
    writer.value(change.after);
    writer.value(change.before);
    write_delta(writer, change.before, change.after, delta, share, runtime, has_share);
    writer.value(change.field);
    writer.value(has_share ? share.value() : Value{});
    writer.end();
}

void write_row_change(JsonbWriter& writer, const FieldChange& change) {
    static constexpr ObjectKeys both("id", "new", "old", "field");
    static constexpr ObjectKeys only_new("id", "new", "field");
    static constexpr ObjectKeys only_old("id", "old", "field");
    if (!change.before.present())
        writer.begin_object(only_new);
    else if (!change.after.present())
        writer.begin_object(only_old);
    else
        writer.begin_object(both);
    writer.value(change.id);
    if (change.after.present())
        writer.value(change.after);
    if (change.before.present())
        writer.value(change.before);
    writer.value(change.field);
    writer.end();
}

JsonbDatum write_diff(const Diff& diff, const Runtime& runtime) {
    return DiffWriter(diff, unlimited, runtime).write();
}

JsonbDatum write_diff_excerpt(const Diff& diff, std::size_t max_bytes, const Runtime& runtime) {
    const std::size_t longest = longest_list(diff);
    // No entry takes fewer than 2 bytes: longer lists need not be tried whole.
    if (longest <= max_bytes / 2) {
        JsonbDatum whole = write_diff(diff, runtime);
        if (json_text_size(whole.root(), runtime) <= max_bytes)
            return whole;
        whole.release(runtime.memory);
    }
    for (ListLimit limit = 128;; limit /= 2) {
        JsonbDatum cut = DiffWriter(diff, limit, runtime).write();
        if (json_text_size(cut.root(), runtime) <= max_bytes)
            return cut;
        cut.release(runtime.memory);
        if (limit == 0)
            break;
    }
    // Without a single entry only a metric of very many digits can be too long.
    return DiffWriter(diff, 0, runtime, false).write();
}

} // namespace dashboard_diff
