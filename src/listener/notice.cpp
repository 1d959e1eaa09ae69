#include "listener/notice.h"

#include "listener/json.h"

namespace dashboard_diff::listener {
namespace {

std::string json_text(const rapidjson::Value& value) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    value.Accept(writer);
    return {buffer.GetString(), buffer.GetSize()};
}

std::int64_t integer_of(const rapidjson::Value& value) {
    return value.IsInt64() ? value.GetInt64() : 0;
}

} // namespace

Notice read_notice(std::string_view json) {
    rapidjson::Document document = read_object(json);
    Notice notice;
    notice.policy_id = integer_of(member(document, "policy_id"));
    notice.policy = text_of(member(document, "policy"));
    notice.window_date = text_of(member(document, "window_date"));
    notice.title = text_of(member(document, "title"));
    notice.more = integer_of(member(document, "more"));
    const rapidjson::Value& entries = member(document, "entries");
    if (!entries.IsArray())
        return notice;
    for (rapidjson::Value& value : document["entries"].GetArray()) {
        NoticeEntry entry;
        entry.headline = text_of(member(value, "headline"));
        entry.summary = text_of(member(value, "summary"));
        entry.json = json_text(value);
        if (value.IsObject())
            value.RemoveMember("issues");
        entry.brief = json_text(value);
        notice.entries.push_back(std::move(entry));
    }
    return notice;
}

} // namespace dashboard_diff::listener
