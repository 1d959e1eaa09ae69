#include "json_text.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include "core/decimal.h"
#include "core/number.h"
#include "numeric_text.h"

namespace dashboard_diff::testing {

namespace {

struct KeyLess {
    bool operator()(const std::string& a, const std::string& b) const {
        return compare_keys(a, b) < 0;
    }
};

struct Node {
    Kind kind = Kind::null;
    std::string text; // of a string or a number
    std::vector<Node> elements;
    std::map<std::string, Node, KeyLess> members; // of one key, the last wins
};

// Builds the tree out of RapidJSON's events.
class TreeBuilder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, TreeBuilder> {
public:
    using Size = rapidjson::SizeType;

    bool Null() { return scalar(Kind::null); }
    bool Bool(bool b) { return scalar(b ? Kind::boolean_true : Kind::boolean_false); }
    bool String(const char* s, Size n, bool) {
        if (n > 0 && s[0] == '\0') // see mark_numbers
            return scalar(Kind::numeric, {s + 1, n - 1});
        return scalar(Kind::string, {s, n});
    }
    bool Key(const char* s, Size n, bool) {
        open_.back().key.assign(s, n);
        return true;
    }
    bool StartObject() { return start(Kind::object); }
    bool StartArray() { return start(Kind::array); }
    bool EndObject(Size) { return finish(); }
    bool EndArray(Size) { return finish(); }

    Node root;

private:
    struct Open {
        Node node;
        std::string key; // of the member that comes next
    };

    bool start(Kind kind) {
        open_.emplace_back();
        open_.back().node.kind = kind;
        return true;
    }
    bool finish() {
        Node done = std::move(open_.back().node);
        open_.pop_back();
        return place(std::move(done));
    }
    bool scalar(Kind kind, std::string text = {}) {
        Node node;
        node.kind = kind;
        node.text = std::move(text);
        return place(std::move(node));
    }
    bool place(Node node) {
        if (open_.empty())
            root = std::move(node);
        else if (Open& parent = open_.back(); parent.node.kind == Kind::array)
            parent.node.elements.push_back(std::move(node));
        else
            parent.node.members[parent.key] = std::move(node);
        return true;
    }

    std::vector<Open> open_;
};

// RapidJSON refuses numbers that no double holds, even where it is to hand them over as text. So
// each becomes a string that starts with U+0000, which no string of jsonb can hold.
std::string mark_numbers(std::string_view json) {
    std::string marked;
    bool in_string = false;
    for (std::size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (!in_string && (c == '-' || (c >= '0' && c <= '9'))) {
            const std::size_t end =
                std::min(json.find_first_not_of("+-.eE0123456789", i), json.size());
            marked += "\"\\u0000" + std::string(json.substr(i, end - i)) + '"';
            i = end - 1;
            continue;
        }
        marked += c;
        if (c == '"')
            in_string = !in_string;
        else if (c == '\\' && in_string)
            marked += json[++i];
    }
    return marked;
}

void write(JsonbWriter& writer, const Node& node) {
    switch (node.kind) {
    case Kind::string:
        writer.string(node.text);
        break;
    case Kind::numeric: {
        const std::vector<std::byte> bytes = numeric_from_text(node.text);
        writer.value({bytes.data(), static_cast<std::uint32_t>(bytes.size()), Kind::numeric});
        break;
    }
    case Kind::array:
        writer.begin_array(node.elements.size());
        for (const Node& element : node.elements)
            write(writer, element);
        writer.end();
        break;
    case Kind::object: {
        std::vector<std::string_view> keys;
        for (const auto& [key, value] : node.members)
            keys.push_back(key);
        writer.begin_object(keys);
        for (const auto& [key, value] : node.members)
            write(writer, value);
        writer.end();
        break;
    }
    default:
        writer.value({nullptr, 0, node.kind});
    }
}

} // namespace

Document::Document(std::string_view json) {
    TreeBuilder builder;
    rapidjson::Reader reader;
    const std::string marked = mark_numbers(json);
    rapidjson::StringStream stream(marked.c_str());
    const rapidjson::ParseResult result =
        reader.Parse<rapidjson::kParseIterativeFlag>(stream, builder);
    if (result.IsError())
        throw std::invalid_argument(std::string(rapidjson::GetParseError_En(result.Code())) +
                                    " in " + std::string(json.substr(0, 200)));

    const Runtime runtime;
    JsonbWriter writer(runtime);
    const bool scalar = builder.root.kind != Kind::array && builder.root.kind != Kind::object;
    if (scalar) // the server wraps it into an array of one that it marks
        writer.begin_array(1);
    write(writer, builder.root);
    if (scalar)
        writer.end();
    JsonbDatum datum = writer.finish();
    if (scalar) {
        const std::uint32_t header = layout::load_word(datum.payload()) | layout::scalar_flag;
        std::memcpy(datum.data + 4, &header, sizeof header);
    }
    take(datum, runtime);
}

Document::Document(JsonbDatum datum, const Runtime& runtime) {
    take(datum, runtime);
}

void Document::take(JsonbDatum datum, const Runtime& runtime) {
    size_ = datum.payload_size();
    bytes_ = std::make_unique<std::byte[]>(size_);
    std::memcpy(bytes_.get(), datum.payload(), size_);
    datum.release(runtime.memory);
}

std::string Document::text() const {
    return json_text(root());
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        switch (c) {
        case '\b':
            out += "\\b";
            break;
        case '\f':
            out += "\\f";
            break;
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\t':
            out += "\\t";
            break;
        case '"':
        case '\\':
            out += '\\';
            out += c;
            break;
        default:
            if (static_cast<unsigned char>(c) < 0x20) {
                char escape[8];
                std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
                out += escape;
            } else {
                out += c;
            }
        }
    }
    return out + '"';
}

std::string json_text(const Value& value) {
    switch (value.kind) {
    case Kind::absent:
        return "(absent)";
    case Kind::null:
        return "null";
    case Kind::boolean_false:
        return "false";
    case Kind::boolean_true:
        return "true";
    case Kind::string:
        return quoted(value.text());
    case Kind::numeric:
        return to_text(Decimal(value));
    case Kind::array: {
        std::string out = "[";
        Cursor elements = Cursor::elements(Container(value.data));
        for (Value element; elements.next(element);)
            out += (out.size() > 1 ? ", " : "") + json_text(element);
        return out + "]";
    }
    case Kind::object: {
        std::string out = "{";
        MemberCursor members{Container(value.data)};
        std::string_view key;
        Value member;
        while (members.next(key, member))
            out += (out.size() > 1 ? ", " : "") + quoted(key) + ": " + json_text(member);
        return out + "}";
    }
    }
    return {};
}

} // namespace dashboard_diff::testing
