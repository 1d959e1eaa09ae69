#pragma once

#include "listener/address_policy.h"
#include "listener/log.h"
#include "listener/source.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dashboard_diff::listener {

// What the listener is told to do, wherever it was told so.
struct Options {
    std::string dsn;      // empty: libpq's environment decides
    std::string key_file; // empty: default_key_file()
    bool once = false;
    bool allow_http = false;
    bool help = false;
    bool version = false;
    bool check_config = false;
    bool make_key = false;
    unsigned concurrency = 32; // requests in flight at a time
    std::chrono::seconds poll{10};
    std::vector<Network> allowed_networks;
    std::vector<Network> allowed_relays; // for mail relays, besides the former
    std::string ca_file;                 // PEM; empty: the system's
    bool poll_only = false;              // no LISTEN
    Level log_level = Level::info;       // the least urgent that is logged
    std::optional<Source> print_secret;  // whose
    std::optional<std::int64_t> seal;    // id of a notification config
};

} // namespace dashboard_diff::listener
