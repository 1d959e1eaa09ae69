#include "listener/http_client.h"

#include <memory>
#include <utility>

namespace dashboard_diff::listener {

void HttpClient::post(HttpRequest request, Callback callback) {
    HttpTransfer& transfer =
        transfers_.idle([this] { return std::make_unique<HttpTransfer>(multi_, rules_); });
    transfer.start(std::move(request),
                   [this, &transfer, callback = std::move(callback)](HttpResult result) {
                       transfers_.give_back(transfer);
                       callback(std::move(result));
                   });
    transfers_.take();
}

} // namespace dashboard_diff::listener
