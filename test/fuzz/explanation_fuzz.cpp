// What people and receivers are told: explanations, excerpts of them, and sentences.
//
// An input is two bytes for a length, and 'T' and a line of JSON that is taken for an explanation;
// or any other byte, and then bytes that a threshold and two snapshots are built from.

#include <algorithm>

#include "core/describe.h"
#include "core/error.h"
#include "core/explain.h"
#include "core/explanation_excerpt.h"
#include "core/snapshot_diff.h"
#include "fuzz_input.h"

namespace dashboard_diff::testing {
namespace {

const Runtime& runtime = server_like_runtime();

void check_excerpt(const Document& explanation, std::size_t max_bytes) {
    const Document excerpt =
        document_of(write_explanation_excerpt(explanation.root(), max_bytes, runtime));
    require(excerpt.text().size() <= max_bytes, "an excerpt keeps to its length");
    if (explanation.text().size() * 2 <= max_bytes)
        require(excerpt.bytes() == explanation.bytes(), "what is short is left as it is");
    if (explanation.root().is(Kind::object) && excerpt.root().is(Kind::object)) {
        const Value result = find_member(explanation.root(), "result");
        if (result.is_boolean())
            require(find_member(excerpt.root(), "result").kind == result.kind,
                    "an excerpt has the result");
    }
}

void check_sentence(std::string_view sentence) {
    require(!sentence.empty(), "there is something to say");
    require(sentence.size() <= 2000, "a description is short");
    require(is_utf8(sentence), "no character is cut in two");
    require(std::none_of(sentence.begin(), sentence.end(),
                         [](char c) { return static_cast<unsigned char>(c) < 0x20; }),
            "a description has no control characters");
}

void check(const Document& rule, const SnapshotTexts& texts, std::size_t max_bytes) {
    const auto before = parse_document(texts.before);
    const auto after = parse_document(texts.after);
    if (!before || !after)
        return;
    try {
        const Diff diff = compare_snapshots(Snapshot::read(before->root(), "before"),
                                            Snapshot::read(after->root(), "after"), 250, runtime);
        check_sentence(describe(diff, nullptr, runtime));
        const Threshold threshold = Threshold::read(rule.root(), runtime);
        check_sentence(describe(diff, &threshold, runtime));
        check_excerpt(document_of(explain(threshold, diff, runtime)), max_bytes);
    } catch (const Error&) {
        // No snapshots, no threshold, or one that looks too far: threshold_fuzz's subject.
    }
}

} // namespace
} // namespace dashboard_diff::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace dashboard_diff::testing;
    ByteReader input({reinterpret_cast<const char*>(data), size});
    const std::size_t max_bytes = 40 + 16 * input.byte() + input.byte();
    const bool text = input.byte() == 'T';
    const auto document = parse_document(text ? std::string(input.line()) : build_threshold(input));
    if (!document)
        return 0;
    if (text)
        check_excerpt(*document, max_bytes);
    else
        check(*document, build_snapshots(input), max_bytes);
    return 0;
}
