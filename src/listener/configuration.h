#pragma once

#include "listener/config_file.h"
#include "listener/option_table.h"
#include "listener/options.h"

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace dashboard_diff::listener {

constexpr const char* default_config_file = "/etc/dashboard_diff/listener.conf";

// A mistake on the command line; what() is one line for the user.
class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// The options with where they come from.
class Configuration {
public:
    // In growing precedence: the file (named by --config or DASHBOARD_DIFF_CONFIG, else
    // `default_file` if it exists), DASHBOARD_DIFF_* of `environment`, the command line. A list of
    // a higher source replaces the one below. --help and --version look at nothing else. Not for
    // use from two threads (getopt_long). Throws UsageError, or ConfigError for the other two.
    static Configuration read(int argc, char** argv, char* const* environment,
                              const std::string& default_file = default_config_file);

    Options options;
    std::string file;                  // empty: none was read
    std::vector<std::string> warnings; // a line each

    // Every setting as a line of a configuration file, with its source as a comment and without
    // secrets.
    std::string text() const;

private:
    struct Origin {
        std::string value; // as given; of a list, all its words
        std::string place;
    };
    struct Given {
        const OptionDescription* option;
        std::string value;
        std::string place; // for errors and for text()
    };

    static std::vector<Given> from_command_line(int argc, char** argv);
    std::vector<Given> from_environment(char* const* environment);
    std::vector<Given> from_file(const std::string& path);

    template <typename Error>
    void apply(const std::vector<Given>& source);

    std::map<const OptionDescription*, Origin> origins_;
};

// Where the master key lies if nothing says: depends on who runs the process.
// Throws ConfigError if the home directory is unknown.
std::string default_key_file();

} // namespace dashboard_diff::listener
