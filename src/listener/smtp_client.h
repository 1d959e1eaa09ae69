#pragma once

#include "listener/curl_multi.h"
#include "listener/smtp_transfer.h"
#include "listener/transfer_pool.h"

#include <memory>
#include <utility>

namespace dashboard_diff::listener {

// Sends mails, any number at a time. Connections and handles are used again.
class SmtpClient {
public:
    using Callback = SmtpTransfer::Callback;

    // `multi` must outlive it.
    SmtpClient(CurlMulti& multi, TransferRules rules) : multi_(multi), rules_(std::move(rules)) {}
    SmtpClient(const SmtpClient&) = delete;
    SmtpClient& operator=(const SmtpClient&) = delete;

    // `callback` is called exactly once, later, from the event loop.
    // Throws std::runtime_error if it cannot be started.
    void send(SmtpRequest request, Callback callback) {
        SmtpTransfer& transfer =
            transfers_.idle([this] { return std::make_unique<SmtpTransfer>(multi_, rules_); });
        transfer.start(std::move(request),
                       [this, &transfer, callback = std::move(callback)](SmtpResult result) {
                           transfers_.give_back(transfer);
                           callback(std::move(result));
                       });
        transfers_.take();
    }

private:
    CurlMulti& multi_;
    TransferRules rules_;
    TransferPool<SmtpTransfer> transfers_;
};

} // namespace dashboard_diff::listener
