#pragma once

#include "listener/outbox.h"
#include "listener/secret_text.h"
#include "listener/signature.h"

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace dashboard_diff::listener {

// There is nothing to send through; what() is a short reason.
class ProviderError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// A notification config: a mail relay, a Slack workspace, a Telegram bot.
class Provider {
public:
    // `key` must outlive it. Settings that are no JSON object are none.
    Provider(const SecretKey& key, ProviderRow row);

    std::int64_t id() const noexcept { return row_.id; }
    const std::string& type() const noexcept { return row_.type; }

    // A setting as text, numbers too; `otherwise` where there is none.
    std::string setting(const std::string& name, std::string_view otherwise = {}) const;

    bool has_secret() const noexcept { return !row_.credentials.empty(); }

    // The credentials, unsealed when first asked for. Throws ProviderError.
    std::string_view secret() const;

    bool is_of(const ProviderRow& row) const noexcept { return row_ == row; }

private:
    const SecretKey& key_;
    ProviderRow row_;
    std::map<std::string, std::string> settings_;
    mutable std::optional<SecretText> secret_;
};

// The active notification configs as last read.
class Providers {
public:
    // `key` is the one to unseal with.
    explicit Providers(SecretKey key) : key_(std::move(key)) {}
    Providers(const Providers&) = delete;
    Providers& operator=(const Providers&) = delete;

    // Reads them again; those that are the same stay as they are. Only while the outbox is ready.
    void refresh(Outbox& outbox, std::function<void()> done);
    void replace(std::vector<ProviderRow> rows);

    // Whether there is any for subscribers of the kind.
    bool any(std::string_view kind) const;

    // The one with that id; without an id there is none for the owner. Good until the next refresh.
    // Throws ProviderError.
    const Provider& find(std::string_view kind, std::optional<std::int64_t> id) const;

    // The same; null where there is none.
    const Provider* look_up(std::string_view kind, std::optional<std::int64_t> id) const noexcept;

private:
    SecretKey key_;
    std::vector<Provider> providers_; // in order of their ids
};

} // namespace dashboard_diff::listener
