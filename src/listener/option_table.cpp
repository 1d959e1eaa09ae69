#include "listener/option_table.h"

#include "listener/connection_string.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <stdexcept>
#include <utility>

#include <strings.h>

namespace dashboard_diff::listener {
namespace {

template <typename Number>
Number parse_number(const std::string& text, Number low, Number high) {
    Number value{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || value < low || value > high) {
        throw std::invalid_argument("expected a whole number from " + std::to_string(low) + " to " +
                                    std::to_string(high) + ", got \"" + text + "\"");
    }
    return value;
}

// The words that PostgreSQL takes for a boolean.
bool parse_boolean(const std::string& text) {
    for (const char* word : {"on", "true", "yes", "1"})
        if (::strcasecmp(text.c_str(), word) == 0)
            return true;
    for (const char* word : {"off", "false", "no", "0"})
        if (::strcasecmp(text.c_str(), word) == 0)
            return false;
    throw std::invalid_argument("expected on or off, got \"" + text + "\"");
}

std::string parse_path(const std::string& text) {
    if (text.empty())
        throw std::invalid_argument("expected the path of a file");
    return text;
}

std::int64_t parse_id(const std::string& text) {
    return parse_number<std::int64_t>(text, 1, INT64_MAX);
}

Source parse_source(const std::string& text) {
    constexpr std::string_view policy = "policy:";
    if (text.starts_with(policy))
        return {Source::Kind::policy, parse_id(text.substr(policy.size()))};
    return {Source::Kind::subscription, parse_id(text)};
}

Level parse_level(const std::string& text) {
    if (text == "error")
        return Level::error;
    if (text == "warning")
        return Level::warning;
    if (text == "info")
        return Level::info;
    throw std::invalid_argument("expected error, warning or info, got \"" + text + "\"");
}

constexpr const char* connection_group = "Connection";
constexpr const char* delivery_group = "Delivery";
constexpr const char* secrets_group = "Secrets";
constexpr const char* process_group = "Process";
constexpr const char* command_group = "Commands, on the command line only, one at a time";

constexpr OptionDescription table[] = {
    {.name = "dsn",
     .argument = "CONNINFO",
     .scope = Scope::everywhere,
     .group = connection_group,
     .help = "libpq connection string, URI or database name. What it leaves out\n"
             "comes from libpq's environment (PGHOST, PGDATABASE, PGSERVICE, ...).\n"
             "Keep passwords in a passfile or in the configuration file: other\n"
             "users can read a command line.",
     .set =
         [](Options& options, const std::string& value) {
             check_connection_string(value);
             options.dsn = value;
         },
     .without_secrets = connection_string_without_secrets},
    {.name = "poll",
     .argument = "SECONDS",
     .scope = Scope::everywhere,
     .group = connection_group,
     .help = "look for work at least this often, also without a notification\n"
             "(1 to 3600)",
     .default_value = "10",
     .set =
         [](Options& options, const std::string& value) {
             options.poll = std::chrono::seconds(parse_number<unsigned>(value, 1, 3600));
         }},
    {.name = "poll-only",
     .argument = nullptr,
     .scope = Scope::everywhere,
     .group = connection_group,
     .help = "do not LISTEN: for a connection through PgBouncer in transaction\n"
             "mode, where no session stays. Alerts wait for the next poll",
     .default_value = "off",
     .set = [](Options& options,
               const std::string& value) { options.poll_only = parse_boolean(value); }},

    {.name = "concurrency",
     .argument = "N",
     .scope = Scope::everywhere,
     .group = delivery_group,
     .help = "requests in flight at a time (1 to 1000)",
     .default_value = "32",
     .set =
         [](Options& options, const std::string& value) {
             options.concurrency = parse_number<unsigned>(value, 1, 1000);
         }},
    {.name = "allow-http",
     .argument = nullptr,
     .scope = Scope::everywhere,
     .group = delivery_group,
     .help = "also deliver to http:// targets, not to https:// only",
     .default_value = "off",
     .set = [](Options& options,
               const std::string& value) { options.allow_http = parse_boolean(value); }},
    {.name = "allow-network",
     .argument = "CIDR",
     .scope = Scope::everywhere,
     .group = delivery_group,
     .help = "also deliver to these networks, such as 10.1.0.0/16 or fd00::/8,\n"
             "not to public addresses only",
     .set =
         [](Options& options, const std::string& value) {
             options.allowed_networks.push_back(Network::parse(value));
         },
     .clear = [](Options& options) { options.allowed_networks.clear(); }},
    {.name = "allow-relay",
     .argument = "CIDR",
     .scope = Scope::everywhere,
     .group = delivery_group,
     .help = "networks that mail may be handed to besides those above: a relay is\n"
             "often next door, where no webhook should go",
     .set =
         [](Options& options, const std::string& value) {
             options.allowed_relays.push_back(Network::parse(value));
         },
     .clear = [](Options& options) { options.allowed_relays.clear(); }},
    {.name = "ca-file",
     .argument = "FILE",
     .scope = Scope::everywhere,
     .group = delivery_group,
     .help = "certificates (PEM) of the authorities that receivers and relays are\n"
             "trusted by, instead of the system's",
     .set = [](Options& options,
               const std::string& value) { options.ca_file = parse_path(value); }},

    {.name = "key-file",
     .argument = "FILE",
     .scope = Scope::everywhere,
     .group = secrets_group,
     .help = "master key that every secret is derived from or sealed with: 32\n"
             "bytes as base64, mode 0400; made at the start where there is none\n"
             "(default: /etc/dashboard_diff/listener.key for root,\n"
             "else ~/.config/dashboard_diff/listener.key)",
     .set = [](Options& options,
               const std::string& value) { options.key_file = parse_path(value); }},

    {.name = "log-level",
     .argument = "LEVEL",
     .scope = Scope::everywhere,
     .group = process_group,
     .help = "least urgent of what is logged: error, warning or info",
     .default_value = "info",
     .set = [](Options& options,
               const std::string& value) { options.log_level = parse_level(value); }},
    {.name = "config",
     .argument = "FILE",
     .scope = Scope::environment_and_command,
     .group = process_group,
     .help = "configuration file; /dev/null for none\n"
             "(default: /etc/dashboard_diff/listener.conf if there is one)",
     .set = [](Options&, const std::string& value) { parse_path(value); }},

    {.name = "once",
     .argument = nullptr,
     .scope = Scope::command,
     .group = command_group,
     .help = "finish what inserts left pending and deliver what is due now, then\n"
             "exit",
     .set = [](Options& options, const std::string&) { options.once = true; }},
    {.name = "print-secret",
     .argument = "ID",
     .scope = Scope::command,
     .group = command_group,
     .help = "print the secret (whsec_...) that the receiver of subscription ID\n"
             "checks signatures with; policy:ID for that of a validation policy's\n"
             "webhooks",
     .set = [](Options& options,
               const std::string& value) { options.print_secret = parse_source(value); }},
    {.name = "seal",
     .argument = "ID",
     .scope = Scope::command,
     .group = command_group,
     .help = "read a password or token from standard input and print it sealed, to\n"
             "be stored as the credentials of notification_configs row ID",
     .set = [](Options& options, const std::string& value) { options.seal = parse_id(value); }},
    {.name = "make-key",
     .argument = nullptr,
     .scope = Scope::command,
     .group = command_group,
     .help = "make the master key where there is none, and check it where there is",
     .set = [](Options& options, const std::string&) { options.make_key = true; }},
    {.name = "check-config",
     .argument = nullptr,
     .scope = Scope::command,
     .group = command_group,
     .help = "print the settings in effect, without passwords, and where each comes\n"
             "from",
     .set = [](Options& options, const std::string&) { options.check_config = true; }},
    {.name = "help",
     .argument = nullptr,
     .scope = Scope::command,
     .group = command_group,
     .help = "print this text",
     .set = [](Options& options, const std::string&) { options.help = true; }},
    {.name = "version",
     .argument = nullptr,
     .scope = Scope::command,
     .group = command_group,
     .help = "print the version",
     .set = [](Options& options, const std::string&) { options.version = true; }},
};

// Levenshtein's distance.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0U);
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

} // namespace

std::span<const OptionDescription> option_table() noexcept {
    return table;
}

const OptionDescription* find_option(std::string_view name) noexcept {
    const auto* found = std::ranges::find(table, name, &OptionDescription::name);
    return found == std::end(table) ? nullptr : found;
}

std::string_view nearest_option(std::string_view name) {
    // Far apart, a proposal would only puzzle.
    std::size_t nearest = std::min<std::size_t>(name.size() / 2, 3) + 1;
    std::string_view found;
    for (const OptionDescription& option : table) {
        if (const std::size_t distance = edit_distance(name, option.name); distance < nearest) {
            nearest = distance;
            found = option.name;
        }
    }
    return found;
}

} // namespace dashboard_diff::listener
