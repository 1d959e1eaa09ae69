// Two snapshot documents: validity, the diff, and what is made of it.
//
// An input is 'T', a byte for the top N, and two lines of JSON; or any other byte, and then bytes
// that two snapshots are built from.

#include "core/diff_read.h"
#include "core/diff_write.h"
#include "core/error.h"
#include "core/snapshot_check.h"
#include "core/snapshot_diff.h"
#include "fuzz_input.h"

namespace dashboard_diff::testing {
namespace {

const Runtime& runtime = server_like_runtime();

bool is_valid(const Document& document) {
    try {
        validate_snapshot(document.root(), runtime);
        return true;
    } catch (const Error& error) {
        require(error.code() == ErrorCode::invalid_parameter, "what is no snapshot is invalid");
        require(!error.detail().empty(), "what is no snapshot is so at some place");
        return false;
    }
}

Diff compare(const Document& before, const Document& after, std::uint32_t top_n) {
    return compare_snapshots(Snapshot::read(before.root(), "before"),
                             Snapshot::read(after.root(), "after"), top_n, runtime);
}

void check_swapped(const SourceDiff& forth, const SourceDiff& back) {
    require(forth.added.size() == back.removed.size(), "what was added is removed on the way back");
    require(forth.removed.size() == back.added.size(), "what was removed is added on the way back");
    require(forth.top_n_changes.size() == back.top_n_changes.size(), "as many ranks change");
    require(forth.top_n_unchanged == back.top_n_unchanged, "the same ranks stay");
    require(forth.row_value_deltas.size() == back.row_value_deltas.size(), "as many numbers");
    require(forth.row_changes.size() == back.row_changes.size(), "as many other fields");
}

void check_pair(const Document& before, const Document& after, std::uint32_t top_n,
                std::size_t max_bytes) {
    const bool valid = is_valid(before) && is_valid(after);
    try {
        const Diff forth = compare(before, after, top_n);
        require(valid, "snapshots that can be compared are valid");
        const Diff back = compare(after, before, top_n);
        check_swapped(forth.primary, back.primary);
        require(forth.sources.size() == back.sources.size(), "as many sources differ");
        require(forth.metrics.size() == back.metrics.size(), "as many metrics differ");

        const Diff same = compare(before, before, top_n);
        require(same.primary.empty() && same.sources.empty() && same.metrics.empty(),
                "a snapshot does not differ from itself");

        const Document written = document_of(write_diff(forth, runtime));
        const Document again = document_of(write_diff(read_diff(written.root(), runtime), runtime));
        require(written.bytes() == again.bytes(), "a diff that is read back is the same");

        const Document excerpt = document_of(write_diff_excerpt(forth, max_bytes, runtime));
        require(excerpt.text().size() <= max_bytes, "an excerpt keeps to its length");
        read_diff(excerpt.root(), runtime);
    } catch (const Error& error) {
        require(!valid, "valid snapshots can be compared");
    }
}

} // namespace
} // namespace dashboard_diff::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace dashboard_diff::testing;
    ByteReader input({reinterpret_cast<const char*>(data), size});
    const bool text = input.byte() == 'T';
    const std::uint32_t top_n = 1 + input.byte() % 64U;
    SnapshotTexts texts;
    if (text) {
        texts.before = input.line();
        texts.after = input.line();
    } else {
        texts = build_snapshots(input);
    }
    const auto before = parse_document(texts.before);
    const auto after = parse_document(texts.after);
    if (!before || !after)
        return 0;
    check_pair(*before, *after, top_n, 700 + 40 * input.byte());
    return 0;
}
