#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

// The default is assert(), which would end the daemon.
#define RAPIDJSON_ASSERT(condition)                                                                \
    ((condition) ? static_cast<void>(0) : throw std::logic_error("RapidJSON: " #condition))

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace dashboard_diff::listener {

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

inline void write_name(JsonWriter& writer, std::string_view name) {
    writer.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
}

inline void write_text(JsonWriter& writer, std::string_view name, std::string_view value) {
    write_name(writer, name);
    writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

inline void write_boolean(JsonWriter& writer, std::string_view name, bool value) {
    write_name(writer, name);
    writer.Bool(value);
}

inline void write_integer(JsonWriter& writer, std::string_view name,
                          std::optional<std::int64_t> value) {
    write_name(writer, name);
    value ? writer.Int64(*value) : writer.Null();
}

// Reads what somebody else sent, however deep it is nested; null unless it is an object.
inline rapidjson::Document read_object(std::string_view json) {
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(
        json.data(), json.size());
    if (document.HasParseError() || !document.IsObject())
        document.SetNull();
    return document;
}

// The member of that name, or a null.
inline const rapidjson::Value& member(const rapidjson::Value& value, const char* name) {
    static const rapidjson::Value null;
    if (!value.IsObject())
        return null;
    const auto found = value.FindMember(name);
    return found == value.MemberEnd() ? null : found->value;
}

inline std::string_view text_of(const rapidjson::Value& value) {
    return value.IsString() ? std::string_view(value.GetString(), value.GetStringLength())
                            : std::string_view();
}

} // namespace dashboard_diff::listener
