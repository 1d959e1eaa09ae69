#include "listener/options.h"

#include <charconv>
#include <cstdlib>

#include <getopt.h>
#include <libpq-fe.h>
#include <unistd.h>

namespace dashboard_diff::listener {
namespace {

enum OptionCode {
    dsn_option = 1000,
    key_file_option,
    once_option,
    concurrency_option,
    allow_network_option,
    allow_http_option,
    allow_relay_option,
    ca_file_option,
    poll_only_option,
    seal_option,
    poll_option,
    print_secret_option,
    help_option,
    version_option,
};

constexpr option long_options[] = {
    {"dsn", required_argument, nullptr, dsn_option},
    {"key-file", required_argument, nullptr, key_file_option},
    {"once", no_argument, nullptr, once_option},
    {"concurrency", required_argument, nullptr, concurrency_option},
    {"allow-network", required_argument, nullptr, allow_network_option},
    {"allow-http", no_argument, nullptr, allow_http_option},
    {"allow-relay", required_argument, nullptr, allow_relay_option},
    {"ca-file", required_argument, nullptr, ca_file_option},
    {"poll-only", no_argument, nullptr, poll_only_option},
    {"seal", required_argument, nullptr, seal_option},
    {"poll", required_argument, nullptr, poll_option},
    {"print-secret", required_argument, nullptr, print_secret_option},
    {"help", no_argument, nullptr, help_option},
    {"version", no_argument, nullptr, version_option},
    {nullptr, 0, nullptr, 0},
};

template <typename Number>
Number parse_number(const char* name, const std::string& text, Number low, Number high) {
    Number value{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || value < low || value > high) {
        throw UsageError(std::string(name) + ": expected a whole number from " +
                         std::to_string(low) + " to " + std::to_string(high) + ", got \"" + text +
                         "\"");
    }
    return value;
}

Network parse_network(const char* name, const char* text) {
    try {
        return Network::parse(text);
    } catch (const std::invalid_argument& error) {
        throw UsageError(std::string(name) + ": " + error.what());
    }
}

void check_dsn(const std::string& dsn) {
    // A bare word is a database name; only a connection string can be malformed.
    if (dsn.find('=') == std::string::npos && dsn.find("://") == std::string::npos)
        return;
    char* message = nullptr;
    PQconninfoOption* parsed = PQconninfoParse(dsn.c_str(), &message);
    if (parsed == nullptr) {
        std::string why = message == nullptr ? "out of memory" : message;
        PQfreemem(message);
        while (!why.empty() && why.back() == '\n')
            why.pop_back();
        throw UsageError("--dsn: " + why);
    }
    PQconninfoFree(parsed);
}

void apply(Options& options, int code, const char* argument) {
    switch (code) {
    case dsn_option:
        options.dsn = argument;
        check_dsn(options.dsn);
        break;
    case key_file_option:
        options.key_file = argument;
        if (options.key_file.empty())
            throw UsageError("--key-file: expected the path of a file");
        break;
    case once_option:
        options.once = true;
        break;
    case concurrency_option:
        options.concurrency = parse_number<unsigned>("--concurrency", argument, 1, 1000);
        break;
    case allow_network_option:
        options.allowed_networks.push_back(parse_network("--allow-network", argument));
        break;
    case allow_relay_option:
        options.allowed_relays.push_back(parse_network("--allow-relay", argument));
        break;
    case ca_file_option:
        options.ca_file = argument;
        break;
    case poll_only_option:
        options.poll_only = true;
        break;
    case seal_option:
        options.seal = parse_number<std::int64_t>("--seal", argument, 1, INT64_MAX);
        break;
    case allow_http_option:
        options.allow_http = true;
        break;
    case poll_option:
        options.poll = std::chrono::seconds(parse_number<unsigned>("--poll", argument, 1, 3600));
        break;
    case print_secret_option:
        options.print_secret = parse_number<std::int64_t>("--print-secret", argument, 1, INT64_MAX);
        break;
    case help_option:
        options.help = true;
        break;
    case version_option:
        options.version = true;
        break;
    default:
        throw UsageError("unknown option");
    }
}

} // namespace

Options parse_options(int argc, char** argv) {
    Options options;
    optind = 0; // glibc: start afresh, for a second call in one process
    opterr = 0;
    while (true) {
        const int current = optind == 0 ? 1 : optind;
        const int code = getopt_long(argc, argv, "+:", long_options, nullptr);
        if (code == -1)
            break;
        const std::string word = current < argc ? argv[current] : "";
        if (code == ':')
            throw UsageError(word + ": expected a value");
        if (code == '?')
            throw UsageError(word + ": unknown option or a value it does not take");
        apply(options, code, optarg);
    }
    if (optind < argc)
        throw UsageError(std::string(argv[optind]) + ": unexpected argument");
    if (options.once && options.print_secret)
        throw UsageError("--once and --print-secret do not go together");
    if (options.seal && (options.once || options.print_secret))
        throw UsageError("--seal goes with neither --once nor --print-secret");
    return options;
}

std::string default_key_file() {
    if (geteuid() == 0)
        return "/etc/dashboard_diff/listener.key";
    const char* home = std::getenv("HOME");
    if (home == nullptr || *home != '/')
        throw UsageError("HOME is not set: give the master key's place with --key-file");
    return std::string(home) + "/.config/dashboard_diff/listener.key";
}

std::string help_text() {
    return R"(dashboard_diff_listener delivers the alerts of the PostgreSQL extension dashboard_diff.

Usage: dashboard_diff_listener [OPTION]...

Connection
  --dsn CONNINFO          libpq connection string, URI or database name. What it leaves out
                          comes from the environment (PGHOST, PGDATABASE, PGSERVICE, ...).
                          Keep passwords in ~/.pgpass: other users can read a command line.
  --poll SECONDS          look for work at least this often, also without a notification
                          (1 to 3600, default 10)

Delivery
  --concurrency N         requests in flight at a time (1 to 1000, default 32)
  --once                  finish what inserts left pending and deliver what is due now, then exit
  --allow-http            also deliver to http:// targets (default: https:// only)
  --allow-network CIDR    also deliver to this network, such as 10.1.0.0/16 or fd00::/8
                          (default: public addresses only); may be given several times

Secrets
  --key-file FILE         master key from which the key of each webhook is derived: 32 bytes as
                          base64, mode 0400; made on first start where there is none
                          (default: /etc/dashboard_diff/listener.key for root,
                          else ~/.config/dashboard_diff/listener.key)
  --print-secret ID       print the secret (whsec_...) the receiver of subscription ID checks
                          signatures with, then exit

  --help                  print this text, then exit
  --version               print the version, then exit

SIGTERM and SIGINT let the requests in flight finish; a second one exits at once.
Any number of listeners may serve one database; give them all the same master key.

Exit status: 0 done; 64 wrong usage; 65 no such subscription; 69 server not reachable
(--once, --print-secret) or refused a statement; 70 internal error; 75 stopped with results the
database did not take; 78 unfit key file, or extension not installed (--once, --print-secret).

Examples:
  dashboard_diff_listener --dsn 'host=db.example.com dbname=bi user=dashboard_listener'
  dashboard_diff_listener --dsn bi --once --allow-http --allow-network 127.0.0.0/8
  dashboard_diff_listener --dsn bi --print-secret 12
)";
}

} // namespace dashboard_diff::listener
