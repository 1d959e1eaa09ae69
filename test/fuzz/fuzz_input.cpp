#include "fuzz_input.h"

#include <array>
#include <cstdio>
#include <cstdlib>

#include <rapidjson/reader.h>

namespace dashboard_diff::testing {

namespace {

constexpr int max_depth = 200;
constexpr std::size_t max_exponent_digits = 3;

// Says whether all strings and numbers of a document are ones that jsonb takes.
class TextCheck : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, TextCheck> {
public:
    using Size = rapidjson::SizeType;

    bool RawNumber(const char* s, Size n, bool) {
        const std::string_view text(s, n);
        const std::size_t e = text.find_first_of("eE");
        return e == text.npos ||
               text.substr(e + 1).find_last_of("0123456789") < max_exponent_digits + 1;
    }
    // RapidJSON takes the second half of a pair of surrogates for a character, and the server does
    // not.
    bool String(const char* s, Size n, bool) {
        const std::string_view text(s, n);
        return text.find('\0') == n_pos && is_utf8(text);
    }
    bool Key(const char* s, Size n, bool copy) { return String(s, n, copy); }
    bool StartObject() { return ++depth_ <= max_depth; }
    bool StartArray() { return ++depth_ <= max_depth; }
    bool EndObject(Size) { return --depth_ >= 0; }
    bool EndArray(Size) { return --depth_ >= 0; }

private:
    static constexpr std::size_t n_pos = std::string_view::npos;
    int depth_ = 0;
};

using Choices = std::array<std::string_view, 16>;

constexpr Choices numbers{"0",   "1",    "1.0",  "-1",   "3.0",   "3.3",    "0.1",   "100",
                          "1e2", "0.00", "-2.5", "1e-9", "1e100", "9999.9", "10000", "-0.0"};
constexpr Choices others{"null",
                         "true",
                         "false",
                         "\"\"",
                         "\"x\"",
                         "\"open\"",
                         "[]",
                         "{}",
                         "[1.0]",
                         "[1]",
                         "\"\\u0001\"",
                         "\"é\"",
                         "{\"a\": [null]}",
                         "[[], {}]",
                         "\"1\"",
                         "\"\\ud83d\\ude00\\n\""};
constexpr Choices fields{"score",
                         "s",
                         "n",
                         "status",
                         "b",
                         "aa",
                         "é",
                         "\\\"",
                         "",
                         "id",
                         "k",
                         "old",
                         "a_rather_long_name",
                         "\\n",
                         "Z",
                         "field"};
constexpr std::array<std::string_view, 8> names{"users", "total", "r", "by_region",
                                                "",      "é",     "a", "B"};

std::string number(ByteReader& input) {
    if (!input.chance(4))
        return std::string(input.pick(numbers));
    std::string text = input.chance(2) ? "-" : "";
    text += std::to_string(input.byte());
    for (std::size_t more = input.below(5); more > 0; --more)
        text += std::to_string(1000 + input.byte());
    if (input.chance(2))
        text += "." + std::to_string(input.byte()) + std::string(input.below(3), '0');
    return text;
}

std::string value(ByteReader& input) {
    return input.chance(3) ? std::string(input.pick(others)) : number(input);
}

std::string id(ByteReader& input, std::size_t i) {
    const std::string own = std::to_string(i);
    switch (input.below(12)) {
    case 0:
        return own;
    case 1:
        return own + ".0";
    case 2:
        return "\"" + own + "\"";
    case 3:
        return value(input); // may be no id, or one that is there already
    default:
        return "\"row " + own + "\"";
    }
}

// A member, with a comma behind those before it.
void add(std::string& members, std::string_view key, std::string_view json) {
    members += members.empty() ? "" : ", ";
    members += '"';
    members += key;
    members += "\": ";
    members += json;
}

struct Shape {
    std::string_view id_field;
    std::string_view rank_by;
    std::array<std::string_view, 3> fields;
};

using Row = std::array<std::string, 4>; // its id, and its fields; those that are empty are left out
using Rows = std::vector<Row>;

Row row(ByteReader& input, std::size_t i) {
    Row made{id(input, i)};
    for (std::size_t f = 1; f < made.size(); ++f)
        if (!input.chance(6))
            made[f] = value(input);
    return made;
}

Rows rows(ByteReader& input) {
    Rows list;
    std::size_t count = input.below(8);
    if (count == 7)
        count += input.byte();
    for (std::size_t i = 0; i < count; ++i)
        list.push_back(row(input, i));
    return list;
}

void edit(ByteReader& input, Rows& list) {
    for (std::size_t edits = input.below(5); edits > 0; --edits) {
        const std::size_t at = list.empty() ? 0 : input.below(list.size());
        const std::size_t kind = list.empty() ? 0 : input.below(6);
        if (kind == 0)
            list.insert(list.begin() + static_cast<std::ptrdiff_t>(at),
                        row(input, 60 + input.below(20)));
        else if (kind == 1)
            list.erase(list.begin() + static_cast<std::ptrdiff_t>(at));
        else if (kind == 2)
            std::swap(list[at], list[input.below(list.size())]);
        else
            list[at][1 + input.below(3)] = input.chance(8) ? "" : value(input);
    }
}

std::string rows_text(const Rows& list, const Shape& shape) {
    std::string text = "[";
    for (const Row& made : list) {
        std::string members;
        add(members, shape.id_field, made[0]);
        for (std::size_t f = 1; f < made.size(); ++f)
            if (!made[f].empty())
                add(members, shape.fields[f - 1], made[f]);
        text += (text.size() > 1 ? ", {" : "{") + members + "}";
    }
    return text + "]";
}

struct Source {
    std::string_view name;
    bool is_metric;
    Rows list;
    std::string metric;
};

std::string snapshot_text(const Rows& primary, const std::vector<Source>& sources,
                          const std::string& metric, const Shape& shape, std::string_view order,
                          bool named) {
    std::string members;
    std::string data;
    for (const Source& source : sources)
        add(data, source.name, source.is_metric ? source.metric : rows_text(source.list, shape));
    if (named)
        add(data, "main", rows_text(primary, shape));
    else
        add(members, "primary_rows", rows_text(primary, shape));
    if (named)
        add(members, "primary", "\"main\"");
    if (!data.empty())
        add(members, "materialized_data", "{" + data + "}");
    if (shape.id_field != "id")
        add(members, "id_field", "\"" + std::string(shape.id_field) + "\"");
    if (!shape.rank_by.empty())
        add(members, "rank_by", "\"" + std::string(shape.rank_by) + "\"");
    if (!order.empty())
        add(members, "rank_order", order);
    if (!metric.empty())
        add(members, "primary_metric", metric);
    return "{" + members + "}";
}

// --- thresholds ---

constexpr std::array<std::string_view, 14> operators{
    "top_n_reordering",
    "top_n_moved",
    "top_n_entered",
    "top_n_left",
    "rank_delta",
    "value_delta_pct",
    "value_delta",
    "field_changed",
    "set_added_min",
    "set_removed_min",
    "primary_metric_delta_pct",
    "primary_metric_delta",
    "metric_delta_pct",
    "metric_delta",
};
constexpr std::array<std::string_view, 9> modifiers{
    "top_n", "on_field", "direction", "min_abs", "min_rows", "ids", "source", "to", "on_metric"};
constexpr std::array<std::string_view, 8> counts{"1", "2", "3", "5", "1.0", "10", "1e2", "250"};
constexpr std::array<std::string_view, 6> shares{"0.1", "0.5", "1", "0.000001", "2.50", "1e-30"};
constexpr std::array<std::string_view, 3> directions{"\"up\"", "\"down\"", "\"any\""};

class ServerLikeMemory : public std::pmr::memory_resource {
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        require(alignment <= 8, "no memory is asked for that the server does not have");
        return ::operator new(bytes);
    }
    void do_deallocate(void* at, std::size_t, std::size_t) override { ::operator delete(at); }
    bool do_is_equal(const memory_resource& other) const noexcept override {
        return this == &other;
    }
};

std::string in_quotes(std::string_view text) {
    return "\"" + std::string(text) + "\"";
}

std::string modifier_value(ByteReader& input, std::string_view key) {
    if (input.chance(16))
        return value(input); // of the wrong kind, mostly
    if (key == "top_n" || key == "min_rows")
        return std::string(input.pick(counts));
    if (key == "on_field")
        return in_quotes(input.pick(fields));
    if (key == "source" || key == "on_metric")
        return in_quotes(input.pick(names));
    if (key == "direction")
        return std::string(input.pick(directions));
    if (key == "min_abs")
        return std::string(input.pick(shares));
    if (key == "to")
        return value(input);
    std::string list = "[";
    for (std::size_t n = 1 + input.below(3); n > 0; --n)
        list += id(input, input.below(8)) + (n > 1 ? ", " : "");
    return list + "]";
}

std::string limit_of(ByteReader& input, std::string_view op) {
    if (input.chance(24))
        return value(input);
    if (op == "field_changed")
        return in_quotes(input.pick(fields));
    const bool amount = op.find("delta") != op.npos && op != "rank_delta";
    return std::string(amount ? input.pick(shares) : input.pick(counts));
}

} // namespace

