#include "listener/smtp_transfer.h"

#include "listener/secret_text.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

namespace dashboard_diff::listener {

SmtpTransfer::SmtpTransfer(CurlMulti& multi, const TransferRules& rules)
    : CurlTransfer(multi, rules) {
    set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, on_read);
    set(CURLOPT_READDATA, this);
    set(CURLOPT_SEEKFUNCTION, on_seek);
    set(CURLOPT_SEEKDATA, this);
    set(CURLOPT_HEADERFUNCTION, on_reply);
    set(CURLOPT_HEADERDATA, this);
}

void SmtpTransfer::start(SmtpRequest request, Callback callback) {
    request_ = std::move(request);
    callback_ = std::move(callback);
    sent_ = 0;
    reading_ = false;
    enhanced_status_.clear();

    List recipients;
    append(recipients, request_.recipient);
    set(CURLOPT_MAIL_RCPT, recipients.get());
    recipients_ = std::move(recipients);

    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_USE_SSL,
        static_cast<long>(request_.require_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    const bool login = !request_.username.empty();
    SecretText password(request_.password.size() + 1); // ended by a NUL, for curl to copy
    request_.password.copy(password.data(), request_.password.size());
    set(CURLOPT_USERNAME, login ? request_.username.c_str() : nullptr);
    set(CURLOPT_PASSWORD, login ? password.data() : nullptr);
    request_.password = {};
    set(CURLOPT_MAIL_FROM, request_.sender.c_str());
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request_.message.size()));
    begin();
}

std::size_t SmtpTransfer::on_read(char* out, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<SmtpTransfer*>(self);
    transfer.reading_ = true;
    const std::size_t sent = transfer.request_.message.copy(out, size * count, transfer.sent_);
    transfer.sent_ += sent;
    return sent;
}

int SmtpTransfer::on_seek(void* self, curl_off_t offset, int origin) {
    auto& transfer = *static_cast<SmtpTransfer*>(self);
    if (origin != SEEK_SET || offset < 0 ||
        offset > static_cast<curl_off_t>(transfer.request_.message.size()))
        return CURL_SEEKFUNC_FAIL;
    transfer.sent_ = static_cast<std::size_t>(offset);
    return CURL_SEEKFUNC_OK;
}

std::size_t SmtpTransfer::on_reply(char* data, std::size_t size, std::size_t count, void* self) {
    // The reply to the QUIT that follows a refusal is none.
    const std::string_view reply(data, size * count);
    if (reply.starts_with('4') || reply.starts_with('5'))
        static_cast<SmtpTransfer*>(self)->enhanced_status_ = enhanced_status(reply);
    return size * count;
}

SmtpResult SmtpTransfer::result(CURLcode code) const {
    using Stage = SmtpResult::Stage;
    SmtpResult result;
    result.elapsed = elapsed();
    const auto status = static_cast<int>(response_code());
    result.replied = status != 0;
    if (code == CURLE_OK) {
        result.stage = Stage::accepted;
        result.status = status;
        return result;
    }
    // Which command was refused, curl tells only by the words that it begins with.
    const std::string_view words = curl_words();
    result.stage = code == CURLE_LOGIN_DENIED                     ? Stage::login
                   : words.starts_with("MAIL failed")             ? Stage::sender
                   : words.starts_with("RCPT failed")             ? Stage::recipient
                   : words.starts_with("DATA failed") || reading_ ? Stage::message
                                                                  : Stage::connection;
    if (code == CURLE_USE_SSL_FAILED) {
        result.error = "the relay does not take STARTTLS";
    } else if (status >= 400 && code != CURLE_OPERATION_TIMEDOUT) {
        result.status = status;
        result.enhanced_status = enhanced_status_;
    } else {
        result.error = failure(code);
    }
    return result;
}

void SmtpTransfer::completed(CURLcode code) {
    SmtpResult what = result(code);
    end();
    request_ = {};
    const Callback callback = std::exchange(callback_, nullptr);
    callback(std::move(what));
}

} // namespace dashboard_diff::listener
