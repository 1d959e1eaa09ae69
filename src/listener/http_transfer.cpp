#include "listener/http_transfer.h"

#include "listener/version.h"

#include <ctime>
#include <utility>

namespace dashboard_diff::listener {

HttpTransfer::HttpTransfer(CurlMulti& multi, const TransferRules& rules)
    : CurlTransfer(multi, rules) {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_USERAGENT, (std::string("dashboard_diff/") + program_version).c_str());
    set(CURLOPT_PROTOCOLS_STR, rules.allow_http ? "https,http" : "https");

    // One request a connection at a time: an answer that is cut off or stalls holds up no other.
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));

    set(CURLOPT_HEADERFUNCTION, on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, on_body);
    set(CURLOPT_WRITEDATA, this);
}

void HttpTransfer::start(HttpRequest request, Callback callback) {
    request_ = std::move(request);
    callback_ = std::move(callback);
    header_bytes_ = 0;
    body_bytes_ = 0;
    body_.clear();
    answered_ = false;

    List headers;
    for (const std::string& line : request_.headers)
        append(headers, line);
    append(headers, "Expect:"); // never wait for "100 Continue"
    set(CURLOPT_HTTPHEADER, headers.get());
    headers_ = std::move(headers);

    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_POSTFIELDS, request_.body.c_str());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    begin();
}

std::size_t HttpTransfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<HttpTransfer*>(self);
    const std::string_view line(data, size * count);
    transfer.header_bytes_ += line.size();
    if (line == "\r\n" || line == "\n")
        transfer.answered_ = transfer.response_code() >= 200; // 1xx: the answer is still to come
    return transfer.header_bytes_ <= response_limit ? line.size() : 0;
}

std::size_t HttpTransfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<HttpTransfer*>(self);
    transfer.body_bytes_ += size * count;
    if (transfer.body_bytes_ > response_limit)
        return 0; // aborts
    if (transfer.request_.keep_body)
        transfer.body_.append(data, size * count);
    return size * count;
}

HttpResult HttpTransfer::result(CURLcode code) {
    HttpResult result;
    result.elapsed = elapsed();
    if (!answered_) {
        result.error = code == CURLE_OK            ? "no HTTP answer"
                       : code == CURLE_WRITE_ERROR ? "answer with too large headers"
                                                   : failure(code);
        result.refused = was_refused();
        return result;
    }
    // With its headers complete the answer counts, also if its body was too large or broke off.
    result.status = static_cast<int>(response_code());
    result.body = std::move(body_);
    curl_header* header = nullptr;
    if (curl_easy_header(handle(), "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        result.retry_after = parse_retry_after(header->value, std::time(nullptr));
    return result;
}

void HttpTransfer::completed(CURLcode code) {
    HttpResult what = result(code);
    end();
    request_ = {};
    const Callback callback = std::exchange(callback_, nullptr);
    callback(std::move(what));
}

} // namespace dashboard_diff::listener
