// A threshold and a diff: the threshold is refused as a whole, or every judgement agrees.
//
// An input is 'T' and two lines of JSON, a threshold and a diff; or any other byte, and then bytes
// that a threshold and two snapshots are built from.

#include "core/diff_read.h"
#include "core/diff_write.h"
#include "core/error.h"
#include "core/explain.h"
#include "core/snapshot_diff.h"
#include "fuzz_input.h"

namespace dashboard_diff::testing {
namespace {

const Runtime& runtime = server_like_runtime();

std::optional<Document> diff_of(const SnapshotTexts& texts) {
    const auto before = parse_document(texts.before);
    const auto after = parse_document(texts.after);
    if (!before || !after)
        return {};
    try {
        return document_of(
            write_diff(compare_snapshots(Snapshot::read(before->root(), "before"),
                                         Snapshot::read(after->root(), "after"), 250, runtime),
                       runtime));
    } catch (const Error&) {
        return {};
    }
}

std::optional<Threshold> read_threshold(const Document& document) {
    try {
        return Threshold::read(document.root(), runtime);
    } catch (const Error& error) {
        require(error.detail().starts_with("at $"), "what is no threshold is so at some path");
        return {};
    }
}

std::optional<Diff> read(const Document& document) {
    try {
        return read_diff(document.root(), runtime);
    } catch (const Error& error) {
        require(error.detail().starts_with("at $"), "what is no diff is so at some path");
        return {};
    }
}

// Nothing where the threshold looks at a larger top N than the diff holds.
std::optional<Truth> judge(const Threshold& threshold, const Diff& diff) {
    try {
        return threshold.judge(diff, runtime);
    } catch (const Error& error) {
        require(threshold.required_top_n() > diff.top_n, "a diff that is large enough is judged");
        return {};
    }
}

const char* text_of(Truth truth) {
    return truth == Truth::unknown ? "null" : truth == Truth::yes ? "true" : "false";
}

void check(const Document& rule, const Document& document) {
    const auto threshold = read_threshold(rule);
    const auto diff = read(document);
    if (!threshold || !diff)
        return;
    const auto truth = judge(*threshold, *diff);
    if (!truth)
        return;

    const Document explanation = document_of(explain(*threshold, *diff, runtime));
    require(json_text(find_member(explanation.root(), "result")) == text_of(*truth),
            "an explanation says what the judgement says");
    // The threshold itself may stand at the deepest level that there is.
    const auto negation = parse_document("{\"NOT\": " + rule.text() + "}");
    const auto negated = read_threshold(negation.value());
    if (negated) {
        const Truth opposite = negated->judge(*diff, runtime);
        require((*truth == Truth::unknown) == (opposite == Truth::unknown),
                "a rule and its negation are unknown together");
        require(*truth == Truth::unknown || *truth != opposite,
                "a rule and its negation are never the same");
    }
    // What was judged may have been written by hand; so may not be what is written from it.
    try {
        const Document written = document_of(write_diff(*diff, runtime));
        require(judge(*threshold, read_diff(written.root(), runtime)) == truth,
                "a diff that was written and read is judged the same");
    } catch (const Error& error) {
        require(error.code() == ErrorCode::numeric_out_of_range, "what was read can be written");
    }
}

} // namespace
} // namespace dashboard_diff::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace dashboard_diff::testing;
    ByteReader input({reinterpret_cast<const char*>(data), size});
    const bool text = input.byte() == 'T';
    const auto rule = parse_document(text ? std::string(input.line()) : build_threshold(input));
    if (!rule)
        return 0;
    const auto diff = text ? parse_document(input.line()) : diff_of(build_snapshots(input));
    if (!diff)
        return 0;
    check(*rule, *diff);
    return 0;
}
