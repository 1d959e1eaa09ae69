#include "fixtures.h"

#include "core/describe.h"
#include "core/diff_read.h"
#include "core/diff_write.h"
#include "core/explain.h"
#include "core/snapshot.h"
#include "core/snapshot_diff.h"

namespace dashboard_diff {

void PrintTo(Truth truth, std::ostream* out) {
    *out << (truth == Truth::yes ? "yes" : truth == Truth::no ? "no" : "unknown");
}

void PrintTo(ErrorCode code, std::ostream* out) {
    *out << (code == ErrorCode::invalid_parameter      ? "invalid_parameter"
             : code == ErrorCode::numeric_out_of_range ? "numeric_out_of_range"
                                                       : "limit_exceeded");
}

void PrintTo(Kind kind, std::ostream* out) {
    *out << "kind " << static_cast<int>(kind);
}

} // namespace dashboard_diff

namespace dashboard_diff::testing {

namespace {

const Runtime plain_runtime;

} // namespace

Comparison::Comparison(std::string_view before, std::string_view after, std::uint32_t top_n,
                       const Runtime& runtime)
    : before_(before),
      after_(after),
      diff_(compare_snapshots(Snapshot::read(before_.root(), "before"),
                              Snapshot::read(after_.root(), "after"), top_n, runtime)) {}

Document Comparison::document() const {
    return Document(write_diff(diff_, plain_runtime));
}

std::string diff_text(std::string_view before, std::string_view after, std::uint32_t top_n) {
    return Comparison(before, after, top_n).document().text();
}

std::string member_text(const Value& object, std::string_view key) {
    return json_text(object.is(Kind::object) ? find_member(object, key) : Value{});
}

std::string diff_member(std::string_view key, std::string_view before, std::string_view after,
                        std::uint32_t top_n) {
    const Document document = Comparison(before, after, top_n).document();
    return member_text(document.root(), key);
}

Truth meets(std::string_view before, std::string_view after, std::string_view threshold,
            std::uint32_t top_n) {
    const Comparison comparison(before, after, top_n);
    const Document rule(threshold);
    return Threshold::read(rule.root(), plain_runtime).judge(comparison.diff(), plain_runtime);
}

Truth diff_meets(std::string_view diff, std::string_view threshold) {
    const Document document(diff);
    const Document rule(threshold);
    return Threshold::read(rule.root(), plain_runtime)
        .judge(read_diff(document.root(), plain_runtime), plain_runtime);
}

std::string reread(std::string_view diff) {
    const Document document(diff);
    return Document(write_diff(read_diff(document.root(), plain_runtime), plain_runtime)).text();
}

std::string explanation_text(std::string_view before, std::string_view after,
                             std::string_view threshold, std::uint32_t top_n) {
    const Comparison comparison(before, after, top_n);
    const Document rule(threshold);
    const Threshold read = Threshold::read(rule.root(), plain_runtime);
    return Document(explain(read, comparison.diff(), plain_runtime)).text();
}

std::string description(std::string_view before, std::string_view after, std::string_view threshold,
                        std::uint32_t top_n) {
    const Comparison comparison(before, after, top_n);
    if (threshold.empty())
        return std::string(describe(comparison.diff(), nullptr, plain_runtime));
    const Document rule(threshold);
    const Threshold read = Threshold::read(rule.root(), plain_runtime);
    return std::string(describe(comparison.diff(), &read, plain_runtime));
}

Caught snapshot_error(std::string_view snapshot) {
    return error_of([&] { Comparison(snapshot, "[]"); });
}

Caught threshold_error(std::string_view threshold) {
    const Document rule(threshold);
    return error_of([&] { Threshold::read(rule.root(), plain_runtime); });
}

Caught diff_error(std::string_view diff) {
    const Document document(diff);
    return error_of([&] { read_diff(document.root(), plain_runtime); });
}

} // namespace dashboard_diff::testing
