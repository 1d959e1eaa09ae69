#pragma once

#include "listener/options.h"

#include <span>
#include <string>
#include <string_view>

namespace dashboard_diff::listener {

// Where an option may be given.
enum class Scope {
    everywhere,              // file, environment, command line
    environment_and_command, // not in the file
    command,                 // command line only: it says what to do, not how
};

// One option: all that the readers of the three sources and --help know of it.
struct OptionDescription {
    const char* name;     // as on the command line, without dashes
    const char* argument; // its name in --help; nullptr: it needs none
    Scope scope;
    const char* group; // heading in --help
    const char* help;  // lines that say it in full
    const char* default_value = "";

    // Throws std::invalid_argument with what is wrong with the value. Adds to a list.
    void (*set)(Options& options, const std::string& value);

    // Lists only: empties it, since a list of a higher source replaces those below.
    void (*clear)(Options& options) = nullptr;

    // For showing a value that may hold secrets; nullptr: as it is.
    std::string (*without_secrets)(const std::string& value) = nullptr;

    bool is_list() const noexcept { return clear != nullptr; }
    bool is_switch() const noexcept { return argument == nullptr; }
};

// In the order of --help, the options of a group together.
std::span<const OptionDescription> option_table() noexcept;

// nullptr: there is none of that name.
const OptionDescription* find_option(std::string_view name) noexcept;

// The option of the most similar name; empty if none is similar.
std::string_view nearest_option(std::string_view name);

} // namespace dashboard_diff::listener
