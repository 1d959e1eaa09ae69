// A view_spec as JSON text: it is refused at some path, or what was read of it holds together.

#include "core/error.h"
#include "core/view_spec.h"
#include "fuzz_input.h"

#include <algorithm>

namespace dashboard_diff::testing {
namespace {

void check(const Document& document) {
    const Runtime& runtime = server_like_runtime();
    try {
        const ViewSpec spec = ViewSpec::read(document.root(), runtime);
        if (spec.sources().empty())
            return;
        require(spec.primary() < spec.sources().size(), "the primary source is one of them");
        require(!spec.is_primary_metric(spec.primary()), "rows are no metric");
        for (const DataSource& source : spec.sources()) {
            require(!source.name.empty() && !source.sql.empty(), "a source has a name and a query");
            require(is_utf8(query_path(source.name, runtime)), "a path is a text");
        }
        require(!spec.ranking().ascending || spec.ranking().has_rank_by,
                "an order is that of a field");
    } catch (const Error& error) {
        require(error.detail().starts_with("at $"), "what is no view_spec is so at some path");
        require(is_utf8(error.detail()), "a path is a text");
    }
}

} // namespace
} // namespace dashboard_diff::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace dashboard_diff::testing;
    if (const auto document = parse_document({reinterpret_cast<const char*>(data), size}))
        check(*document);
    return 0;
}
