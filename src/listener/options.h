#pragma once

#include "listener/address_policy.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace dashboard_diff::listener {

struct Options {
    std::string dsn; // empty: libpq's environment decides
    std::string key_file;
    bool once = false;
    bool allow_http = false;
    bool help = false;
    bool version = false;
    unsigned concurrency = 32; // requests in flight at a time
    std::chrono::seconds poll{10};
    std::vector<Network> allowed_networks;
    std::vector<Network> allowed_relays;      // for mail relays, besides the former
    std::string ca_file;                      // PEM; empty: the system's
    bool poll_only = false;                   // no LISTEN
    std::optional<std::int64_t> print_secret; // id of a subscription
    std::optional<std::int64_t> seal;         // id of a notification config
};

// A mistake on the command line; what() is one line for the user.
class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Reads the command line. Not for use from two threads (getopt_long). Throws UsageError.
Options parse_options(int argc, char** argv);

// Where the master key lies if no --key-file says: depends on who runs the process.
// Throws UsageError if the home directory is unknown.
std::string default_key_file();

// Text of --help.
std::string help_text();

} // namespace dashboard_diff::listener