std::uint8_t ByteReader::byte() {
    if (rest_.empty())
        return 0;
    const auto first = static_cast<std::uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return first;
}

std::string_view ByteReader::line() {
    const std::size_t end = rest_.find('\n');
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);
    return text;
}

std::optional<Document> parse_document(std::string_view json) {
    if (json.find('\0') != json.npos)
        return {};
    TextCheck check;
    rapidjson::Reader reader;
    const std::string text(json);
    // Of a character that is cut off RapidJSON reads what should follow, past the end.
    const std::string padded = text + std::string(4, '\0');
    rapidjson::StringStream stream(padded.c_str());
    constexpr unsigned flags = rapidjson::kParseIterativeFlag |
                               rapidjson::kParseValidateEncodingFlag |
                               rapidjson::kParseNumbersAsStringsFlag;
    if (reader.Parse<flags>(stream, check).IsError())
        return {};
    return Document(text);
}

SnapshotTexts build_snapshots(ByteReader& input) {
    Shape shape{input.chance(5) ? "k" : "id", input.pick(fields), {}};
    for (std::string_view& field : shape.fields)
        field = input.pick(fields);
    if (input.chance(3))
        shape.rank_by = shape.fields[0];
    else if (input.chance(2))
        shape.rank_by = "";
    const std::string_view order = input.chance(3) ? "\"asc\"" : "";
    const bool named = input.chance(5);

    Rows primary = rows(input);
    std::vector<Source> sources;
    for (std::size_t n = input.below(4); n > 0; --n) {
        Source source{input.pick(names), input.chance(2), {}, {}};
        if (source.is_metric)
            source.metric = number(input);
        else
            source.list = rows(input);
        sources.push_back(std::move(source));
    }
    std::string metric = input.chance(2) ? number(input) : "";

    SnapshotTexts texts;
    texts.before = snapshot_text(primary, sources, metric, shape, order, named);
    edit(input, primary);
    for (Source& source : sources) {
        if (source.is_metric)
            source.metric = number(input);
        else
            edit(input, source.list);
    }
    if (input.chance(8) && !sources.empty())
        sources.pop_back();
    if (!input.chance(4))
        metric = number(input);
    texts.after = snapshot_text(primary, sources, metric, shape, order, named);
    return texts;
}

