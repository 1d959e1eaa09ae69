#include "core/diff_read.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/decimal.h"
#include "core/error.h"
#include "core/id_index.h"

namespace dashboard_diff {

namespace {

[[noreturn]] void throw_invalid(const std::string& place, std::string_view problem) {
    throw Error(ErrorCode::invalid_parameter, "invalid dashboard diff",
                "at $" + place + ": " + std::string(problem),
                "Pass the result of dashboard_diff() as it stands.");
}

std::string path_of(std::string_view prefix, std::string_view key) {
    return std::string(prefix) + "." + std::string(key);
}

std::uint32_t read_rank(const Value& value, const std::string& place) {
    if (value.is(Kind::null))
        return 0;
    const auto rank = is_number(value) ? to_integer(Decimal(value)) : std::nullopt;
    if (!rank || *rank < 1 || *rank > UINT32_MAX)
        throw_invalid(place, "must be a rank (an integer of 1 or more)");
    return static_cast<std::uint32_t>(*rank);
}

// Reads one side (an object) of the diff's lists.
class ListReader {
public:
    ListReader(const Value& object, std::string prefix, const Runtime& runtime)
        : object_(object), prefix_(std::move(prefix)), ticker_(runtime) {}

    // Calls read(element, place) for each element of the list `key`, if it is there.
    template <typename Read>
    void each(std::string_view key, Read&& read) {
        const Value list = find_member(object_, key);
        if (!list.present())
            return;
        if (!list.is(Kind::array))
            throw_invalid(path_of(prefix_, key), "must be an array");
        Cursor elements = Cursor::elements(Container(list.data));
        Value element;
        for (std::size_t i = 0; elements.next(element); ++i) {
            ticker_.tick();
            // The place is only spelled out when it is needed.
            const auto place = [&, i] {
                return path_of(prefix_, key) + "[" + std::to_string(i) + "]";
            };
            read(element, place);
        }
    }

    template <typename Read>
    void each_object(std::string_view key, Read&& read) {
        each(key, [&](const Value& element, const auto& place) {
            if (!element.is(Kind::object))
                throw_invalid(place(), "must be an object");
            read(element, place);
        });
    }

private:
    Value object_;
    std::string prefix_;
    Ticker ticker_;
};

template <typename Place>
Value read_id(const Value& entry, const Place& place) {
    const Value id = find_member(entry, "id");
    if (!id.is(Kind::string) && !is_number(id))
        throw_invalid(place() + ".id", "must be a string or a number");
    return id;
}

template <typename Place>
Value read_number(const Value& entry, std::string_view key, const Place& place) {
    const Value number = find_member(entry, key);
    if (!is_number(number))
        throw_invalid(path_of(place(), key), "must be a number");
    return number;
}

template <typename Place>
Value read_string(const Value& entry, std::string_view key, const Place& place) {
    const Value name = find_member(entry, key);
    if (!name.is(Kind::string))
        throw_invalid(path_of(place(), key), "must be a string");
    return name;
}

// Puts the changes of each row together, as dashboard_diff() has them: rules count rows. Rows keep
// the order of their first change.
void group_by_row(std::pmr::vector<FieldChange>& changes, const Runtime& runtime) {
    std::pmr::vector<std::uint32_t> first_of(runtime.memory); // the row's first change
    first_of.reserve(changes.size());
    const HashKey key(runtime.hash_seed);
    IdIndex rows(changes.size(), changes.size(), runtime.memory);
    bool grouped = true;
    Ticker ticker(runtime);
    for (std::uint32_t i = 0; i < changes.size(); ++i) {
        ticker.tick();
        const Value& id = changes[i].id;
        if (i > 0 && equal_ids(id, changes[i - 1].id)) {
            first_of.push_back(first_of.back());
            continue;
        }
        const std::uint32_t seen =
            rows.find_or_insert(hash_id(id, key), i, [&](std::uint32_t other) {
                return equal_ids(changes[other].id, id);
            });
        grouped = grouped && seen == IdIndex::none;
        first_of.push_back(seen == IdIndex::none ? i : seen);
    }
    if (grouped)
        return;
    std::pmr::vector<std::uint32_t> order(changes.size(), runtime.memory);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return first_of[a] < first_of[b]; });
    std::pmr::vector<FieldChange> sorted(runtime.memory);
    sorted.reserve(changes.size());
    for (const std::uint32_t i : order)
        sorted.push_back(changes[i]);
    changes.swap(sorted);
}

