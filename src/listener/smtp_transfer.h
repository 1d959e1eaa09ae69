#pragma once

#include "listener/curl_transfer.h"
#include "listener/smtp.h"

#include <cstddef>
#include <functional>
#include <string>

namespace dashboard_diff::listener {

// A transfer set up to send one mail.
class SmtpTransfer final : public CurlTransfer {
public:
    using Callback = std::function<void(SmtpResult)>;

    // `rules` must outlive it. Throws std::runtime_error.
    SmtpTransfer(CurlMulti& multi, const TransferRules& rules);

    // Throws std::runtime_error; the transfer may then be started anew.
    void start(SmtpRequest request, Callback callback);

    void completed(CURLcode code) override;

private:
    static std::size_t on_read(char* out, std::size_t size, std::size_t count, void* self);
    static int on_seek(void* self, curl_off_t offset, int origin);
    static std::size_t on_reply(char* data, std::size_t size, std::size_t count, void* self);

    SmtpResult result(CURLcode code) const;

    List recipients_;
    SmtpRequest request_;
    Callback callback_;
    std::size_t sent_ = 0; // bytes of the message
    bool reading_ = false; // the relay asked for the message
    std::string enhanced_status_;
};

} // namespace dashboard_diff::listener
