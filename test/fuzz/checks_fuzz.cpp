// A dashboard's checks and two snapshots: the checks are refused as a whole, or what they find is
// well-formed and agrees with itself.
//
// An input is 'T' and three lines of JSON, the checks and two snapshots; or any other byte, and
// then bytes that they are built from.

#include "core/checks_evaluate.h"
#include "core/error.h"
#include "core/snapshot_check.h"
#include "fuzz_input.h"

namespace dashboard_diff::testing {
namespace {

const Runtime& runtime = server_like_runtime();

std::optional<std::int64_t> read_interval(std::string_view text) {
    if (text.empty() || text.size() > 6)
        return std::nullopt;
    return text[0] == '-' ? -1 : static_cast<std::int64_t>(text.size()) * 1'000'000;
}

std::optional<Checks> read_checks(const Document& document) {
    try {
        return Checks::read(document.root(), read_interval, runtime);
    } catch (const Error& error) {
        require(error.detail().starts_with("at $"), "what are no checks are so at some path");
        return {};
    }
}

bool is_valid(const Document& snapshot) {
    try {
        validate_snapshot(snapshot.root(), runtime);
        return true;
    } catch (const Error&) {
        return false;
    }
}

std::string check_text(ByteReader& input) {
    static constexpr std::string_view operators[] = {
        "\"freshness\": \"1 h\"",
        "\"min_rows\": 3",
        "\"max_rows\": 2",
        "\"null_fraction\": 0.25, \"on_field\": \"score\"",
        "\"snapshot\": \"ok\"",
        "\"range\": [0, 1], \"on_field\": \"n\"",
        "\"range\": [null, 1e100], \"on_field\": \"s\"",
        "\"range\": [-0.5, null], \"on_field\": \"k\"",
    };
    static constexpr std::string_view modifiers[] = {
        "", ", \"severity\": \"WARN\"", ", \"source\": \"r\"", ", \"source\": \"by_region\"",
        ", \"severity\": \"FAIL\", \"source\": \"a\""};
    switch (input.below(4)) {
    case 0:
        return "{\"warn_when\": " + build_threshold(input, 2) + "}";
    case 1:
        return "{\"fail_when\": " + build_threshold(input, 2) + "}";
    default:
        return "{" + std::string(input.pick(operators)) + std::string(input.pick(modifiers)) + "}";
    }
}

std::string checks_text(ByteReader& input) {
    std::string list = check_text(input);
    for (std::size_t more = input.below(4); more > 0; --more)
        list += ", " + check_text(input);
    return "[" + list + "]";
}

void check(const Checks& checks, const Document* content, const Document* previous,
           std::uint8_t bits) {
    CheckedDashboard dashboard;
    if (content != nullptr)
        dashboard.content = content->root();
    if (previous != nullptr)
        dashboard.previous = previous->root();
    if ((bits & 1) != 0)
        dashboard.age = std::int64_t{bits} * 1'000'000;
    if ((bits & 2) != 0)
        dashboard.failure = "failed";
    const bool valid =
        (content == nullptr || is_valid(*content)) && (previous == nullptr || is_valid(*previous));
    std::optional<Document> found;
    try {
        found.emplace(document_of(evaluate(checks, dashboard, runtime)));
    } catch (const Error& error) {
        require(!valid || error.code() == ErrorCode::numeric_out_of_range,
                "checks find something in valid snapshots");
        return;
    }
    const Value issues = find_member(found->root(), "issues");
    const std::string_view status = find_member(found->root(), "status").text();
    require(is_utf8(find_member(found->root(), "summary").text()), "a summary is text");
    const std::uint32_t count = Container(issues.data).count();
    require(count <= checks.all().size() + 1, "a check finds at most one thing");
    require((count == 0) == (status == "PASS"), "what passed has no issue");
    if (count > 0)
        require(find_member(Container(issues.data).child(0), "severity").text() == status,
                "the worst issue comes first");
    if (content == nullptr)
        require(status != "PASS", "without a snapshot nothing passes");
}

} // namespace
} // namespace dashboard_diff::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace dashboard_diff::testing;
    ByteReader input({reinterpret_cast<const char*>(data), size});
    const bool text = input.byte() == 'T';
    const std::uint8_t bits = input.byte();
    const auto document = parse_document(text ? std::string(input.line()) : checks_text(input));
    const auto checks = document ? read_checks(*document) : std::nullopt;
    if (!checks)
        return 0;
    SnapshotTexts texts;
    if (text) {
        texts.before = input.line();
        texts.after = input.line();
    } else {
        texts = build_snapshots(input);
    }
    const auto previous = parse_document(texts.before);
    const auto content = parse_document(texts.after);
    if (!content)
        return 0;
    check(*checks, (bits & 4) != 0 ? nullptr : &*content, previous ? &*previous : nullptr, bits);
    return 0;
}