SourceDiff read_source(const Value& object, const std::string& prefix, const Runtime& runtime) {
    SourceDiff diff(runtime.memory);
    ListReader lists(object, prefix, runtime);
    lists.each_object("top_n_changes", [&](const Value& entry, const auto& place) {
        RankChange change;
        change.id = read_id(entry, place);
        const Value from = find_member(entry, "from");
        const Value to = find_member(entry, "to");
        change.from = from.present() ? read_rank(from, place() + ".from") : 0;
        change.to = to.present() ? read_rank(to, place() + ".to") : 0;
        diff.top_n_changes.push_back(change);
    });
    lists.each("top_n_unchanged", [&](const Value& rank, const auto& place) {
        if (!rank.is(Kind::numeric))
            throw_invalid(place(), "must be a rank (an integer of 1 or more)");
        diff.top_n_unchanged.push_back(read_rank(rank, place()));
    });
    lists.each_object("row_value_deltas", [&](const Value& entry, const auto& place) {
        diff.row_value_deltas.push_back({read_id(entry, place), read_string(entry, "field", place),
                                         read_number(entry, "old", place),
                                         read_number(entry, "new", place)});
    });
    group_by_row(diff.row_value_deltas, runtime);
    lists.each_object("row_changes", [&](const Value& entry, const auto& place) {
        const FieldChange change{read_id(entry, place), read_string(entry, "field", place),
                                 find_member(entry, "old"), find_member(entry, "new")};
        if (!change.before.present() && !change.after.present())
            throw_invalid(place(), "must have \"old\" or \"new\"");
        diff.row_changes.push_back(change);
    });
    const auto read_ids = [&](std::string_view key, std::pmr::vector<Value>& ids) {
        lists.each(key, [&](const Value& id, const auto& place) {
            if (!id.is(Kind::string) && !is_number(id))
                throw_invalid(place(), "must be a string or a number");
            ids.push_back(id);
        });
    };
    read_ids("id_set_added", diff.added);
    read_ids("id_set_removed", diff.removed);
    return diff;
}

void read_primary_metric(const Value& root, Diff& diff) {
    const Value metric = find_member(root, "primary_metric");
    if (!metric.present() || metric.is(Kind::null))
        return;
    const auto place = [] { return std::string(".primary_metric"); };
    if (!metric.is(Kind::object))
        throw_invalid(place(), "must be an object or null");
    diff.primary_metric = {
        {}, read_number(metric, "old", place), read_number(metric, "new", place)};
}

// Tells a diff made by hand, which may leave lists out, from something else altogether.
bool has_key_of_a_diff(const Value& root) {
    for (const std::string_view key :
         {"top_n", "sources", "row_changes", "id_set_added", "metric_deltas", "top_n_changes",
          "id_set_removed", "primary_metric", "top_n_unchanged", "row_value_deltas"})
        if (find_member(root, key).present())
            return true;
    return Container(root.data).count() == 0;
}

} // namespace

Diff read_diff(const Value& root, const Runtime& runtime) {
    if (!root.is(Kind::object))
        throw_invalid("", "must be an object");
    if (!has_key_of_a_diff(root))
        throw_invalid("", "has none of the keys of a diff");
    Diff diff(runtime.memory);
    if (const Value top_n = find_member(root, "top_n"); top_n.present()) {
        if (!top_n.is(Kind::numeric))
            throw_invalid(".top_n", "must be an integer of 1 or more");
        diff.top_n = read_rank(top_n, ".top_n");
    }
    diff.primary = read_source(root, "", runtime);
    read_primary_metric(root, diff);

    ListReader lists(root, "", runtime);
    lists.each_object("metric_deltas", [&](const Value& entry, const auto& place) {
        diff.metrics.push_back({read_string(entry, "metric", place),
                                read_number(entry, "old", place),
                                read_number(entry, "new", place)});
    });
    const Value sources = find_member(root, "sources");
    if (!sources.present())
        return diff;
    if (!sources.is(Kind::object))
        throw_invalid(".sources", "must be an object");
    MemberCursor members{Container(sources.data)};
    std::string_view name;
    Value source;
    while (members.next(name, source)) {
        const std::string place = path_of(".sources", name);
        if (!source.is(Kind::object))
            throw_invalid(place, "must be an object");
        diff.sources.push_back({Value::of_text(name), read_source(source, place, runtime)});
    }
    return diff;
}

} // namespace dashboard_diff
