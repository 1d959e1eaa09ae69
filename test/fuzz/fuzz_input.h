#pragma once

// What the fuzz targets make of an input: JSON documents, either written in it or built from it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/jsonb_writer.h"
#include "core/runtime.h"
#include "support/json_text.h"

namespace dashboard_diff::testing {

// Takes an input apart, byte by byte; behind its end all are 0.
class ByteReader {
public:
    explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

    bool empty() const { return rest_.empty(); }
    std::uint8_t byte();
    std::size_t below(std::size_t n) { return byte() % n; }
    bool chance(std::size_t one_in) { return below(one_in) == 0; }
    std::string_view pick(std::span<const std::string_view> choices) {
        return choices[below(choices.size())];
    }
    std::string_view line(); // up to the next line feed
    std::string_view rest() { return rest_; }

private:
    std::string_view rest_;
};

// A document from text as the server takes it: strict JSON in UTF-8 without U+0000. Nothing for
// other text, or where numbers or depth would only cost time.
std::optional<Document> parse_document(std::string_view json);

// Two related snapshots as JSON, mostly valid ones.
struct SnapshotTexts {
    std::string before;
    std::string after;
};
SnapshotTexts build_snapshots(ByteReader& input);

// A threshold, mostly a valid one.
std::string build_threshold(ByteReader& input, int depth = 4);

// What the server gives the core: memory that is aligned to 8 bytes, never more.
const Runtime& server_like_runtime();

// What was written with that runtime.
Document document_of(JsonbDatum datum);

// Ends the run where an invariant does not hold.
void require(bool holds, const char* invariant);

bool is_utf8(std::string_view text);

} // namespace dashboard_diff::testing