std::string build_threshold(ByteReader& input, int depth) {
    const std::size_t kind = depth > 0 ? input.below(6) : 5;
    if (kind < 2) {
        std::string children;
        for (std::size_t n = 1 + input.below(3); n > 0; --n)
            children += build_threshold(input, depth - 1) + (n > 1 ? ", " : "");
        return (kind == 0 ? "{\"AND\": [" : "{\"OR\": [") + children + "]}";
    }
    if (kind == 2)
        return "{\"NOT\": " + build_threshold(input, depth - 1) + "}";
    const std::string_view op = input.pick(operators);
    std::string members;
    add(members, op, limit_of(input, op));
    if (op.starts_with("metric_"))
        add(members, "on_metric", modifier_value(input, "on_metric"));
    for (std::size_t n = input.below(3); n > 0; --n) {
        const std::string_view key = input.pick(modifiers);
        add(members, key, modifier_value(input, key));
    }
    return "{" + members + "}";
}

const Runtime& server_like_runtime() {
    static ServerLikeMemory memory;
    static const Runtime runtime{&memory};
    return runtime;
}

Document document_of(JsonbDatum datum) {
    return Document(datum, server_like_runtime());
}

void require(bool holds, const char* invariant) {
    if (holds)
        return;
    std::fprintf(stderr, "broken invariant: %s\n", invariant);
    std::abort();
}

bool is_utf8(std::string_view text) {
    std::string quoted_text = "[" + quoted(text) + "]";
    rapidjson::Reader reader;
    rapidjson::StringStream stream(quoted_text.c_str());
    rapidjson::BaseReaderHandler<> ignore;
    return !reader.Parse<rapidjson::kParseValidateEncodingFlag>(stream, ignore).IsError();
}

} // namespace dashboard_diff::testing
