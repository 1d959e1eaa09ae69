#include "listener/providers.h"

#include "listener/json.h"
#include "listener/seal.h"

#include <algorithm>

namespace dashboard_diff::listener {
namespace {

std::string_view type_for(std::string_view kind) noexcept {
    return kind == "email"      ? "SMTP"
           : kind == "slack"    ? "SLACK"
           : kind == "telegram" ? "TELEGRAM"
                                : "";
}

} // namespace

Provider::Provider(const SecretKey& key, ProviderRow row) : key_(key), row_(std::move(row)) {
    const rapidjson::Document settings = read_object(row_.settings);
    if (!settings.IsObject())
        return;
    for (const auto& [name, value] : settings.GetObject())
        settings_[name.GetString()] =
            value.IsInt() ? std::to_string(value.GetInt()) : std::string(text_of(value));
}

std::string Provider::setting(const std::string& name, std::string_view otherwise) const {
    const auto found = settings_.find(name);
    return found == settings_.end() ? std::string(otherwise) : found->second;
}

std::string_view Provider::secret() const {
    if (!has_secret())
        throw ProviderError("notification config " + std::to_string(row_.id) +
                            " has no credentials");
    if (!secret_) {
        try {
            secret_ = unseal(key_, credentials_purpose(row_.id), row_.credentials);
        } catch (const SealError& error) {
            throw ProviderError("credentials of notification config " + std::to_string(row_.id) +
                                ": " + error.what());
        }
    }
    return secret_->view();
}

void Providers::refresh(Outbox& outbox, std::function<void()> done) {
    outbox.providers([this, done = std::move(done)](std::optional<std::vector<ProviderRow>> rows) {
        if (rows)
            replace(std::move(*rows));
        done();
    });
}

void Providers::replace(std::vector<ProviderRow> rows) {
    std::vector<Provider> fresh;
    fresh.reserve(rows.size());
    for (ProviderRow& row : rows) {
        const auto same = std::ranges::find_if(
            providers_, [&](const Provider& provider) { return provider.is_of(row); });
        if (same == providers_.end())
            fresh.emplace_back(key_, std::move(row));
        else
            fresh.push_back(std::move(*same));
    }
    providers_ = std::move(fresh);
}

const Provider* Providers::look_up(std::string_view kind,
                                   std::optional<std::int64_t> id) const noexcept {
    const auto found = std::ranges::find_if(providers_, [&](const Provider& provider) {
        return provider.type() == type_for(kind) && provider.id() == id;
    });
    return found == providers_.end() ? nullptr : &*found;
}

bool Providers::any(std::string_view kind) const {
    return std::ranges::any_of(
        providers_, [&](const Provider& provider) { return provider.type() == type_for(kind); });
}

const Provider& Providers::find(std::string_view kind, std::optional<std::int64_t> id) const {
    if (const Provider* provider = look_up(kind, id))
        return *provider;
    const std::string type(type_for(kind));
    if (id)
        throw ProviderError("notification config " + std::to_string(*id) +
                            " is not active, or not of type " + type);
    throw ProviderError("there is no active notification config of type " + type +
                        " that the owner may send through");
}

} // namespace dashboard_diff::listener
